//! Metrics of the Kafka clients, from librdkafka's statistics on brokers and queues.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use super::registration::{Registry, register};
use super::scrape_hooks::catch_up;

/// A client of Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum KafkaClient {
    Consumer,
    Producer,
}

impl KafkaClient {
    const ALL: [Self; 2] = [Self::Consumer, Self::Producer];

    fn as_str(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Producer => "producer",
        }
    }
}

/// Figures that a client reports. Totals count from its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientFigures {
    /// Records that wait in the client: fetched and not read, or handed over and not acknowledged.
    pub queued_messages: u64,
    /// Their bytes.
    pub queued_bytes: u64,
    /// Bytes sent to brokers.
    pub sent_bytes: u64,
    /// Bytes received from brokers.
    pub received_bytes: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// Requests that no broker answered in time.
    pub timeouts: u64,
    /// Connections that ended.
    pub disconnects: u64,
    /// By the number of the broker.
    pub brokers: BTreeMap<i32, BrokerFigures>,
}

/// Figures of one broker over the last interval of statistics.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BrokerFigures {
    /// From a request to its response: 99 in 100 took no longer.
    pub rtt_seconds: f64,
    /// The longest throttle time that the broker asked for.
    pub throttle_seconds: f64,
}

/// The families of all clients.
#[derive(Debug, Clone)]
pub struct KafkaMetrics {
    clients: [Client; KafkaClient::ALL.len()],
    rtt: GaugeVec,
    throttle: GaugeVec,
}

/// The counters of one client, looked up once.
#[derive(Debug, Clone)]
struct Client {
    queued_messages: IntGauge,
    queued_bytes: IntGauge,
    sent_bytes: IntCounter,
    received_bytes: IntCounter,
    retries: IntCounter,
    timeouts: IntCounter,
    disconnects: IntCounter,
    brokers: Arc<Mutex<Vec<i32>>>,
}

impl KafkaMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str| {
            register(registry, IntCounterVec::new(Opts::new(name, help), &["client"]))
        };
        let gauges =
            |name: &str, help: &str| register(registry, IntGaugeVec::new(Opts::new(name, help), &["client"]));
        let of_brokers = |name: &str, help: &str| {
            register(registry, GaugeVec::new(Opts::new(name, help), &["client", "broker"]))
        };
        let queued_messages = gauges(
            "riveg_kafka_queued_messages",
            "Records in a client's queues: fetched and not read, or handed over and not acknowledged.",
        );
        let queued_bytes = gauges("riveg_kafka_queued_bytes", "The bytes of those records.");
        let sent_bytes = counters("riveg_kafka_sent_bytes_total", "Bytes that a client sent to brokers.");
        let received_bytes =
            counters("riveg_kafka_received_bytes_total", "Bytes that a client received from brokers.");
        let retries = counters("riveg_kafka_retries_total", "Requests that a client sent again.");
        let timeouts =
            counters("riveg_kafka_timeouts_total", "Requests that no broker answered within its time.");
        let disconnects = counters("riveg_kafka_disconnects_total", "Connections to brokers that ended.");
        let clients = KafkaClient::ALL.map(|client| {
            let label = [client.as_str()];
            Client {
                queued_messages: queued_messages.with_label_values(&label),
                queued_bytes: queued_bytes.with_label_values(&label),
                sent_bytes: sent_bytes.with_label_values(&label),
                received_bytes: received_bytes.with_label_values(&label),
                retries: retries.with_label_values(&label),
                timeouts: timeouts.with_label_values(&label),
                disconnects: disconnects.with_label_values(&label),
                brokers: Arc::default(),
            }
        });
        Self {
            clients,
            rtt: of_brokers(
                "riveg_kafka_rtt_seconds",
                "Time from a request to a broker to its response, of the last seconds: 99 in 100 took no longer.",
            ),
            throttle: of_brokers(
                "riveg_kafka_throttle_seconds",
                "The longest time for which a broker's quota held a client back, of the last seconds.",
            ),
        }
    }

    /// Records figures of a client. The series of brokers that it no longer reports end.
    pub fn reported(&self, client: KafkaClient, figures: &ClientFigures) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counted = &self.clients[client as usize];
        counted.queued_messages.set(gauge(figures.queued_messages));
        counted.queued_bytes.set(gauge(figures.queued_bytes));
        [
            (&counted.sent_bytes, figures.sent_bytes),
            (&counted.received_bytes, figures.received_bytes),
            (&counted.retries, figures.retries),
            (&counted.timeouts, figures.timeouts),
            (&counted.disconnects, figures.disconnects),
        ]
        .into_iter()
        .for_each(catch_up);
        let mut known = counted.brokers.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in known.iter().filter(|broker| !figures.brokers.contains_key(broker)) {
            let labels = [client.as_str(), &gone.to_string()];
            let removed = self.rtt.remove_label_values(&labels);
            // Both were set together.
            let _ = removed.and_then(|()| self.throttle.remove_label_values(&labels));
        }
        for (broker, told) in &figures.brokers {
            let labels = [client.as_str(), &broker.to_string()];
            self.rtt.with_label_values(&labels).set(told.rtt_seconds);
            self.throttle.with_label_values(&labels).set(told.throttle_seconds);
        }
        *known = figures.brokers.keys().copied().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    #[test]
    fn clients_are_told_apart_and_a_broker_that_is_gone_has_no_series() {
        let metrics = Metrics::new();
        let figures = |brokers: &[i32]| ClientFigures {
            queued_messages: 3,
            sent_bytes: 700,
            retries: 1,
            brokers: brokers
                .iter()
                .map(|&broker| (broker, BrokerFigures { rtt_seconds: 0.25, throttle_seconds: 0.0 }))
                .collect(),
            ..ClientFigures::default()
        };
        metrics.kafka().reported(KafkaClient::Producer, &figures(&[1, 2]));
        metrics.kafka().reported(KafkaClient::Producer, &figures(&[2]));
        let text = metrics.render();
        for line in [
            r#"riveg_kafka_queued_messages{client="producer"} 3"#,
            r#"riveg_kafka_queued_messages{client="consumer"} 0"#,
            r#"riveg_kafka_sent_bytes_total{client="producer"} 700"#,
            r#"riveg_kafka_retries_total{client="producer"} 1"#,
            r#"riveg_kafka_rtt_seconds{broker="2",client="producer"} 0.25"#,
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line} in\n{text}");
        }
        assert!(!text.contains(r#"broker="1""#), "{text}");
    }
}
