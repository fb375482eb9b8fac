//! Explanations: messages of librdkafka and of brokers, with their meaning and a remedy.

use rdkafka::error::KafkaError;

/// Parts of messages, and their explanation. The first match counts: specific ones come first.
const EXPLANATIONS: &[(&[&str], &str)] = &[
    (
        &["Failed to resolve", "Host resolution failure", "Name or service not known"],
        "the host name cannot be resolved on this machine: check its spelling in kafka.bootstrap and the machine's \
         DNS; a broker may also advertise a name that only other machines can resolve (advertised.listeners)",
    ),
    (
        &["Connection refused"],
        "no process listens there: is the broker up, and is the port in kafka.bootstrap right?",
    ),
    (
        &["No route to host", "unreachable"],
        "there is no network route: check routes and firewalls between this machine and the broker",
    ),
    (
        &["unsupported SASL mechanism", "Unsupported SASL mechanism", "mechanism handshake failed"],
        "the broker does not support this SASL mechanism: set sasl.mechanism in kafka.properties to one that it \
         supports",
    ),
    (
        &[
            "Authentication failed",
            "SASL authentication error",
            "Authentication failure",
            "invalid credentials",
        ],
        "the broker rejects the credentials: check sasl.username, sasl.password and sasl.mechanism in \
         kafka.properties, or the token",
    ),
    (
        &["incorrect security.protocol", "APIVERSION_QUERY"],
        "a server responds, but not as expected: does the port require TLS or SASL, and does security.protocol in \
         kafka.properties say so?",
    ),
    (
        &["SSL", "certificate"],
        "the TLS handshake fails: check security.protocol and ssl.ca.location in kafka.properties, and the \
         certificates of both sides",
    ),
    (
        &["Topic authorization failed", "TopicAuthorizationFailed"],
        "this user is not authorised for the topic: grant READ on ingest.topic, and WRITE on publish.topic and \
         publish.dead_letter_topic",
    ),
    (
        &["Group authorization failed", "GroupAuthorizationFailed"],
        "this user is not authorised for the consumer group: grant READ on the group that ingest.group names",
    ),
    (
        &["Transactional Id authorization failed", "TransactionalIdAuthorizationFailed"],
        "this user is not authorised for the transactional id: grant WRITE and DESCRIBE on it \
         (publish.transactional_id)",
    ),
    (
        &["Cluster authorization failed", "ClusterAuthorizationFailed"],
        "this user is not authorised for the cluster: brokers before 2.8 require IDEMPOTENT_WRITE on it",
    ),
    (
        &["Unknown topic", "Unknown partition", "UnknownTopic", "UnknownPartition"],
        "the topic or a partition of it does not exist: create it, or set another topic",
    ),
    (
        &["Not enough in-sync replicas", "insufficient number of in-sync"],
        "fewer replicas are in sync than the topic's min.insync.replicas: writing continues when enough brokers are \
         back",
    ),
    (
        &[
            "Not leader for partition",
            "Leader not available",
            "Not coordinator",
            "Coordinator load in progress",
        ],
        "the brokers are electing a leader or coordinator: this passes",
    ),
    (
        &["Coordinator not available"],
        "the coordinator of the group or of transactions is not ready: this passes, unless __consumer_offsets or \
         __transaction_state cannot be created",
    ),
    (
        &["Disk error", "Log directory offline", "Kafka storage"],
        "the broker cannot write to its disk: check its log",
    ),
    (
        &["Invalid session timeout", "Session timeout"],
        "the brokers do not allow this ingest.session_timeout: see group.min.session.timeout.ms and \
         group.max.session.timeout.ms",
    ),
    (
        &["fenced", "Fenced"],
        "another process uses the same name: ingest.instance and publish.transactional_id must differ between engines",
    ),
    (
        &["Message size too large", "MessageSizeTooLarge"],
        "the record is larger than the topic or the producer allows: see max.message.bytes of the topic",
    ),
    (&["Policy violation"], "a policy of the brokers refuses it: ask their operator"),
    (
        &["version not supported", "feature is not supported", "Required feature not supported"],
        "the brokers are too old for this request: see ingest.protocol and publish.delivery",
    ),
    (
        &["timed out", "Timed out", "TimedOut"],
        "no response in time: the broker is overloaded or hangs, or a firewall drops packets",
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

/// A message of the client with its explanation. An unknown message is returned unchanged.
#[must_use]
pub fn explain(message: &str) -> String {
    let matches = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    match EXPLANATIONS.iter().find(|(parts, _)| matches(parts)) {
        // The message may contain its explanation already.
        Some((_, explanation)) if !message.contains(explanation) => format!("{explanation} ({message})"),
        _ => message.to_owned(),
    }
}

/// An error of the client with its explanation.
#[must_use]
pub fn explain_error(error: &KafkaError) -> String {
    explain(&error.to_string())
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode as Code;

    use super::*;

    #[test]
    fn a_message_is_explained_with_a_remedy_and_kept_as_the_cause() {
        let cases = [
            (
                "Failed to resolve 'kafka:9092': Name or service not known (after 12ms)",
                "advertised.listeners",
            ),
            (
                "a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms)",
                "no process listens",
            ),
            ("a:1: Connect to ipv4#10.0.0.1:9092 failed: No route to host", "no network route"),
            ("sasl_ssl://a:1: SASL authentication error: Authentication failed during", "sasl.password"),
            ("Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN", "sasl.mechanism"),
            ("ssl://a:1: SSL handshake failed: certificate verify failed", "ssl.ca.location"),
            (
                "a:1: Disconnected: verify that security.protocol is right (in state APIVERSION_QUERY)",
                "require TLS",
            ),
            ("a:1: Disconnected (after 1003ms in state UP)", "connection to the broker broke"),
            ("2/2 brokers are down: Local: All broker connections are down", "is the broker up?"),
            ("a:1: ApiVersionRequest failed: Local: Timed out (after 5012ms)", "firewall"),
            ("Offset commit (manual) failed for 1/1: Broker: Group authorization failed", "ingest.group"),
        ];
        for (words, part) in cases {
            let explained = explain(words);
            assert!(explained.contains(part), "{words}: {explained}");
            assert!(explained.ends_with(&format!(" ({words})")), "{explained}");
            assert_eq!(explain(&explained), explained, "it is explained once");
        }
        assert_eq!(explain("the token in `x` expired at 12:00"), "the token in `x` expired at 12:00");
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
