//! What is a word in a tweet? Training and serving ask here, so that both read alike.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::Span;

/// The words of a text, in order; all but white space is in exactly one.
///
/// A text is cut at white space. What is neither letter nor digit at either end of such a piece stands alone, each
/// character for itself but repeated ones together: `"(Paris)!!"` is `( Paris ) !!`, `"#Jordan🔥"` is `# Jordan 🔥`.
/// A final `'s` stands alone too. What is inside stays: `AT&T`, `t.co/x`, `half-time`. Chinese characters and kana
/// are words of their own, as no space parts them. A character is what readers take for one (an extended grapheme
/// cluster of UAX #29): marks stay with the letter they modify, and the parts of a family, a flag or a keycap together.
#[must_use]
pub fn split_words(text: &str) -> Vec<Span> {
    let mut words = Vec::new();
    let (mut start, mut byte_start) = (0, 0);
    // At white space first, since a mark may follow a space and make one cluster with it.
    for part in text.split_inclusive(char::is_whitespace) {
        let piece = part.trim_end_matches(char::is_whitespace);
        split_piece(&units(piece, start, byte_start), &mut words);
        start += part.chars().count();
        byte_start += part.len();
    }
    words
}

/// A character as readers see it, and where it is in the text.
struct Unit<'text> {
    cluster: &'text str,
    span: Span,
}

/// The characters of a piece that begins there in its text.
fn units(piece: &str, mut start: usize, mut byte_start: usize) -> Vec<Unit<'_>> {
    let unit = |cluster| {
        let (end, byte_end) = (start + str::chars(cluster).count(), byte_start + str::len(cluster));
        let span = Span { start, end, byte_start, byte_end };
        (start, byte_start) = (end, byte_end);
        Unit { cluster, span }
    };
    piece.graphemes(true).map(unit).collect()
}

impl Unit<'_> {
    fn is_inner(&self) -> bool {
        self.cluster.starts_with(char::is_alphanumeric)
    }
}

