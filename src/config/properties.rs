//! What else is librdkafka told? Free properties, whose secrets are never shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Properties of librdkafka by name. Shown with secrets blotted out; `iter` gives them as they are.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct ClientProperties(BTreeMap<String, String>);

impl ClientProperties {
    /// Names and values, secrets included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for ClientProperties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| (name, if is_secret(name) { REDACTED } else { value }));
        formatter.debug_map().entries(shown).finish()
    }
}

/// What stands for a secret wherever people may read it.
pub(super) const REDACTED: &str = "[redacted]";

/// Whether the value under that name is nobody's business, by the words that librdkafka's names of secrets contain.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token", "pem", "credential", "jaas", "sasl.oauthbearer.config"]
        .iter()
        .any(|word| name.contains(word))
}
