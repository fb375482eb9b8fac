//! Why does nothing come? A broker that is away or lets us not in, a topic that is missing: said seldom, shown in readiness,
//! probed until it has passed.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{info, warn};

use super::probe::{Probe, Question};
use crate::kafka::client::{ConnectionFault, explain, explain_error, is_rebalance_error};
use crate::telemetry::{Causes, Health, LogThrottle};

/// Whether the broker and the topic are there.
pub(super) struct Trouble {
    bootstrap: String,
    topic: String,
    current: Option<String>,
    /// What was wrong with a connection last, in the client's words.
    connection: Option<ConnectionFault>,
    warning: LogThrottle,
    other: LogThrottle,
    probe: LogThrottle,
    /// A request was not answered in time: nobody knows yet whether the broker is there.
    is_suspected: bool,
    /// A question to the broker is under way.
    is_asked: bool,
}

/// The name of this part in readiness.
const NAME: &str = "ingest";

impl Trouble {
    pub(super) fn new(bootstrap: &str, topic: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            topic: topic.to_owned(),
            current: None,
            connection: None,
            // Often enough to be found in a log's tail, seldom enough to leave room for other lines.
            warning: LogThrottle::new(Duration::from_secs(30)),
            other: LogThrottle::new(Duration::from_secs(30)),
            // Often enough to be noticed soon, seldom enough to be no load.
            probe: LogThrottle::new(Duration::from_millis(500)),
            is_suspected: false,
            is_asked: false,
        }
    }

    /// The client complains.
    pub(super) fn complaint(&mut self, error: &KafkaError, reason: &str, health: &Health, now: Instant) {
        use RDKafkaErrorCode as Code;
        let complaint = error.rdkafka_error_code().and_then(|code| ConnectionFault::of_error(code, reason));
        if let Some(complaint) = complaint {
            let is_access_denied = complaint.is_access_denied;
            self.connection = Some(complaint);
            if is_access_denied {
                self.begin(self.no_connection(reason), health, now);
            } else {
                // One connection of several: where it is the last one, the client says that all brokers are down.
                tracing::debug!(error = %Causes(&error), reason, "connection");
            }
            return;
        }
        match error.rdkafka_error_code() {
            // It follows the complaint of the last connection, which says more.
            Some(Code::AllBrokersDown) => self.begin(self.no_connection(reason), health, now),
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
                self.begin(self.no_topic(), health, now);
            }
            // A broker that hangs keeps its connections open, and says nothing.
            Some(Code::OperationTimedOut | Code::RequestTimedOut) => {
                tracing::debug!(error = %Causes(&error), reason, "a request is not answered");
                self.is_suspected = true;
            }
            Some(code) if is_rebalance_error(code) => {
                tracing::debug!(error = %Causes(&error), reason, "rebalance")
            }
            _ => {
                if self.other.is_due(now) {
                    let reason = explain(reason);
                    warn!(
                        error = explain_error(error),
                        reason,
                        brokers = self.bootstrap,
                        "the consumer complains"
                    );
                }
            }
        }
    }

    /// The client says of a connection that it is no more, and why. That alone may be in order.
    pub(super) fn closed(&mut self, complaint: ConnectionFault) {
        self.connection = Some(complaint);
    }

    /// Asks the broker whether it has passed. Without trouble nothing is asked.
    pub(super) fn look_again(&mut self, probe: &Probe, now: Instant) {
        let is_due = self.current.is_some() || self.is_suspected;
        if is_due && !self.is_asked && self.probe.is_due(now) {
            self.is_asked = probe.ask(Question::Topic);
        }
    }

    /// The broker's answer: whether the topic is there, or why there is none.
    pub(super) fn answered(&mut self, answer: Result<bool, KafkaError>, health: &Health, now: Instant) {
        (self.is_asked, self.is_suspected) = (false, false);
        match answer {
            Ok(true) => self.passed(health),
            Ok(false) => self.begin(self.no_topic(), health, now),
            Err(error) => self.begin(self.no_connection(&error.to_string()), health, now),
        }
    }

    /// Whether there is any.
    pub(super) fn is_there(&self) -> bool {
        self.current.is_some()
    }

    fn passed(&mut self, health: &Health) {
        self.connection = None;
        if let Some(reason) = self.current.take() {
            info!(was = reason, "broker and topic are there");
            health.waits_no_more(NAME);
            self.warning.reset();
        }
    }

    fn begin(&mut self, reason: String, health: &Health, now: Instant) {
        // Another reason is said at once; the same one in other words of the client is the same.
        if self.current.as_ref().map(|current| kind(current)) != Some(kind(&reason)) {
            self.warning.reset();
        }
        if self.warning.is_due(now) {
            warn!(reason, "nothing can be read yet; still trying");
        }
        health.waits(NAME, reason.clone());
        self.current = Some(reason);
    }

    fn no_connection(&self, reason: &str) -> String {
        match &self.connection {
            Some(ConnectionFault { is_access_denied: true, words }) => {
                format!("the Kafka broker at {} does not let us in: {}", self.bootstrap, explain(words))
            }
            Some(ConnectionFault { words, .. }) => {
                format!("no Kafka broker answers at {}: {}", self.bootstrap, explain(words))
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
