//! Secrets: never shown, and redacted from the texts of others.

use std::fmt;

use serde::Deserialize;

/// Stands for a secret in all output.
pub const REDACTED: &str = "[redacted]";

/// A key or password; empty: none. `Debug` shows only whether there is one.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(String);

impl Secret {
    /// The secret itself, only for the server that it is meant for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text without the secret: servers quote it in error messages.
    #[must_use]
    pub fn redact(&self, words: &str) -> String {
        if self.is_empty() { words.to_owned() } else { words.replace(&self.0, REDACTED) }
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_empty() { "none" } else { REDACTED })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown_and_is_redacted_from_texts() {
        let secret = Secret::from("canary");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(secret.redact("a canary, a cat"), "a [redacted], a cat");
        assert_eq!(secret.expose(), "canary");
        assert_eq!(format!("{:?}", Secret::default()), "none");
        assert_eq!(Secret::default().redact("a cat"), "a cat");
        let read: Secret = serde_json::from_str("\"canary\"").unwrap();
        assert_eq!(read, secret);
    }
}
