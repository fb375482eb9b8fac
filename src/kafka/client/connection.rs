//! Where are the brokers, and how is one let in? What the operator says, laid over what a client asks for itself.

use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaResult;
use serde::Deserialize;

use super::{ClientProperties, Secrets, reserved_properties};

/// The section `kafka` of the configuration: how every client reaches the brokers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Brokers to begin with, `host:port,host:port`.
    pub bootstrap: String,
    /// A file that holds the token of SASL OAUTHBEARER and that something else renews; empty: none.
    pub oauth_token_file: PathBuf,
    /// Further properties of librdkafka; they win over ours, but for those on which delivery and order rest, which
    /// [`Self::faults`] refuses. Secrets among them.
    pub properties: ClientProperties,
}

impl Connection {
    /// To those brokers, without further properties.
    #[must_use]
    pub fn to(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            oauth_token_file: PathBuf::new(),
            properties: ClientProperties::default(),
        }
    }

    /// What its clients' contexts need: they answer for tokens, and repeat nothing secret.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        Secrets::new(self.properties.secrets(), self.token_file())
    }

    /// A client's own properties with the operator's laid over them.
    #[must_use]
    pub fn over(&self, mut ours: ClientConfig) -> ClientConfig {
        ours.set("bootstrap.servers", &self.bootstrap);
        // A connection that a broker closes is told on this level only, and may say why nobody lets us in.
        if (ours.log_level as i32) < RDKafkaLogLevel::Info as i32 {
            ours.set_log_level(RDKafkaLogLevel::Info);
        }
        for (name, value) in self.properties.iter() {
            ours.set(name, value);
        }
        ours
    }

    /// Makes a client of properties that [`Self::over`] was called for.
    ///
    /// # Errors
    /// Properties that librdkafka refuses, in its words, without secrets.
    pub fn client<C, T>(&self, properties: &ClientConfig, context: C) -> KafkaResult<T>
    where
        C: ClientContext,
        T: FromClientConfigAndContext<C>,
    {
        properties.create_with_context(context).map_err(|error| self.secrets().redact_error(error))
    }

    /// What cannot work: the key within the section, and why.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut hold = |key: &str, holds: bool, message: &str| {
            if !holds {
                faults.push((key.to_owned(), message.to_owned()));
            }
        };
        hold("bootstrap", !self.bootstrap.trim().is_empty(), "is empty; it must name a broker");
        hold(
            "bootstrap",
            !self.bootstrap.contains('@'),
            "has an `@` in it; names and passwords belong in kafka.properties",
        );
        for (name, value) in self.properties.iter() {
            hold(&property(name), !value.contains('\0') && !name.contains('\0'), "has a NUL in it");
            if let Some(message) = reserved_properties::fault(name, value) {
                hold(&property(name), false, &message);
            }
        }
        let is = |name: &str, value: &str| {
            self.properties.get(name).is_some_and(|set| set.eq_ignore_ascii_case(value))
        };
        hold(
            &property(METHOD),
            !is(METHOD, "oidc"),
            "this engine fetches no tokens itself: keep one in a file, renewed by others, and name it in \
             kafka.oauth_token_file",
        );
        hold(
            &property(UNSECURED),
            !is(UNSECURED, "true"),
            "a token that proves nothing and is never renewed: for a test, write one into a file and name it in \
             kafka.oauth_token_file",
        );
        let by_token = MECHANISM.iter().find(|name| is(name, "OAUTHBEARER"));
        match (by_token, self.token_file()) {
            (Some(name), None) if !is(METHOD, "oidc") && !is(UNSECURED, "true") => {
                hold(&property(name), false, "needs a token: kafka.oauth_token_file must name its file");
            }
            (None, Some(_)) => {
                let message = "is not used unless kafka.properties has sasl.mechanism = \"OAUTHBEARER\"";
                hold("oauth_token_file", false, message);
            }
            _ => {}
        }
        faults
    }

    fn token_file(&self) -> Option<&Path> {
        Some(self.oauth_token_file.as_path()).filter(|file| !file.as_os_str().is_empty())
    }
}

