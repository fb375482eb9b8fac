//! What may a client's callbacks know of secrets? How to blot them out of its words, and where its token lies.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rdkafka::client::OAuthToken;
use rdkafka::error::KafkaError;

use super::token;
use crate::common::secret::REDACTED;

/// The secrets of one connection, for the contexts of its clients. Cheap to clone, and shows nothing.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: Vec<String>,
    token_file: Option<Box<Path>>,
}

impl Secrets {
    /// Those values, and a token in that file.
    pub(super) fn new<'a>(values: impl Iterator<Item = &'a str>, token_file: Option<&Path>) -> Self {
        let mut values: Vec<String> = values.filter(|value| !value.is_empty()).map(str::to_owned).collect();
        // One secret may be a part of another.
        values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
        Self(Arc::new(Inner { values, token_file: token_file.map(Box::from) }))
    }

    /// The client's words without secrets: it quotes values that it does not like.
    #[must_use]
    pub fn redact(&self, words: &str) -> String {
        self.0.values.iter().fold(words.to_owned(), |words, secret| words.replace(secret, REDACTED))
    }

    /// The same of an error that quotes settings.
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

    /// The token that lies in the file now: what a client's context answers whenever the client wants a new one.
    ///
    /// # Errors
    /// No file, no token in it, or one that has run out; without its content.
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
    fn secrets_are_blotted_out_of_words_and_errors_the_longer_ones_first() {
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
