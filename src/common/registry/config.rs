//! Settings of the Schema Registry: the section `registry`. `config/default.toml` holds their values and reasons.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;
use url::Url;

use crate::common::secret::Secret;

/// The section `registry` of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address, or several with commas between them, which are asked in this order; empty: there is no registry.
    pub url: String,
    /// The name for basic authentication; empty: none.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// A file with further trusted certificates (PEM); empty: those of the system.
    pub ca: PathBuf,
    /// The longest time for one request.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How long a record waits for its schema while the registry does not answer.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// How long an id that the registry does not know is not asked for again.
    #[serde(with = "humantime_serde")]
    pub unknown_for: Duration,
    /// The longest schema, with all that it refers to, in bytes.
    pub max_schema: ByteSize,
    /// Schemas that are kept, in bytes.
    pub cache: ByteSize,
    /// Whether schemas of outputs are registered; otherwise they are only looked up.
    pub register: bool,
    /// The names of the subjects of outputs.
    pub subject: SubjectNames,
}

/// How the subject of a topic's values is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectNames {
    /// `TOPIC-value`.
    Topic,
    /// The full name of the record or message.
    Record,
    /// `TOPIC-` and the full name of the record or message.
    TopicRecord,
}

impl Config {
    /// The addresses, without those that cannot be used.
    pub(super) fn bases(&self) -> Vec<Url> {
        self.addresses().filter_map(base).collect()
    }

    /// Whether there is a registry.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.addresses().next().is_some()
    }

    /// Settings out of range: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        hold(
            "url",
            self.addresses().all(|address| base(address).is_some()),
            "must hold addresses such as `http://localhost:8081`, without name, password, query or fragment",
        );
        let has_name = !self.username.is_empty() || self.password.is_empty();
        hold("password", has_name, "must be empty where registry.username is");
        hold(
            "username",
            !self.username.contains(':'),
            "must have no colon, which separates it from the password",
        );
        for (key, length) in [("timeout", self.timeout), ("patience", self.patience)] {
            hold(key, !length.is_zero(), "must be longer than nothing");
            // Sums with a clock do not overflow.
            hold(key, length <= Duration::from_secs(86_400), "must be a day or less");
        }
        hold("unknown_for", self.unknown_for <= Duration::from_secs(86_400), "must be a day or less");
        hold("max_schema", self.max_schema.as_u64() > 0, "must be more than nothing");
        faults
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim).filter(|address| !address.is_empty())
    }
}

/// The address of a registry; none if it is invalid or contains a secret.
fn base(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
}

impl SubjectNames {
    /// The subject of the values of a topic, whose record or message has this full name.
    #[must_use]
    pub fn subject(self, topic: &str, full_name: &str) -> String {
        match self {
            Self::Topic => format!("{topic}-value"),
            Self::Record => full_name.to_owned(),
            Self::TopicRecord => format!("{topic}-{full_name}"),
        }
    }
}

#[cfg(test)]
pub(crate) fn test_config(url: &str) -> Config {
    Config {
        url: url.to_owned(),
        username: String::new(),
        password: Secret::default(),
        ca: PathBuf::new(),
        timeout: Duration::from_secs(5),
        patience: Duration::from_secs(20),
        unknown_for: Duration::from_secs(60),
        max_schema: ByteSize::kib(64),
        cache: ByteSize::mib(1),
        register: true,
        subject: SubjectNames::Topic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_found() {
        assert_eq!(test_config("http://a:8081, https://b/path").faults(), []);
        assert_eq!(test_config("http://a:8081, https://b/path,").bases().len(), 2);
        assert!(!test_config(" ").is_set());
        for url in ["a:8081", "http://me:canary@a", "http://a?x=1"] {
            assert_eq!(test_config(url).faults()[0].0, "url", "{url}");
        }
        let bad = Config {
            password: "canary".into(),
            timeout: Duration::ZERO,
            patience: Duration::from_secs(86_401),
            max_schema: ByteSize(0),
            ..test_config("")
        };
        let keys: Vec<_> = bad.faults().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["password", "timeout", "patience", "max_schema"]);
        assert!(!format!("{bad:?}").contains("canary"));
    }

    #[test]
    fn subjects_are_named_as_the_strategies_of_the_registry_say() {
        let subject = |names: SubjectNames| names.subject("answers", "riveg.Annotation");
        assert_eq!(subject(SubjectNames::Topic), "answers-value");
        assert_eq!(subject(SubjectNames::Record), "riveg.Annotation");
        assert_eq!(subject(SubjectNames::TopicRecord), "answers-riveg.Annotation");
    }
}
