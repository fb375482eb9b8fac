//! Type map: from the entity types of published taggers to those of Twitter-GMNER, or to names that users give.

use std::collections::{BTreeMap, BTreeSet};

/// Which types the entities of imported labels have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeMap {
    /// Whether known names become LOC, ORG, OTHER and PER.
    pub gmner: bool,
    /// Names that users give, before the known ones; `O` for types whose words are in no entity.
    pub own: BTreeMap<String, String>,
}

/// The names of CoNLL 2003, OntoNotes, WNUT 2016 and 2017, TweetNER7, MultiCoNER, Broad Twitter Corpus and TweeBank-NER,
/// without case, in the types of Twitter-GMNER, whose guidelines count bands and teams among organisations, and products,
/// works and events among others.
const KNOWN: [(&str, &[&str]); 4] = [
    ("LOC", &["loc", "location", "gpe", "geo-loc", "geo", "fac", "facility", "place"]),
    (
        "ORG",
        &[
            "org",
            "organization",
            "organisation",
            "corporation",
            "corp",
            "company",
            "group",
            "grp",
            "sportsteam",
        ],
    ),
    (
        "OTHER",
        &[
            "other",
            "misc",
            "miscellaneous",
            "product",
            "prod",
            "creative_work",
            "creative-work",
            "cw",
            "event",
            "eve",
            "work_of_art",
            "movie",
            "tvshow",
        ],
    ),
    ("PER", &["per", "pers", "person", "people"]),
];

/// What a map made of the types of labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MappedTypes {
    /// The types that become others.
    pub changed: BTreeMap<String, String>,
    /// Types of labels that the map does not know; they are kept.
    pub unknown: Vec<String>,
}

impl TypeMap {
    /// A map as users write it: `keep`, `gmner`, and `FROM=TO`.
    ///
    /// # Errors
    /// The text that is none of these.
    pub fn parse(given: &[String]) -> Result<Self, String> {
        let mut map = Self::default();
        for text in given {
            match (text.as_str(), text.split_once('=')) {
                ("keep", _) => map.gmner = false,
                ("gmner", _) => map.gmner = true,
                (_, Some((from, to))) if !from.is_empty() && !to.is_empty() => {
                    map.own.insert(from.to_owned(), to.to_owned());
                }
                _ => return Err(format!("`{text}` is not `keep`, `gmner` or of the form FROM=TO")),
            }
        }
        Ok(map)
    }

    /// The types of entities for these types of labels.
    #[must_use]
    pub fn of(&self, types: &BTreeSet<String>) -> MappedTypes {
        let mut mapped = MappedTypes::default();
        for name in types {
            let known = || {
                let lower = name.to_lowercase();
                let of_lower = KNOWN.iter().find(|(_, names)| names.contains(&lower.as_str()));
                of_lower.filter(|_| self.gmner).map(|(to, _)| (*to).to_owned())
            };
            match self.own.get(name).cloned().or_else(known) {
                Some(to) if to == *name => {}
                Some(to) => drop(mapped.changed.insert(name.clone(), to)),
                None if self.gmner || !self.own.is_empty() => mapped.unknown.push(name.clone()),
                None => {}
            }
        }
        mapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(map: &[&str], types: &[&str]) -> MappedTypes {
        let map: Vec<String> = map.iter().map(|text| (*text).to_owned()).collect();
        TypeMap::parse(&map).unwrap().of(&types.iter().map(|name| (*name).to_owned()).collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn known_types_become_those_of_gmner_and_unknown_ones_are_kept_and_named() {
        let types = ["PER", "MISC", "corporation", "creative_work", "group", "product", "event", "ANIM"];
        let expected = pairs(&[
            ("MISC", "OTHER"),
            ("corporation", "ORG"),
            ("creative_work", "OTHER"),
            ("group", "ORG"),
            ("product", "OTHER"),
            ("event", "OTHER"),
        ]);
        let found = mapped(&["gmner"], &types);
        assert_eq!((found.changed, found.unknown), (expected, vec!["ANIM".to_owned()]));
    }

    #[test]
    fn names_that_users_give_come_first_and_keep_changes_nothing() {
        let found = mapped(&["gmner", "group=BAND", "DATE=O"], &["group", "DATE", "location"]);
        assert_eq!(found.changed, pairs(&[("group", "BAND"), ("DATE", "O"), ("location", "LOC")]));
        assert_eq!(mapped(&["keep"], &["group", "MISC"]), MappedTypes::default());
        assert_eq!(mapped(&[], &["group", "MISC"]), MappedTypes::default());
        let error = TypeMap::parse(&["conll".to_owned()]).unwrap_err();
        assert_eq!(error, "`conll` is not `keep`, `gmner` or of the form FROM=TO");
    }
}
