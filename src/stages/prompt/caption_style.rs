//! Caption styles: the text cleaning of each network's training data, which its prompts must repeat.

use serde::{Deserialize, Serialize};

/// A way of cleaning text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionStyle {
    /// OFA's: lower case, no punctuation in front, at most 80 words.
    #[default]
    Ofa,
    /// ALBEF's: lower case, no punctuation anywhere, at most 30 words.
    Albef,
    /// Grounding DINO's: lower case, and nothing that would end the phrase: a full stop or a question mark is a space.
    GroundingDino,
}

impl CaptionStyle {
    /// Cleans a phrase as in training: hyphens and slashes become spaces, spaces are single, and the number of words is
    /// limited.
    #[must_use]
    pub fn clean(self, text: &str) -> String {
        let lower = text.to_lowercase();
        let (bare, most_words) = match self {
            Self::Ofa => (lower.trim_start_matches(OFA_STRIPS).to_owned(), 80),
            Self::Albef => (lower.replace(ALBEF_DROPS, ""), 30),
            Self::GroundingDino => return without_phrase_ends(&lower),
        };
        let plain = bare.replace(['-', '/'], " ").replace("<person>", "person");
        let single = single_spaces(&plain);
        let trimmed = single.trim_end_matches('\n').trim_matches(' ');
        let words: Vec<&str> = trimmed.split(' ').take(most_words).collect();
        words.join(" ")
    }
}

/// Characters that end a phrase of Grounding DINO.
const PHRASE_ENDS: [char; 2] = ['.', '?'];
/// Leading characters that OFA removes.
const OFA_STRIPS: [char; 9] = [',', '.', '!', '?', '*', '#', ':', ';', '~'];
/// Characters that ALBEF removes.
const ALBEF_DROPS: [char; 13] = [',', '.', '\'', '!', '?', '"', '(', ')', '*', '#', ':', ';', '~'];

/// The words of a text, without what would end a phrase between them.
fn without_phrase_ends(text: &str) -> String {
    let words = text.split(|character: char| is_white(character) || PHRASE_ENDS.contains(&character));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Replaces runs of two or more white characters with one space. A single white character stays.
fn single_spaces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_white) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|character| !is_white(character)).unwrap_or(from.len());
        let (white, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(if white.chars().count() > 1 { " " } else { white });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// White space of Python: Unicode's and four separators.
pub(super) fn is_white(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, and the results of OFA's and ALBEF's rules in Python.
    const CASES: [(&str, &str, &str); 24] = [
        (
            "Chris Paul (PER) - a basketball player",
            "chris paul (per) a basketball player",
            "chris paul per a basketball player",
        ),
        ("#: *CP3", "*cp3", "cp3"),
        ("#CP3", "cp3", "cp3"),
        (" #CP3", "#cp3", "cp3"),
        ("Bed-Stuy/Brooklyn", "bed stuy brooklyn", "bed stuy brooklyn"),
        ("a <PERSON>  in\u{3000}\u{3000}red\n\n", "a person in red", "a person in red"),
        ("one\tword", "one\tword", "one\tword"),
        ("line\n", "line", "line"),
        ("", "", ""),
        ("É", "é", "é"),
        (
            "\"It's\" Jay-Z's! (LIVE): 5:30 p.m.; ~$7*",
            "\"it's\" jay z's! (live): 5:30 p.m.; ~$7*",
            "its jay zs live 530 pm $7",
        ),
        ("...", "", ""),
        ("a - b", "a b", "a b"),
        ("a . b", "a . b", "a b"),
        ("a\u{1c}\u{1d}b", "a b", "a b"),
        ("a\u{1c}b", "a\u{1c}b", "a\u{1c}b"),
        ("a\u{85}\u{a0}b", "a b", "a b"),
        ("\n a\n", "a", "a"),
        ("ΑΣ İ", "ας i\u{307}", "ας i\u{307}"),
        ("<per.son>", "<per.son>", "person"),
        ("<-person>", "< person>", "< person>"),
        ("’quoted’ — dash…", "’quoted’ — dash…", "’quoted’ — dash…"),
        ("a\u{200b}\u{200b}b", "a\u{200b}\u{200b}b", "a\u{200b}\u{200b}b"),
        (" -x- ", "x", "x"),
    ];

    #[test]
    fn phrases_are_cleaned_as_in_the_authors_code() {
        for (text, ofa, albef) in CASES {
            assert_eq!(CaptionStyle::Ofa.clean(text), ofa, "{text:?}");
            assert_eq!(CaptionStyle::Albef.clean(text), albef, "{text:?}");
        }
    }

    #[test]
    fn nothing_within_a_phrase_ends_it_for_grounding_dino() {
        for (text, expected) in [
            ("The U.S. President (PER) - who? ", "the u s president (per) - who"),
            ("St.Louis...", "st louis"),
            ("?.", ""),
            ("well-known, AC/DC!", "well-known, ac/dc!"),
        ] {
            assert_eq!(CaptionStyle::GroundingDino.clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_phrase_is_cut_to_its_first_words() {
        let many = ["Word,"; 90].join(" ");
        assert_eq!(CaptionStyle::Ofa.clean(&many), ["word,"; 80].join(" "));
        assert_eq!(CaptionStyle::Albef.clean(&many), ["word"; 30].join(" "));
    }
}
