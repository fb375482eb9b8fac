//! Client properties: further properties of librdkafka. Secrets among them are never shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use crate::common::secret::REDACTED;

/// Properties of librdkafka by name. `Debug` redacts secrets; `iter` does not.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct ClientProperties {
    values: BTreeMap<String, String>,
    /// Names whose values are secrets because of their source, whatever the names are.
    secret: BTreeSet<String>,
}

impl ClientProperties {
    /// Names and values, secrets included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets a value.
    pub fn insert(&mut self, name: String, value: String) {
        self.values.insert(name, value);
    }

    /// Marks the value of that name as a secret.
    pub fn mark_secret(&mut self, name: &str) {
        self.secret.insert(name.to_owned());
    }

    /// The values that are secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|(name, _)| self.is_secret(name)).map(|(_, value)| value)
    }

    fn is_secret(&self, name: &str) -> bool {
        is_secret(name) || self.secret.contains(name)
    }
}

impl From<BTreeMap<String, String>> for ClientProperties {
    fn from(values: BTreeMap<String, String>) -> Self {
        Self { values, secret: BTreeSet::new() }
    }
}

impl Extend<(String, String)> for ClientProperties {
    fn extend<T: IntoIterator<Item = (String, String)>>(&mut self, properties: T) {
        self.values.extend(properties);
    }
}

impl fmt::Debug for ClientProperties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            self.iter().map(|(name, value)| (name, if self.is_secret(name) { REDACTED } else { value }));
        formatter.debug_map().entries(shown).finish()
    }
}

/// Whether the value of that name is a secret, judged by words in the name. The location of a secret is not one, nor is
/// a number of tokens.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_location = name.ends_with("file") || name.ends_with("location");
    // The maximum number of tokens of a language model, and the name of that field in a request.
    let is_number = name.ends_with("tokens") || name.ends_with("_limit");
    let words = [
        "password",
        "passphrase",
        "secret",
        "token",
        "api_key",
        "pem",
        "credential",
        "jaas",
        "sasl.oauthbearer.config",
    ];
    !is_location && !is_number && words.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_name_or_its_source_and_its_location_is_not_secret() {
        for name in [
            "sasl.password",
            "ssl.key.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "SASL.Password",
            "llm.large.api_key",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "ssl.key.location",
            "ssl.ca.location",
            "kafka.oauth_token_file",
            "sasl.username",
            "llm.large.max_tokens",
        ] {
            assert!(!is_secret(name), "{name}");
        }
        let mut properties = ClientProperties::default();
        properties.insert("sasl.username".to_owned(), "canary".to_owned());
        assert!(format!("{properties:?}").contains("canary"));
        properties.mark_secret("sasl.username");
        assert!(!format!("{properties:?}").contains("canary"));
        assert_eq!(properties.secrets().collect::<Vec<_>>(), ["canary"]);
    }
}
