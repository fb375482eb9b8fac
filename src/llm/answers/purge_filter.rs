//! Purge filter: which answers to remove, by subject, kind and age. The command line writes it, engines apply it.

use serde::{Deserialize, Serialize};

use super::id::AnswerId;
use super::record::Record;

/// A filter of answers. All given conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeFilter {
    /// The subject: a pattern of the whole subject if it contains `*` or `?`, else a part of it; case-insensitive.
    pub subject: Option<String>,
    /// The kind, by its name.
    pub kind: Option<String>,
    /// Answers made before this time, in milliseconds since 1970: a purge does not affect later answers.
    pub before: u64,
}

impl PurgeFilter {
    /// Whether an answer matches.
    #[must_use]
    pub fn matches(&self, id: &AnswerId, record: &Record) -> bool {
        record.made_at < self.before
            && self.kind.as_ref().is_none_or(|kind| kind == id.kind.as_str())
            && self.subject.as_ref().is_none_or(|subject| matches_pattern(subject, &record.subject))
    }
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    if !pattern.contains(['*', '?']) {
        return text.contains(&pattern);
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // The last `*` and how much of the text it has taken: only that one needs to be retried.
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
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn all_given_conditions_must_hold() {
        let id = AnswerId { kind: Kind::Caption, key: [0; 32] };
        let record = Record {
            subject: "dog".to_owned(),
            model: String::new(),
            text: None,
            refused: None,
            made_at: 1000,
        };
        let all = PurgeFilter { before: 1001, ..PurgeFilter::default() };
        let subject = |text: &str| Some(text.to_owned());
        let cases = [
            ("all", all.clone(), true),
            ("made later", PurgeFilter { before: 1000, ..all.clone() }, false),
            ("its kind", PurgeFilter { kind: subject("caption"), ..all.clone() }, true),
            ("another kind", PurgeFilter { kind: subject("knowledge"), ..all.clone() }, false),
            ("its subject", PurgeFilter { subject: subject("do"), ..all.clone() }, true),
            (
                "one of two",
                PurgeFilter { subject: subject("do"), kind: subject("knowledge"), before: 1001 },
                false,
            ),
        ];
        for (name, filter, expected) in cases {
            assert_eq!(filter.matches(&id, &record), expected, "{name}");
        }
    }
}
