//! Secrets of a connection: redacts them in messages of the client, and supplies its token.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rdkafka::client::OAuthToken;
use rdkafka::error::KafkaError;

use super::token;
use crate::common::secret::REDACTED;

/// The secrets of one connection, for the contexts of its clients. Cheap to clone; it has no `Debug`.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: Vec<String>,
    token_file: Option<Box<Path>>,
}

impl Secrets {
    /// Secrets with these values, and the file of a token.
    pub(super) fn new<'a>(values: impl Iterator<Item = &'a str>, token_file: Option<&Path>) -> Self {
        let mut values: Vec<String> = values.filter(|value| !value.is_empty()).map(str::to_owned).collect();
        // Longest first: one secret may be part of another.
        values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
        Self(Arc::new(Inner { values, token_file: token_file.map(Box::from) }))
    }

    /// A message of the client without secrets. The client quotes values that it refuses.
    #[must_use]
    pub fn redact(&self, words: &str) -> String {
        self.0.values.iter().fold(words.to_owned(), |words, secret| words.replace(secret, REDACTED))
    }

    /// An error of the client without secrets.
    #[must_use]
    pub fn redact_error(&self, error: KafkaError) -> KafkaError {
        match error {
            KafkaError::ClientConfig(result, words, name, value) => {
                KafkaError::ClientConfig(result, self.redact(&words), name, self.redact(&value))
            }
            KafkaError::ClientCreation(words) => KafkaError::ClientCreation(self.redact(&words)),
            other => other,
        }
    }

    /// The current token in the file, for a client that asks for a new one.
    ///
    /// # Errors
    /// If there is no file or no valid token in it. The error does not contain the token.
    pub fn token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let Some(file) = &self.0.token_file else {
            return Err("kafka.oauth_token_file names no file".into());
        };
        Ok(token::read(file, SystemTime::now())?)
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::types::RDKafkaConfRes;

    use super::*;

    #[test]
    fn secrets_are_redacted_in_messages_and_errors_longest_first() {
        let secrets = Secrets::new(["canary", "", "canary-bird"].into_iter(), None);
        assert_eq!(secrets.redact("a canary, a canary-bird, a cat"), "a [redacted], a [redacted], a cat");
        let error = KafkaError::ClientConfig(
            RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
            "Invalid value \"canary\"".to_owned(),
            "sasl.password".to_owned(),
            "canary".to_owned(),
        );
        let error = secrets.redact_error(error);
        assert!(
            !format!("{error} {error:?}").contains("canary") && error.to_string().contains("sasl.password")
        );
        let error = secrets.redact_error(KafkaError::ClientCreation("no canary".to_owned()));
        assert_eq!(error.to_string(), "Client creation error: no [redacted]");
    }
}
