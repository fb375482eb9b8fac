//! What does Kafka's client mean, and what is to be done about it? The words of librdkafka and of brokers, explain.

use rdkafka::error::KafkaError;

/// Parts of the client's words, and what they mean. The first that is found counts: what says more comes first.
const MEANINGS: &[(&[&str], &str)] = &[
    (
        &["Failed to resolve", "Host resolution failure", "Name or service not known"],
        "the name of the host is not known on this machine: look at its spelling in kafka.bootstrap and at the machine's \
         DNS; a broker may also give out a name that is known to other machines alone (advertised.listeners)",
    ),
    (
        &["Connection refused"],
        "nobody listens there: is the broker up, and is the port in kafka.bootstrap right?",
    ),
    (
        &["No route to host", "unreachable"],
        "the network does not lead there: look at routes and firewalls between here and the broker",
    ),
    (
        &["unsupported SASL mechanism", "Unsupported SASL mechanism", "mechanism handshake failed"],
        "the broker does not offer this way to say who one is: set sasl.mechanism in kafka.properties to one that it offers",
    ),
    (
        &[
            "Authentication failed",
            "SASL authentication error",
            "Authentication failure",
            "invalid credentials",
        ],
        "the broker does not accept who we say we are: look at sasl.username, sasl.password and sasl.mechanism in \
         kafka.properties, or at the token",
    ),
    (
        &["incorrect security.protocol", "APIVERSION_QUERY"],
        "somebody answers, but not as expected: does the port take TLS or SASL, and does security.protocol in \
         kafka.properties say so?",
    ),
    (
        &["SSL", "certificate"],
        "TLS cannot be agreed on: look at security.protocol and ssl.ca.location in kafka.properties, and at the certificates \
         of both sides",
    ),
    (
        &["Topic authorization failed", "TopicAuthorizationFailed"],
        "this user has no right to the topic: grant READ on ingest.topic, and WRITE on publish.topic and \
         publish.dead_letter_topic",
    ),
    (
        &["Group authorization failed", "GroupAuthorizationFailed"],
        "this user has no right to the consumer group: grant READ on the group that ingest.group names",
    ),
    (
        &["Transactional Id authorization failed", "TransactionalIdAuthorizationFailed"],
        "this user has no right to the transactional id: grant WRITE and DESCRIBE on it (publish.transactional_id)",
    ),
    (
        &["Cluster authorization failed", "ClusterAuthorizationFailed"],
        "this user has no right to the cluster: brokers before 2.8 ask for IDEMPOTENT_WRITE on it",
    ),
    (
        &["Unknown topic", "Unknown partition", "UnknownTopic", "UnknownPartition"],
        "the topic, or a partition of it, does not exist: create it, or name another one",
    ),
    (
        &["Not enough in-sync replicas", "insufficient number of in-sync"],
        "fewer replicas are in step than the topic's min.insync.replicas: it goes on when enough brokers are back",
    ),
    (
        &[
            "Not leader for partition",
            "Leader not available",
            "Not coordinator",
            "Coordinator load in progress",
        ],
        "the brokers are just deciding who is responsible: it passes",
    ),
    (
        &["Coordinator not available"],
        "the broker that looks after the group or the transactions is not ready: it passes, unless __consumer_offsets or \
         __transaction_state cannot be made",
    ),
    (
        &["Disk error", "Log directory offline", "Kafka storage"],
        "the broker cannot write to its disk: look at its log",
    ),
    (
        &["Invalid session timeout", "Session timeout"],
        "the brokers grant no such ingest.session_timeout: see group.min.session.timeout.ms and \
         group.max.session.timeout.ms",
    ),
    (
        &["fenced", "Fenced"],
        "another process uses the same name: ingest.instance and publish.transactional_id need one of their own in every \
         engine",
    ),
    (
        &["Message size too large", "MessageSizeTooLarge"],
        "the record is larger than the topic or the producer takes: see max.message.bytes of the topic",
    ),
    (&["Policy violation"], "a policy of the brokers refuses it: ask who runs them"),
    (
        &["version not supported", "feature is not supported", "Required feature not supported"],
        "the brokers are too old for what is asked of them: see ingest.protocol and publish.delivery",
    ),
    (
        &["timed out", "Timed out", "TimedOut"],
        "no answer came in time: the broker is overloaded or hangs, or a firewall drops what is sent to it",
    ),
    (
        &[
            "broker connections are down",
            "Broker transport failure",
            "Disconnected",
            "Connection reset",
            "Receive failed",
        ],
        "the connection to the broker broke: is the broker up?",
    ),
];

