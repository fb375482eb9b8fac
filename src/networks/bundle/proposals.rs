//! Proposals: what the grounder of a bundle is asked so that it proposes candidate regions to the joint network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Regions that the grounder finds for a generic phrase of each entity type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposals {
    /// Whether the boxes of the grid are candidates beside those of the grounder, or only where it finds none.
    #[serde(default = "keep_grid")]
    pub keep_grid: bool,
    /// The phrases of entity types that have others than the usual ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phrases: BTreeMap<String, String>,
}

/// The most phrases: each is a request for every picture.
const MOST_PHRASES: usize = 32;
/// The most bytes of a phrase; the networks read some twenty words.
const MOST_BYTES: usize = 200;

/// Generic phrases of the entity types of published data.
const USUAL: [(&str, &str); 5] = [
    ("PER", "a person"),
    ("LOC", "a place"),
    ("ORG", "an organisation"),
    ("OTHER", "a thing"),
    ("MISC", "a thing"),
];

fn keep_grid() -> bool {
    true
}

impl Default for Proposals {
    fn default() -> Self {
        Self { keep_grid: keep_grid(), phrases: BTreeMap::new() }
    }
}

impl Proposals {
    /// What the grounder is asked, in the order of the entity types, each phrase once.
    #[must_use]
    pub fn asked(&self, entity_types: &[String]) -> Vec<String> {
        let mut asked: Vec<String> = Vec::new();
        for name in entity_types {
            let phrase = self.phrases.get(name).cloned().unwrap_or_else(|| usual(name));
            if !asked.contains(&phrase) {
                asked.push(phrase);
            }
        }
        asked
    }

    /// Why no grounder can be asked this.
    pub(super) fn fault(&self, entity_types: &[String]) -> Option<String> {
        if let Some(unknown) = self.phrases.keys().find(|name| !entity_types.contains(name)) {
            return Some(format!("a phrase of `{unknown}`, which is not among `entity_types`"));
        }
        let is_phrase = |phrase: &str| !phrase.trim().is_empty() && phrase.len() <= MOST_BYTES;
        if let Some((name, phrase)) = self.phrases.iter().find(|(_, phrase)| !is_phrase(phrase)) {
            return Some(format!("one of {} bytes for `{name}`", phrase.trim().len()));
        }
        let count = self.asked(entity_types).len();
        (count > MOST_PHRASES).then(|| format!("{count} phrases"))
    }

    /// What there may be.
    pub(super) fn expected() -> String {
        format!("at most {MOST_PHRASES} phrases of 1 to {MOST_BYTES} bytes")
    }
}

/// The phrase of a type: its name in words where it is of no published data.
fn usual(name: &str) -> String {
    if let Some((_, phrase)) = USUAL.into_iter().find(|(known, _)| *known == name) {
        return phrase.to_owned();
    }
    let words = name.to_lowercase().replace(['_', '-'], " ");
    let article = if words.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn with(phrases: &[(&str, &str)]) -> Proposals {
        let phrases = phrases.iter().map(|&(name, phrase)| (name.to_owned(), phrase.to_owned()));
        Proposals { phrases: phrases.collect(), ..Proposals::default() }
    }

    #[test]
    fn each_type_has_a_generic_phrase_and_equal_phrases_are_asked_once() {
        let types = named(&["LOC", "OTHER", "MISC", "CREATIVE_WORK", "EVENT", "PER"]);
        let usual = ["a place", "a thing", "a creative work", "an event", "a person"];
        assert_eq!(Proposals::default().asked(&types), usual);
        let own = with(&[("OTHER", "a cup"), ("LOC", "a person")]);
        assert_eq!(own.asked(&types), ["a person", "a cup", "a thing", "a creative work", "an event"]);
        assert_eq!(own.fault(&types), None);
    }

    #[test]
    fn what_no_grounder_can_be_asked_is_refused() {
        let types = named(&["LOC", "PER"]);
        let long = "x".repeat(MOST_BYTES + 1);
        for (proposals, fault) in [
            (with(&[("ORG", "a team")]), "a phrase of `ORG`, which is not among `entity_types`"),
            (with(&[("PER", "  ")]), "one of 0 bytes for `PER`"),
            (with(&[("PER", long.as_str())]), "one of 201 bytes for `PER`"),
        ] {
            assert_eq!(proposals.fault(&types).as_deref(), Some(fault));
        }
        let many: Vec<String> = (0..=MOST_PHRASES).map(|number| format!("TYPE{number}")).collect();
        assert_eq!(Proposals::default().fault(&many).as_deref(), Some("33 phrases"));
    }
}
