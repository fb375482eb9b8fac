//! What remains of a phrase? The authors of a network clean all text before it is taught, and so must who asks it.

use serde::{Deserialize, Serialize};

/// Whose way of cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionStyle {
    /// OFA's: lower case, no punctuation in front, at most 80 words.
    #[default]
    Ofa,
    /// ALBEF's: lower case, no punctuation anywhere, at most 30 words.
    Albef,
}

impl CaptionStyle {
    /// The phrase as the network was taught phrases: hyphens and slashes as spaces, no double spaces, no more words
    /// than it has seen.
    #[must_use]
    pub fn clean(self, text: &str) -> String {
        let lower = text.to_lowercase();
        let (bare, most_words) = match self {
            Self::Ofa => (lower.trim_start_matches(OFA_STRIPS).to_owned(), 80),
            Self::Albef => (lower.replace(ALBEF_DROPS, ""), 30),
        };
        let plain = bare.replace(['-', '/'], " ").replace("<person>", "person");
        let single = single_spaces(&plain);
        let trimmed = single.trim_end_matches('\n').trim_matches(' ');
        let words: Vec<&str> = trimmed.split(' ').take(most_words).collect();
        words.join(" ")
    }
}

/// With what OFA's texts do not begin.
const OFA_STRIPS: [char; 9] = [',', '.', '!', '?', '*', '#', ':', ';', '~'];
/// What ALBEF's texts do not contain.
const ALBEF_DROPS: [char; 13] = [',', '.', '\'', '!', '?', '"', '(', ')', '*', '#', ':', ';', '~'];

/// Every run of two or more white characters becomes one space; a white character alone stays what it is.
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

/// What Python's regular expressions take for white space: four separators more than Unicode does.
fn is_white(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, then what OFA's and what ALBEF's rules make of it when they are written in Python.
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
    fn captions_are_cleaned_as_their_networks_authors_clean_them() {
        for (text, ofa, albef) in CASES {
            assert_eq!(CaptionStyle::Ofa.clean(text), ofa, "{text:?}");
            assert_eq!(CaptionStyle::Albef.clean(text), albef, "{text:?}");
        }
    }

    #[test]
    fn of_a_long_caption_the_first_words_stay() {
        let many = ["Word,"; 90].join(" ");
        assert_eq!(CaptionStyle::Ofa.clean(&many), ["word,"; 80].join(" "));
        assert_eq!(CaptionStyle::Albef.clean(&many), ["word"; 30].join(" "));
    }
}
