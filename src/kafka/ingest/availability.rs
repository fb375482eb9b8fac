//! Availability of broker and topic: faults are logged at intervals, shown in readiness, and probed until they are
//! gone.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{info, warn};

use super::probe::{Probe, ProbeRequest};
use crate::kafka::client::{ConnectionFault, explain, explain_error, is_rebalance_error};
use crate::telemetry::{Causes, Health, LogThrottle};

/// Whether the broker and the topic are available.
pub(super) struct Availability {
    bootstrap: String,
    topic: String,
    /// Why they are not.
    impairment: Option<String>,
    /// The last fault of a connection.
    connection_fault: Option<ConnectionFault>,
    impairment_warning: LogThrottle,
    other_warning: LogThrottle,
    probe_pace: LogThrottle,
    /// A request has timed out: the broker may be unreachable.
    is_suspected: bool,
    /// A probe is under way.
    is_probing: bool,
}

/// The name of this part in readiness.
const NAME: &str = "ingest";

impl Availability {
    pub(super) fn new(bootstrap: &str, topic: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            topic: topic.to_owned(),
            impairment: None,
            connection_fault: None,
            // Often enough to be found at the end of a log, seldom enough to leave room for other lines.
            impairment_warning: LogThrottle::new(Duration::from_secs(30)),
            other_warning: LogThrottle::new(Duration::from_secs(30)),
            // Often enough to notice a recovery soon, seldom enough to be no load.
            probe_pace: LogThrottle::new(Duration::from_millis(500)),
            is_suspected: false,
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
                self.impaired(self.no_topic(), health, now);
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

    /// Probes the topic if there is an impairment or a suspicion.
    pub(super) fn probe_if_due(&mut self, probe: &Probe, now: Instant) {
        let is_needed = self.impairment.is_some() || self.is_suspected;
        if is_needed && !self.is_probing && self.probe_pace.is_due(now) {
            self.is_probing = probe.ask(ProbeRequest::Topic);
        }
    }

    /// Handles the response to a probe: whether the topic exists, or why there is no response.
    pub(super) fn probe_answered(
        &mut self,
        response: Result<bool, KafkaError>,
        health: &Health,
        now: Instant,
    ) {
        (self.is_probing, self.is_suspected) = (false, false);
        match response {
            Ok(true) => self.recovered(health),
            Ok(false) => self.impaired(self.no_topic(), health, now),
            Err(error) => self.impaired(self.no_connection(&error.to_string()), health, now),
        }
    }

    /// Whether broker or topic are not available.
    pub(super) fn is_impaired(&self) -> bool {
        self.impairment.is_some()
    }

    fn recovered(&mut self, health: &Health) {
        self.connection_fault = None;
        if let Some(reason) = self.impairment.take() {
            info!(was = reason, "broker and topic are available");
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
        format!(
            "topic `{}` does not exist at {}; create it, or set ingest.topic to another one",
            self.topic, self.bootstrap
        )
    }
}

fn kind(reason: &str) -> &str {
    reason.split_once(':').map_or(reason, |(kind, _)| kind)
}
