//! Availability of brokers and topics: faults are logged at intervals, shown in readiness, and probed until they are
//! gone.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{info, warn};

use super::InputTopics;
use super::probe::{Probe, ProbeRequest, TopicsFound};
use crate::kafka::client::{ConnectionFault, TopicPartition, explain, explain_error, is_rebalance_error};
use crate::telemetry::{Causes, Health, LogThrottle};

/// Whether a broker and a topic are available.
pub(super) struct Availability {
    bootstrap: String,
    topics: InputTopics,
    /// Topics that do not exist while others do.
    missing: BTreeSet<String>,
    /// Why nothing can be read.
    impairment: Option<String>,
    /// The last fault of a connection.
    connection_fault: Option<ConnectionFault>,
    impairment_warning: LogThrottle,
    other_warning: LogThrottle,
    probe_pace: LogThrottle,
    /// A request has timed out, or a topic is missing: perhaps nothing can be read.
    is_suspected: bool,
    /// A probe is under way.
    is_probing: bool,
}

/// The name of this part in readiness.
const NAME: &str = "ingest";

impl Availability {
    pub(super) fn new(bootstrap: &str, topics: InputTopics) -> Self {
        let has_patterns = topics.patterns().next().is_some();
        // All topics are listed for a pattern, and the client itself does that no more often.
        let probe_pace = if has_patterns { Duration::from_secs(5) } else { Duration::from_millis(500) };
        Self {
            bootstrap: bootstrap.to_owned(),
            topics,
            missing: BTreeSet::new(),
            impairment: None,
            connection_fault: None,
            // Often enough to be found at the end of a log, seldom enough to leave room for other lines.
            impairment_warning: LogThrottle::new(Duration::from_secs(30)),
            other_warning: LogThrottle::new(Duration::from_secs(30)),
            // Often enough to notice a recovery soon, seldom enough to be no load.
            probe_pace: LogThrottle::new(probe_pace),
            // That a pattern matches nothing is no error of the client.
            is_suspected: has_patterns,
            is_probing: false,
        }
    }

    /// Handles an error of the client.
    pub(super) fn client_error(&mut self, error: &KafkaError, reason: &str, health: &Health, now: Instant) {
        use RDKafkaErrorCode as Code;
        let fault = error.rdkafka_error_code().and_then(|code| ConnectionFault::of_error(code, reason));
        if let Some(fault) = fault {
            let is_access_denied = fault.is_access_denied;
            self.connection_fault = Some(fault);
            if is_access_denied {
                self.impaired(self.no_connection(reason), health, now);
            } else {
                // One connection of several. If it is the last one, the client reports that all brokers are down.
                tracing::debug!(error = %Causes(&error), reason, "connection");
            }
            return;
        }
        match error.rdkafka_error_code() {
            // It follows the fault of the last connection, which has more detail.
            Some(Code::AllBrokersDown) => self.impaired(self.no_connection(reason), health, now),
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
                if self.topics.only().is_some() {
                    self.impaired(self.no_topic(), health, now);
                } else {
                    tracing::debug!(reason, "a topic is missing");
                    self.is_suspected = true;
                }
            }
            // A broker that hangs keeps its connections open and reports nothing.
            Some(Code::OperationTimedOut | Code::RequestTimedOut) => {
                tracing::debug!(error = %Causes(&error), reason, "a request has timed out");
                self.is_suspected = true;
            }
            Some(code) if is_rebalance_error(code) => {
                tracing::debug!(error = %Causes(&error), reason, "rebalance")
            }
            _ => {
                if self.other_warning.is_due(now) {
                    let reason = explain(reason);
                    warn!(
                        error = explain_error(error),
                        reason,
                        brokers = self.bootstrap,
                        "the consumer reports an error"
                    );
                }
            }
        }
    }

    /// A connection was closed, which alone may be normal. The fault is kept as the reason for later.
    pub(super) fn connection_closed(&mut self, fault: ConnectionFault) {
        self.connection_fault = Some(fault);
    }

    /// Probes the topics if there is an impairment or a suspicion.
    pub(super) fn probe_if_due(&mut self, probe: &Probe, now: Instant) {
        let is_needed = self.impairment.is_some() || self.is_suspected;
        if is_needed && !self.is_probing && self.probe_pace.is_due(now) {
            self.is_probing = probe.ask(ProbeRequest::Topics);
        }
    }

    /// Handles the response to a probe: which topics exist, or why there is no response.
    pub(super) fn probe_answered(
        &mut self,
        response: Result<TopicsFound, KafkaError>,
        health: &Health,
        now: Instant,
    ) {
        (self.is_probing, self.is_suspected) = (false, false);
        match response {
            Ok(TopicsFound { any: true, missing }) => {
                self.recovered(health);
                self.are_missing(missing);
            }
            Ok(TopicsFound { any: false, .. }) => self.impaired(self.no_topic(), health, now),
            Err(error) => self.impaired(self.no_connection(&error.to_string()), health, now),
        }
    }

    /// Partitions are assigned, so their topics exist.
    pub(super) fn assigned(&mut self, partitions: &[TopicPartition]) {
        for TopicPartition { topic, .. } in partitions {
            if self.missing.remove(&**topic) {
                info!(topic = &**topic, "a topic that was missing exists");
            }
        }
    }

    /// Says once of each topic that it is missing: readiness is that of the others.
    fn are_missing(&mut self, missing: Vec<String>) {
        for topic in &missing {
            if !self.missing.contains(topic) {
                let brokers = &self.bootstrap;
                warn!(
                    topic,
                    brokers,
                    "a topic of ingest.topic does not exist; the others are read, and this one once it exists"
                );
            }
        }
        self.missing = missing.into_iter().collect();
    }

    /// Whether broker or topics are not available.
    pub(super) fn is_impaired(&self) -> bool {
        self.impairment.is_some()
    }

    fn recovered(&mut self, health: &Health) {
        self.connection_fault = None;
        if let Some(reason) = self.impairment.take() {
            info!(was = reason, "broker and topics are available");
            health.no_longer_waits(NAME);
            self.impairment_warning.reset();
        }
    }

    fn impaired(&mut self, reason: String, health: &Health, now: Instant) {
        // A reason of another kind is logged at once. The message of the client after the colon makes no difference.
        if self.impairment.as_ref().map(|impairment| kind(impairment)) != Some(kind(&reason)) {
            self.impairment_warning.reset();
        }
        if self.impairment_warning.is_due(now) {
            warn!(reason, "nothing can be read yet; still trying");
        }
        health.waits(NAME, reason.clone());
        self.impairment = Some(reason);
    }

    fn no_connection(&self, reason: &str) -> String {
        match &self.connection_fault {
            Some(ConnectionFault { is_access_denied: true, message }) => {
                format!("the Kafka broker at {} denies access: {}", self.bootstrap, explain(message))
            }
            Some(ConnectionFault { message, .. }) => {
                format!("no Kafka broker answers at {}: {}", self.bootstrap, explain(message))
            }
            None => format!("no Kafka broker answers at {}: {}", self.bootstrap, explain(reason)),
        }
    }

    fn no_topic(&self) -> String {
        let (topics, bootstrap) = (&self.topics, &self.bootstrap);
        match topics.only() {
            Some(topic) => format!(
                "topic `{topic}` does not exist at {bootstrap}; create it, or set ingest.topic to another one"
            ),
            None => format!(
                "none of the {topics} exists at {bootstrap}; create one, or set ingest.topic to others"
            ),
        }
    }
}

fn kind(reason: &str) -> &str {
    reason.split_once(':').map_or(reason, |(kind, _)| kind)
}