/// The client's words with what they mean, and the words themselves as the cause. Words that are not known are left alone.
#[must_use]
pub fn explain(words: &str) -> String {
    let is_meant = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    match MEANINGS.iter().find(|(parts, _)| is_meant(parts)) {
        // Words of ours may have been through here already.
        Some((_, meaning)) if !words.contains(meaning) => format!("{meaning} ({words})"),
        _ => words.to_owned(),
    }
}

/// An error of the client with what it means.
#[must_use]
pub fn explain_error(error: &KafkaError) -> String {
    explain(&error.to_string())
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode as Code;

    use super::*;

    #[test]
    fn what_the_client_says_is_explained_with_what_to_do_and_kept_as_the_cause() {
        let cases = [
            (
                "Failed to resolve 'kafka:9092': Name or service not known (after 12ms)",
                "advertised.listeners",
            ),
            (
                "a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms)",
                "nobody listens",
            ),
            ("a:1: Connect to ipv4#10.0.0.1:9092 failed: No route to host", "does not lead there"),
            ("sasl_ssl://a:1: SASL authentication error: Authentication failed during", "sasl.password"),
            ("Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN", "sasl.mechanism"),
            ("ssl://a:1: SSL handshake failed: certificate verify failed", "ssl.ca.location"),
            (
                "a:1: Disconnected: verify that security.protocol is right (in state APIVERSION_QUERY)",
                "take TLS",
            ),
            ("a:1: Disconnected (after 1003ms in state UP)", "connection to the broker broke"),
            ("2/2 brokers are down: Local: All broker connections are down", "is the broker up?"),
            ("a:1: ApiVersionRequest failed: Local: Timed out (after 5012ms)", "firewall"),
            ("Offset commit (manual) failed for 1/1: Broker: Group authorization failed", "ingest.group"),
        ];
        for (words, part) in cases {
            let explain = explain(words);
            assert!(explain.contains(part), "{words}: {explain}");
            assert!(explain.ends_with(&format!(" ({words})")), "{explain}");
            assert_eq!(super::explain(&explain), explain, "once is enough");
        }
        assert_eq!(explain("the token in `x` ran out at 12:00"), "the token in `x` ran out at 12:00");
    }

    #[test]
    fn errors_that_operators_meet_are_explained() {
        let codes = [
            Code::BrokerTransportFailure,
            Code::Resolve,
            Code::MessageTimedOut,
            Code::UnknownPartition,
            Code::UnknownTopic,
            Code::AllBrokersDown,
            Code::OperationTimedOut,
            Code::Authentication,
            Code::SSL,
            Code::UnknownTopicOrPartition,
            Code::LeaderNotAvailable,
            Code::NotLeaderForPartition,
            Code::RequestTimedOut,
            Code::MessageSizeTooLarge,
            Code::CoordinatorLoadInProgress,
            Code::CoordinatorNotAvailable,
            Code::NotCoordinator,
            Code::NotEnoughReplicas,
            Code::NotEnoughReplicasAfterAppend,
            Code::InvalidSessionTimeout,
            Code::TopicAuthorizationFailed,
            Code::GroupAuthorizationFailed,
            Code::ClusterAuthorizationFailed,
            Code::TransactionalIdAuthorizationFailed,
            Code::UnsupportedSASLMechanism,
            Code::UnsupportedVersion,
            Code::PolicyViolation,
            Code::KafkaStorageError,
            Code::SaslAuthenticationFailed,
            Code::FencedInstanceId,
        ];
        let plain: Vec<Code> = codes
            .into_iter()
            .filter(|&code| {
                let error = KafkaError::MessageProduction(code);
                explain_error(&error) == error.to_string()
            })
            .collect();
        assert!(plain.is_empty(), "not explain: {plain:?}");
    }
}