const METHOD: &str = "sasl.oauthbearer.method";
const UNSECURED: &str = "enable.sasl.oauthbearer.unsecure.jwt";
/// Both names that librdkafka has for it.
const MECHANISM: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];

fn property(name: &str) -> String {
    format!("properties.{name}")
}

#[cfg(test)]
mod tests {
    use rdkafka::producer::{BaseProducer, DefaultProducerContext};

    use super::*;

    fn with(bootstrap: &str, properties: &[(&str, &str)]) -> Connection {
        let mut connection = Connection::to(bootstrap);
        connection
            .properties
            .extend(properties.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        connection
    }

    /// Brokers, properties, and the fault that they make: its key, and a part of its message.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

    #[test]
    fn what_the_operator_says_wins() {
        let mut ours = ClientConfig::new();
        ours.set("linger.ms", "5").set("acks", "all");
        let laid = with("a:1", &[("linger.ms", "7")]).over(ours);
        let set = |name| laid.get(name).unwrap();
        assert_eq!((set("bootstrap.servers"), set("linger.ms"), set("acks")), ("a:1", "7", "all"));
    }

    #[test]
    fn a_value_that_librdkafka_refuses_is_named_and_a_secret_is_not_repeated() {
        let made = |properties| {
            let connection = with("a:1", properties);
            let made: KafkaResult<BaseProducer> =
                connection.client(&connection.over(ClientConfig::new()), DefaultProducerContext);
            made.err().unwrap().to_string()
        };
        assert!(made(&[("acks", "canary")]).contains("canary"));
        let error = made(&[("ssl.key.pem", "canary"), ("security.protocol", "ssl")]);
        assert!(error.contains("ssl.key.pem") && !error.contains("canary"), "{error}");
        let error = made(&[("sasl.password", "canary"), ("acks", "canary")]);
        assert!(error.contains("acks") && !error.contains("canary"), "{error}");
    }

    #[test]
    fn what_cannot_work_is_refused_before_a_client_is_made() {
        let by_token = ("sasl.mechanism", "OAUTHBEARER");
        let cases: [Case<'_>; 9] = [
            ("a:1", &[], "", ""),
            ("a:1", &[("sasl.mechanism", "PLAIN"), ("sasl.password", "x")], "", ""),
            (" ", &[], "bootstrap", "is empty"),
            ("user:canary@a:1", &[], "bootstrap", "has an `@`"),
            ("a:1", &[("sasl.password", "canary\0")], "properties.sasl.password", "has a NUL"),
            (
                "a:1",
                &[by_token, (METHOD, "OIDC")],
                "properties.sasl.oauthbearer.method",
                "kafka.oauth_token_file",
            ),
            (
                "a:1",
                &[by_token, (UNSECURED, "true")],
                "properties.enable.sasl.oauthbearer.unsecure.jwt",
                "proves nothing",
            ),
            ("a:1", &[by_token], "properties.sasl.mechanism", "needs a token"),
            ("a:1", &[("group.id", "canary")], "properties.group.id", "ingest.group"),
        ];
        for (bootstrap, properties, key, message) in cases {
            let faults = with(bootstrap, properties).faults();
            assert_eq!(faults.len(), usize::from(!key.is_empty()), "{faults:?}");
            for (found, said) in faults {
                assert!(
                    found == key && said.contains(message) && !said.contains("canary"),
                    "{found}: {said}"
                );
            }
        }
        let mut unused = with("a:1", &[]);
        unused.oauth_token_file = "/run/token".into();
        assert_eq!(unused.faults()[0].0, "oauth_token_file");
        unused.properties.extend([(by_token.0.to_owned(), by_token.1.to_owned())]);
        assert_eq!(unused.faults(), []);
    }
}