/// Cuts what stood between two white spaces into words.
fn split_piece(piece: &[Unit<'_>], words: &mut Vec<Span>) {
    let Some(first) = piece.iter().position(Unit::is_inner) else {
        return split_repeated(piece, words);
    };
    let last = piece.iter().rposition(Unit::is_inner).map_or(first, |last| last + 1);
    split_repeated(&piece[..first], words);
    let (stem, possessive) =
        piece[first..last].split_at(last - first - possessive_length(&piece[first..last]));
    split_ideographs(stem, words);
    words.extend(joined(possessive));
    split_repeated(&piece[last..], words);
}

/// How many characters at the end are a possessive after something.
fn possessive_length(piece: &[Unit<'_>]) -> usize {
    match piece {
        [.., _, apostrophe, s]
            if matches!(apostrophe.cluster, "'" | "\u{2019}") && matches!(s.cluster, "s" | "S") =>
        {
            2
        }
        _ => 0,
    }
}

fn split_repeated(piece: &[Unit<'_>], words: &mut Vec<Span>) {
    words.extend(piece.chunk_by(|left, right| left.cluster == right.cluster).filter_map(joined));
}

fn split_ideographs(piece: &[Unit<'_>], words: &mut Vec<Span>) {
    let together = |left: &Unit<'_>, right: &Unit<'_>| {
        !left.cluster.starts_with(is_ideograph) && !right.cluster.starts_with(is_ideograph)
    };
    words.extend(piece.chunk_by(together).filter_map(joined));
}

fn joined(units: &[Unit<'_>]) -> Option<Span> {
    let (first, last) = (units.first()?.span, units.last()?.span);
    Some(Span { end: last.end, byte_end: last.byte_end, ..first })
}

/// Chinese characters and kana.
fn is_ideograph(character: char) -> bool {
    matches!(character,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}')
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<&str> {
        split_words(text).iter().map(|word| &text[word.byte_start..word.byte_end]).collect()
    }

    #[test]
    fn names_stand_free_of_what_surrounds_them() {
        let cases = [
            ("Jordan, in (Paris)!!", vec!["Jordan", ",", "in", "(", "Paris", ")", "!!"]),
            ("RT @kim_x: #Jordan🔥🔥 wow…", vec!["RT", "@", "kim_x", ":", "#", "Jordan", "🔥🔥", "wow", "…"]),
            (
                "Jordan's and Jordan’s AT&T half-time",
                vec!["Jordan", "'s", "and", "Jordan", "’s", "AT&T", "half-time"],
            ),
            ("'s s 's", vec!["'", "s", "s", "'", "s"]),
            ("https://t.co/aB1 :-) <3", vec!["https://t.co/aB1", ":", "-", ")", "<", "3"]),
            ("我在Paris", vec!["我", "在", "Paris"]),
            ("cafe\u{301} 👨\u{200d}👩\u{200d}👧👍🏽", vec!["cafe\u{301}", "👨\u{200d}👩\u{200d}👧", "👍🏽"]),
            (" \t\n\u{3000}", vec![]),
            ("", vec![]),
            ("\u{301}a \u{200d}", vec!["\u{301}", "a", "\u{200d}"]),
            ("🇳🇴🇳🇱 1️⃣#️⃣", vec!["🇳🇴", "🇳🇱", "1️⃣", "#️⃣"]),
            (
                "नमस्ते, เชียงใหม่! (שָׁלוֹם) مرحبًا.",
                vec!["नमस्ते", ",", "เชียงใหม่", "!", "(", "שָׁלוֹם", ")", "مرحبًا", "."],
            ),
            (
                "\u{202e}Oslo\u{202c} a\u{0}b \u{feff}Oslo",
                vec!["\u{202e}", "Oslo", "\u{202c}", "a\u{0}b", "\u{feff}", "Oslo"],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_character_of_100_kb_is_one_word_and_so_are_as_many_joined() {
        let marks = format!("a{}", "\u{301}".repeat(50_000));
        let family = ["👩"; 14_000].join("\u{200d}");
        let conjunct = ["क"; 16_000].join("\u{94d}");
        let flags = "🇳".repeat(25_000);
        for (text, count) in [(&marks, 1), (&family, 1), (&conjunct, 1), (&flags, 1)] {
            assert_eq!(split_words(text).len(), count, "{:.40}", text);
            assert_eq!(split_words(text).last().map(|word| word.byte_end), Some(text.len()));
        }
    }

    /// Any code points at all, and often those that join, mark, turn or end something.
    pub(in super::super) fn texts() -> impl Strategy<Value = String> {
        let special = "[ \n\u{0}\u{85}\u{2028}ab's#…\u{301}\u{600}\u{94d}\u{915}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{feff}\u{fe0f}\u{20e3}\u{1f1f3}\u{1f1f4}🔥👩🏽\u{e007f}\u{10ffff}火ﬁİ가각ᄀ]{1,6}";
        prop::collection::vec(
            prop_oneof![2 => special.prop_map(|text: String| text), 1 => any::<String>()],
            0..8,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn words_cover_all_but_white_space_and_count_it_both_ways(text in texts()) {
            let words = split_words(&text);
            let mut at = (0, 0);
            for word in &words {
                prop_assert!(word.start < word.end && word.start >= at.0);
                prop_assert!(text[at.1..word.byte_start].chars().all(char::is_whitespace));
                prop_assert_eq!(text[..word.byte_start].chars().count(), word.start);
                prop_assert_eq!(text[..word.byte_end].chars().count(), word.end);
                at = (word.end, word.byte_end);
            }
            prop_assert!(text[at.1..].chars().all(char::is_whitespace));
        }

        #[test]
        fn no_word_ends_within_a_character(text in texts()) {
            let mut piece_start = 0;
            let mut boundaries = Vec::new();
            for piece in text.split_inclusive(char::is_whitespace) {
                let clusters = piece.trim_end_matches(char::is_whitespace).grapheme_indices(true);
                boundaries.extend(clusters.map(|(at, cluster)| piece_start + at + cluster.len()));
                piece_start += piece.len();
            }
            for word in split_words(&text) {
                prop_assert!(boundaries.contains(&word.byte_end), "{word:?} of {text:?}");
            }
        }
    }
}
