//! What is a word in a tweet? Training and serving ask here, so that both read alike.

use crate::domain::Span;

/// The words of a text, in order; all but white space is in exactly one.
///
/// A text is cut at white space. What is neither letter nor digit at either end of such a piece stands alone, each
/// character for itself but repeated ones together: `"(Paris)!!"` is `( Paris ) !!`, `"#Jordan🔥"` is `# Jordan 🔥`.
/// A final `'s` stands alone too. What is inside stays: `AT&T`, `t.co/x`, `half-time`. Chinese characters and kana
/// are words of their own, as no space parts them. Marks stay with the character they modify.
#[must_use]
pub fn split_words(text: &str) -> Vec<Span> {
    let mut words = Vec::new();
    let mut piece: Vec<Unit> = Vec::new();
    for (start, (byte_start, character)) in text.char_indices().enumerate() {
        let byte_end = byte_start + character.len_utf8();
        if character.is_whitespace() {
            split_piece(&piece, &mut words);
            piece.clear();
        } else {
            match piece.last_mut() {
                Some(unit) if is_mark(character) || unit.joins_next => {
                    unit.span.end = start + 1;
                    unit.span.byte_end = byte_end;
                    unit.joins_next = character == ZERO_WIDTH_JOINER;
                }
                _ => {
                    let span = Span { start, end: start + 1, byte_start, byte_end };
                    piece.push(Unit { character, span, joins_next: false });
                }
            }
        }
    }
    split_piece(&piece, &mut words);
    words
}

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// A character with the marks that follow it.
struct Unit {
    character: char,
    span: Span,
    /// It ended in a joiner, so that the next character belongs to it, as in the emoji of a family.
    joins_next: bool,
}

impl Unit {
    fn is_inner(&self) -> bool {
        self.character.is_alphanumeric()
    }
}

/// Cuts what stood between two white spaces into words.
fn split_piece(piece: &[Unit], words: &mut Vec<Span>) {
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
fn possessive_length(piece: &[Unit]) -> usize {
    match piece {
        [.., _, apostrophe, s]
            if matches!(apostrophe.character, '\'' | '\u{2019}') && matches!(s.character, 's' | 'S') =>
        {
            2
        }
        _ => 0,
    }
}

fn split_repeated(piece: &[Unit], words: &mut Vec<Span>) {
    words.extend(piece.chunk_by(|left, right| left.character == right.character).filter_map(joined));
}

fn split_ideographs(piece: &[Unit], words: &mut Vec<Span>) {
    let together =
        |left: &Unit, right: &Unit| !is_ideograph(left.character) && !is_ideograph(right.character);
    words.extend(piece.chunk_by(together).filter_map(joined));
}

fn joined(units: &[Unit]) -> Option<Span> {
    let (first, last) = (units.first()?.span, units.last()?.span);
    Some(Span { end: last.end, byte_end: last.byte_end, ..first })
}

/// Characters that modify the one before: combining marks, variation selectors, skin tones, joiners.
fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{0300}'..='\u{036f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{200c}'
        | ZERO_WIDTH_JOINER
        // The viramas of the scripts of India, which are not letters for Unicode but sit inside words.
        | '\u{094d}' | '\u{09cd}' | '\u{0a4d}' | '\u{0acd}' | '\u{0b4d}' | '\u{0bcd}' | '\u{0c4d}' | '\u{0ccd}'
        | '\u{0d4d}' | '\u{0dca}')
}

/// Chinese characters and kana.
fn is_ideograph(character: char) -> bool {
    matches!(character,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}')
}

#[cfg(test)]
mod tests {
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
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn words_cover_all_but_white_space_and_count_it_both_ways(text in "(\\PC|[ab's#🔥\u{301}\u{200d} ]){0,40}") {
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
    }
}
