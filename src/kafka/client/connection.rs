//! Connection: addresses of the brokers, credentials, and further properties from the operator.

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
    /// Bootstrap servers, `host:port,host:port`.
    pub bootstrap: String,
    /// The file with the token for SASL OAUTHBEARER. Token renewal is external. Empty: no token.
    pub oauth_token_file: PathBuf,
    /// Further properties of librdkafka, some of them secrets. They override those of the engine, except properties on
    /// which delivery and order depend: [`Self::faults`] rejects these.
    pub properties: ClientProperties,
}

impl Connection {
    /// A connection to these brokers without further properties.
    #[must_use]
    pub fn to(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            oauth_token_file: PathBuf::new(),
            properties: ClientProperties::default(),
        }
    }

    /// Secrets for the contexts of clients, which supply tokens and redact secrets in messages.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        Secrets::new(self.properties.secrets(), self.token_file())
    }

    /// The properties of a client, with those of the operator added.
    #[must_use]
    pub fn apply_to(&self, mut properties: ClientConfig) -> ClientConfig {
        properties.set("bootstrap.servers", &self.bootstrap);
        // A connection that the broker closes is logged at this level only, and the line may give the reason.
        if (properties.log_level as i32) < RDKafkaLogLevel::Info as i32 {
            properties.set_log_level(RDKafkaLogLevel::Info);
        }
        for (name, value) in self.properties.iter() {
            properties.set(name, value);
        }
        properties
    }

    /// Creates a client. `properties` come from [`Self::apply_to`].
    ///
    /// # Errors
    /// If librdkafka refuses a property: its message, without secrets.
    pub fn client<C, T>(&self, properties: &ClientConfig, context: C) -> KafkaResult<T>
    where
        C: ClientContext,
        T: FromClientConfigAndContext<C>,
    {
        properties.create_with_context(context).map_err(|error| self.secrets().redact_error(error))
    }

    /// Settings that cannot work: the key within the section, and the reason.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut require = |key: &str, holds: bool, message: &str| {
            if !holds {
                faults.push((key.to_owned(), message.to_owned()));
            }
        };
        require("bootstrap", !self.bootstrap.trim().is_empty(), "is empty; it must name a broker");
        require(
            "bootstrap",
            !self.bootstrap.contains('@'),
            "has an `@` in it; names and passwords belong in kafka.properties",
        );
        for (name, value) in self.properties.iter() {
            require(&property(name), !value.contains('\0') && !name.contains('\0'), "has a NUL in it");
            if let Some(message) = reserved_properties::fault(name, value) {
                require(&property(name), false, &message);
            }
        }
        let is = |name: &str, value: &str| {
            self.properties.get(name).is_some_and(|set| set.eq_ignore_ascii_case(value))
        };
        require(
            &property(METHOD),
            !is(METHOD, "oidc"),
            "this engine does not fetch tokens: have another program write the token to a file and renew it, and set \
             kafka.oauth_token_file to that file",
        );
        require(
            &property(UNSECURED),
            !is(UNSECURED, "true"),
            "an unsecured token proves nothing and is never renewed: for a test, write a token to a file and set \
             kafka.oauth_token_file to that file",
        );
        let by_token = MECHANISM.iter().find(|name| is(name, "OAUTHBEARER"));
        match (by_token, self.token_file()) {
            (Some(name), None) if !is(METHOD, "oidc") && !is(UNSECURED, "true") => {
                require(&property(name), false, "needs a token: kafka.oauth_token_file must name its file");
            }
            (None, Some(_)) => {
                let message = "is not used unless kafka.properties has sasl.mechanism = \"OAUTHBEARER\"";
                require("oauth_token_file", false, message);
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
/// librdkafka has two names for it.
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

    /// Brokers, properties, and the expected fault: its key and a part of its message.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

    #[test]
    fn properties_of_the_operator_override_those_of_the_engine() {
        let mut properties = ClientConfig::new();
        properties.set("linger.ms", "5").set("acks", "all");
        let applied = with("a:1", &[("linger.ms", "7")]).apply_to(properties);
        let set = |name| applied.get(name).unwrap();
        assert_eq!((set("bootstrap.servers"), set("linger.ms"), set("acks")), ("a:1", "7", "all"));
    }

    #[test]
    fn a_value_that_librdkafka_refuses_is_named_unless_it_is_a_secret() {
        let made = |properties| {
            let connection = with("a:1", properties);
            let made: KafkaResult<BaseProducer> =
                connection.client(&connection.apply_to(ClientConfig::new()), DefaultProducerContext);
            made.err().unwrap().to_string()
        };
        assert!(made(&[("acks", "canary")]).contains("canary"));
        let error = made(&[("ssl.key.pem", "canary"), ("security.protocol", "ssl")]);
        assert!(error.contains("ssl.key.pem") && !error.contains("canary"), "{error}");
        let error = made(&[("sasl.password", "canary"), ("acks", "canary")]);
        assert!(error.contains("acks") && !error.contains("canary"), "{error}");
    }

    #[test]
    fn settings_that_cannot_work_are_rejected_before_a_client_is_created() {
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
