//! Word splitting of tweets, the same in training and serving.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::Span;

/// The words of a text, in order. Everything but white space is in exactly one word.
///
/// A text is split at white space. Characters that are neither letter nor digit at either end of a part are words of their
/// own, repeated ones together: `"(Paris)!!"` is `( Paris ) !!`, `"#Jordan🔥"` is `# Jordan 🔥`. A final `'s` is a word
/// too. Inner characters stay: `AT&T`, `t.co/x`, `half-time`. Chinese characters and kana are words of their own, because
/// no spaces separate them. A character is an extended grapheme cluster (UAX #29): marks stay with their letter, and the
/// parts of a family, a flag or a keycap stay together.
#[must_use]
pub fn split_words(text: &str) -> Vec<Span> {
    let mut words = Vec::new();
    let (mut start, mut byte_start) = (0, 0);
    // At white space first, because a mark after a space forms one cluster with it.
    for part in text.split_inclusive(char::is_whitespace) {
        let piece = part.trim_end_matches(char::is_whitespace);
        split_piece(&units(piece, start, byte_start), &mut words);
        start += part.chars().count();
        byte_start += part.len();
    }
    words
}

/// A grapheme cluster with its span in the text.
struct Character<'text> {
    cluster: &'text str,
    span: Span,
}

/// The characters of a part that starts at these positions.
fn units(piece: &str, mut start: usize, mut byte_start: usize) -> Vec<Character<'_>> {
    let unit = |cluster| {
        let (end, byte_end) = (start + str::chars(cluster).count(), byte_start + str::len(cluster));
        let span = Span { start, end, byte_start, byte_end };
        (start, byte_start) = (end, byte_end);
        Character { cluster, span }
    };
    // Room for as many as there can be: a list that grows takes up to three times as much while it moves.
    let mut characters = Vec::with_capacity(piece.len());
    characters.extend(piece.graphemes(true).map(unit));
    characters
}

impl Character<'_> {
    fn is_inner(&self) -> bool {
        self.cluster.starts_with(char::is_alphanumeric)
    }
}

/// Splits a part without white space into words.
fn split_piece(piece: &[Character<'_>], words: &mut Vec<Span>) {
    let Some(first) = piece.iter().position(Character::is_inner) else {
        return split_repeated(piece, words);
    };
    let last = piece.iter().rposition(Character::is_inner).map_or(first, |last| last + 1);
    split_repeated(&piece[..first], words);
    let (stem, possessive) =
        piece[first..last].split_at(last - first - possessive_length(&piece[first..last]));
    split_ideographs(stem, words);
    words.extend(joined(possessive));
    split_repeated(&piece[last..], words);
}

/// The number of characters of a possessive at the end.
fn possessive_length(piece: &[Character<'_>]) -> usize {
    match piece {
        [.., _, apostrophe, s]
            if matches!(apostrophe.cluster, "'" | "\u{2019}") && matches!(s.cluster, "s" | "S") =>
        {
            2
        }
        _ => 0,
    }
}

fn split_repeated(piece: &[Character<'_>], words: &mut Vec<Span>) {
    words.extend(piece.chunk_by(|left, right| left.cluster == right.cluster).filter_map(joined));
}

fn split_ideographs(piece: &[Character<'_>], words: &mut Vec<Span>) {
    let together = |left: &Character<'_>, right: &Character<'_>| {
        !left.cluster.starts_with(is_ideograph) && !right.cluster.starts_with(is_ideograph)
    };
    words.extend(piece.chunk_by(together).filter_map(joined));
}

fn joined(units: &[Character<'_>]) -> Option<Span> {
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
    fn names_are_separated_from_the_characters_around_them() {
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
    fn one_cluster_of_100_kb_is_one_word() {
        let marks = format!("a{}", "\u{301}".repeat(50_000));
        let family = ["👩"; 14_000].join("\u{200d}");
        let conjunct = ["क"; 16_000].join("\u{94d}");
        let flags = "🇳".repeat(25_000);
        for (text, count) in [(&marks, 1), (&family, 1), (&conjunct, 1), (&flags, 1)] {
            assert_eq!(split_words(text).len(), count, "{:.40}", text);
            assert_eq!(split_words(text).last().map(|word| word.byte_end), Some(text.len()));
        }
    }

    /// Arbitrary code points, often those that join, combine or change direction.
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
        fn words_cover_all_but_white_space_in_code_points_and_in_bytes(text in texts()) {
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
        fn no_word_ends_within_a_cluster(text in texts()) {
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
