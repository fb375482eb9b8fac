//! Statistics of librdkafka, reduced to figures for metrics: queues, bytes, faults, and response times of brokers.

use std::collections::BTreeMap;

use rdkafka::Statistics;
use rdkafka::statistics::Broker;

use crate::telemetry::{BrokerFigures, ClientFigures};

/// How often clients report statistics, in milliseconds: several times between two scrapes of a usual Prometheus, at
/// negligible cost.
pub const INTERVAL_MS: &str = "5000";

/// The figures in a report.
#[must_use]
pub fn figures(statistics: &Statistics) -> ClientFigures {
    let partitions = || statistics.topics.values().flat_map(|topic| topic.partitions.values());
    let brokers = || statistics.brokers.values();
    let fetched = partitions().map(|partition| count(partition.fetchq_cnt)).sum::<u64>();
    let fetched_bytes = partitions().map(|partition| partition.fetchq_size).sum::<u64>();
    ClientFigures {
        queued_messages: statistics.msg_cnt + fetched,
        queued_bytes: statistics.msg_size + fetched_bytes,
        sent_bytes: count(statistics.tx_bytes),
        received_bytes: count(statistics.rx_bytes),
        retries: brokers().map(|broker| broker.txretries).sum(),
        timeouts: brokers().map(|broker| broker.req_timeouts).sum(),
        disconnects: brokers().filter_map(|broker| broker.disconnects).map(count).sum(),
        brokers: by_number(brokers()),
    }
}

/// A broker has several entries if it has several roles: the slowest counts. A broker that is known only by its address
/// has no number yet.
fn by_number<'a>(brokers: impl Iterator<Item = &'a Broker>) -> BTreeMap<i32, BrokerFigures> {
    let mut figures: BTreeMap<i32, BrokerFigures> = BTreeMap::new();
    for broker in brokers.filter(|broker| broker.nodeid >= 0) {
        let known = figures.entry(broker.nodeid).or_default();
        // Microseconds and milliseconds.
        let rtt = broker.rtt.as_ref().map_or(0.0, |window| window.p99.max(0) as f64 / 1e6);
        let throttle = broker.throttle.as_ref().map_or(0.0, |window| window.max.max(0) as f64 / 1e3);
        known.rtt_seconds = known.rtt_seconds.max(rtt);
        known.throttle_seconds = known.throttle_seconds.max(throttle);
    }
    figures
}

/// Negative numbers mean that there is no value.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rdkafka::statistics::{Partition, Topic, Window};

    use super::*;

    fn broker(role: &str, nodeid: i32, rtt: i64, throttle: i64) -> (String, Broker) {
        let window = |value| Some(Window { p99: value, max: value, ..Window::default() });
        let (rtt, throttle, disconnects) = (window(rtt), window(throttle), Some(2));
        let broker =
            Broker { nodeid, rtt, throttle, disconnects, txretries: 1, req_timeouts: 3, ..Broker::default() };
        (format!("{role}/{nodeid}"), broker)
    }

    #[test]
    fn queues_are_summed_and_a_broker_is_as_slow_as_its_slowest_connection() {
        let partition = |fetchq_cnt| Partition { fetchq_cnt, fetchq_size: 100, ..Partition::default() };
        let topic =
            Topic { partitions: HashMap::from([(0, partition(4)), (-1, partition(-1))]), ..Topic::default() };
        let brokers = [
            broker("learned", 1, 2_000, 30),
            broker("coordinator", 1, 7_000, 10),
            broker("learned", 2, 0, 0),
            broker("configured", -1, 90_000_000, 90),
        ];
        let statistics = Statistics {
            msg_cnt: 2,
            msg_size: 50,
            tx_bytes: 700,
            rx_bytes: -1,
            topics: HashMap::from([("posts".to_owned(), topic)]),
            brokers: HashMap::from(brokers),
            ..Statistics::default()
        };
        let slow = BrokerFigures { rtt_seconds: 0.007, throttle_seconds: 0.03 };
        let expected = ClientFigures {
            queued_messages: 6,
            queued_bytes: 250,
            sent_bytes: 700,
            received_bytes: 0,
            retries: 4,
            timeouts: 12,
            disconnects: 8,
            brokers: BTreeMap::from([(1, slow), (2, BrokerFigures::default())]),
        };
        assert_eq!(figures(&statistics), expected);
    }
}
