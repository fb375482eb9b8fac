//! Which answers are meant? By words of the subject, kind and age: what people purge, and what engines hear of it.

use serde::{Deserialize, Serialize};

use super::asked::Id;
use super::record::Record;

/// Which answers; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Whose subject is like that: with `*` or `?` a pattern of the whole, else words in it; capitals do not matter.
    pub subject: Option<String>,
    /// Of that kind, by its name.
    pub kind: Option<String>,
    /// Made before then, in milliseconds since 1970: what is made after a purge is not meant by it.
    pub before: u64,
}

impl Choice {
    /// Whether an answer is meant.
    #[must_use]
    pub fn takes(&self, id: &Id, record: &Record) -> bool {
        record.made_at < self.before
            && self.kind.as_ref().is_none_or(|kind| kind == id.kind.as_str())
            && self.subject.as_ref().is_none_or(|subject| is_like(subject, &record.subject))
    }
}

fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    if !pattern.contains(['*', '?']) {
        return text.contains(&pattern);
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last `*` stands, and how much of the text it has taken so far: only that one need be tried again.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                star = Some((at, read));
                at += 1;
            }
            (Some(&letter), _) if letter == '?' || letter == text[read] => {
                at += 1;
                read += 1;
            }
            (_, Some((place, taken))) => {
                star = Some((place, taken + 1));
                at = place + 1;
                read = taken + 1;
            }
            _ => return false,
        }
    }
    pattern[at..].iter().all(|&letter| letter == '*')
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn subjects_are_found_by_words_and_by_patterns() {
        let cases = [
            ("swift", "Taylor Swift (PER)", true),
            ("taylor*", "Taylor Swift (PER)", true),
            ("*swift", "Taylor Swift (PER)", false),
            ("*(PER)", "Taylor Swift (PER)", true),
            ("t?ylor*s*", "Taylor Swift", true),
            ("*", "", true),
            ("?", "", false),
            ("", "anything", true),
            ("*a*b*a", "aabba", true),
            ("*a*b*c", "aabba", false),
            ("ÉCOLE", "une école", true),
            ("[a]", "[a]", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn all_that_is_given_must_hold() {
        let id = Id { kind: Kind::Caption, key: [0; 32] };
        let record = Record {
            subject: "dog".to_owned(),
            model: String::new(),
            text: None,
            refused: None,
            made_at: 1000,
        };
        let all = Choice { before: 1001, ..Choice::default() };
        let subject = |text: &str| Some(text.to_owned());
        let cases = [
            ("all", all.clone(), true),
            ("made later", Choice { before: 1000, ..all.clone() }, false),
            ("its kind", Choice { kind: subject("caption"), ..all.clone() }, true),
            ("another kind", Choice { kind: subject("knowledge"), ..all.clone() }, false),
            ("its subject", Choice { subject: subject("do"), ..all.clone() }, true),
            (
                "one of two",
                Choice { subject: subject("do"), kind: subject("knowledge"), before: 1001 },
                false,
            ),
        ];
        for (name, choice, expected) in cases {
            assert_eq!(choice.takes(&id, &record), expected, "{name}");
        }
    }
}
