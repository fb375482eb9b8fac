//! Spans: where a text has the names that a model lists.
//!
//! A name is found where the text has its characters, case included, with any white space for a space, and not as a part of a
//! longer word. Entries of one name take its places in order, and no place twice; an entry without a place left is not found.

use std::str::Chars;

use crate::domain::Span;

/// The bytes of a text in which names are looked for: a question contains 1,200 characters of it at most.
const MAX_BYTES: usize = 16 * 1024;

/// The span of each name, in the order of the names; none where the text has no place left for it.
pub(super) fn spans(text: &str, names: &[&str]) -> Vec<Option<Span>> {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let mut taken: Vec<Span> = Vec::new();
    let place = |name: &&str| {
        let is_free = |span: &Span| {
            let apart = |other: &Span| span.byte_end <= other.byte_start || other.byte_end <= span.byte_start;
            taken.iter().all(apart)
        };
        let found = places(text, name).find(is_free);
        taken.extend(found);
        found
    };
    names.iter().map(place).collect()
}

/// All places of a name in a text.
fn places<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = Span> + 'a {
    text.char_indices().enumerate().filter_map(move |(start, (byte_start, _))| {
        let length = matching(&text[byte_start..], name)?;
        let byte_end = byte_start + length;
        let is_whole = !is_inside_word(text, byte_start) && !is_inside_word(text, byte_end);
        let end = start + text[byte_start..byte_end].chars().count();
        is_whole.then_some(Span { start, end, byte_start, byte_end })
    })
}

/// The bytes of the name at the beginning of a text; none if it does not stand there.
fn matching(text: &str, name: &str) -> Option<usize> {
    let mut rest = text.chars();
    let mut name = name.chars();
    while let Some(letter) = name.next() {
        let found = rest.next()?;
        if letter.is_whitespace() && found.is_whitespace() {
            skip_space(&mut rest);
            skip_space(&mut name);
        } else if letter != found {
            return None;
        }
    }
    let length = text.len() - rest.as_str().len();
    (length > 0).then_some(length)
}

fn skip_space(letters: &mut Chars<'_>) {
    *letters = letters.as_str().trim_start().chars();
}

/// Whether a position lies between two letters or digits of one word. Letters of scripts without case, such as Chinese, have
/// no words between spaces.
fn is_inside_word(text: &str, position: usize) -> bool {
    let is_of_word = |letter: char| letter.is_numeric() || letter.is_uppercase() || letter.is_lowercase();
    let (before, after) = text.split_at(position);
    before.chars().next_back().is_some_and(is_of_word) && after.chars().next().is_some_and(is_of_word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// For each name its place in characters.
    fn found(text: &str, names: &[&str]) -> Vec<Option<(usize, usize)>> {
        let found = spans(text, names);
        for (span, name) in found.iter().zip(names) {
            let Some(span) = span else { continue };
            let place = &text[span.byte_start..span.byte_end];
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(place), words(name));
            assert_eq!(text[..span.byte_start].chars().count(), span.start);
        }
        found.into_iter().map(|span| span.map(|span| (span.start, span.end))).collect()
    }

    /// A text, names, and the place of each.
    type Case = (&'static str, &'static [&'static str], &'static [Option<(usize, usize)>]);

    #[test]
    fn names_are_found_where_the_text_has_them() {
        let cases: &[Case] = &[
            ("é🔥 New York's #Jordan", &["New York", "Jordan"], &[Some((3, 11)), Some((15, 21))]),
            ("Ann met Ann and Ann", &["Ann", "Ann"], &[Some((0, 3)), Some((8, 11))]),
            ("Ann met Bob", &["Ann", "Ann", "Bob"], &[Some((0, 3)), None, Some((8, 11))]),
            ("Annual Joanna Ann", &["Ann"], &[Some((14, 17))]),
            ("in Annual", &["Ann"], &[None]),
            ("New\n  York", &["New York"], &[Some((0, 10))]),
            ("NewYork", &["New York"], &[None]),
            ("new york", &["New York"], &[None]),
            ("我在东京塔", &["东京塔", "东京"], &[Some((2, 5)), None]),
            ("New York Times in New York", &["New York Times", "New York"], &[Some((0, 14)), Some((18, 26))]),
            ("A4 and A", &["A"], &[Some((7, 8))]),
            ("", &["Ann"], &[None]),
            ("Ann", &["", " "], &[None, None]),
        ];
        for (text, names, expected) in cases {
            assert_eq!(found(text, names), *expected, "{text}: {names:?}");
        }
    }

    #[test]
    fn only_the_beginning_of_a_long_text_is_searched() {
        let text = format!("{} Ann", "é".repeat(MAX_BYTES));
        assert_eq!(spans(&text, &["Ann"]), [None]);
    }

    proptest! {
        #[test]
        fn spans_hold_their_names_and_do_not_overlap(text in "[Ab é\n🔥]{0,30}", names in prop::collection::vec("[Ab é]{0,4}", 0..6)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            found(&text, &names);
            let mut all: Vec<Span> = spans(&text, &names).into_iter().flatten().collect();
            all.sort_unstable();
            prop_assert!(all.is_sorted_by(|left, right| left.byte_end <= right.byte_start));
        }
    }
}
