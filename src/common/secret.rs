//! How is a secret kept out of sight? It is shown by its name alone, and blotted out of what others say.

use std::fmt;

use serde::Deserialize;

/// What stands for a secret wherever people may read it.
pub const REDACTED: &str = "[redacted]";

/// A key or password; empty: none. Whoever shows it shows that there is one.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(String);

impl Secret {
    /// What nobody but the one it is meant for may see.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Another's words without it: servers quote what they do not like.
    #[must_use]
    pub fn blotted_out(&self, words: &str) -> String {
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
    fn a_secret_is_shown_to_nobody_and_blotted_out_of_words() {
        let secret = Secret::from("canary");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(secret.blotted_out("a canary, a cat"), "a [redacted], a cat");
        assert_eq!(secret.expose(), "canary");
        assert_eq!(format!("{:?}", Secret::default()), "none");
        assert_eq!(Secret::default().blotted_out("a cat"), "a cat");
        let read: Secret = serde_json::from_str("\"canary\"").unwrap();
        assert_eq!(read, secret);
    }
}
