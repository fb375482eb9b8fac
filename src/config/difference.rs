//! Differences between two sets of settings, key by key.

use std::collections::BTreeSet;

use serde::Serialize;
use toml::Value;

use super::defaults::default_of;
use super::effective::{DEFAULT_LAYER, Effective, raw_entries};

/// A key with different values in two sets of settings. Values are as they may be shown: secrets are blotted out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The key's whole path.
    pub key: String,
    /// The value in the first set; none where the first does not have the key.
    pub before: Option<Value>,
    /// The value in the second set; none where the second does not have the key.
    pub value: Option<Value>,
    /// Where the second value comes from.
    pub origin: String,
}

impl Effective {
    /// The keys whose values differ from those of `before`, in the order of the keys. A named table that `before` does not
    /// have is compared with its template.
    #[must_use]
    pub fn differences(&self, before: &Self) -> Vec<Difference> {
        let (old, new) = (raw_entries(&before.merged), raw_entries(&self.merged));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let differing = keys.into_iter().filter_map(|key| {
            let was = old
                .get(key)
                .copied()
                .or_else(|| default_of(&before.merged, key).filter(|value| !value.is_table()));
            let is = new.get(key).copied();
            let shown = |value: Option<&Value>| value.map(|value| Effective::shown(key, value));
            (was != is).then(|| Difference {
                key: key.clone(),
                before: shown(was),
                value: shown(is),
                origin: self.origins.get(key).map_or(DEFAULT_LAYER, String::as_str).to_owned(),
            })
        });
        differing.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Sources};
    use super::*;

    fn with(sets: &[&str]) -> Effective {
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        Config::load(&Sources { sets, ..Sources::default() }).unwrap()
    }

    #[test]
    fn only_keys_with_another_value_differ_and_secrets_are_compared_and_not_shown() {
        let before = with(&["kafka.properties.sasl.password=one", "engine.max_looks=7", "ingest.group=a"]);
        let after = with(&[
            "kafka.properties.sasl.password=two",
            "engine.max_looks=7",
            "llm.local.url=http://localhost:1/v1",
            "llm.local.model=m",
        ]);
        let found = after.differences(&before);
        let keys: Vec<&str> = found.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(
            keys,
            ["ingest.group", "kafka.properties.sasl.password", "llm.local.model", "llm.local.url"]
        );
        assert_eq!(found[0].before, Some(Value::from("a")));
        assert_eq!((&found[0].value, found[0].origin.as_str()), (&Some(Value::from("riveg")), "default"));
        assert_eq!(found[1].before, found[1].value);
        assert_eq!(found[2].origin, "--set");
        assert!(before.differences(&before).is_empty());
    }
}
