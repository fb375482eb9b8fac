//! Metrics of records read and written, and their bytes.

use prometheus::{IntCounterVec, Opts};

use super::registration::{Registry, register};

/// The counters of records and bytes.
#[derive(Debug, Clone)]
pub(super) struct TrafficMetrics {
    consumed: IntCounterVec,
    produced: IntCounterVec,
    bytes_in: IntCounterVec,
    bytes_out: IntCounterVec,
}

impl TrafficMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        Self {
            consumed: counters("riveg_records_consumed_total", "Records read.", &["topic", "partition"]),
            produced: counters(
                "riveg_records_produced_total",
                "Records whose delivery was reported.",
                &["topic"],
            ),
            bytes_in: counters(
                "riveg_consumed_bytes_total",
                "Bytes of records read: keys, values and headers.",
                &["topic"],
            ),
            bytes_out: counters(
                "riveg_produced_bytes_total",
                "Bytes of records whose delivery was reported: keys, values and headers, before compression.",
                &["topic"],
            ),
        }
    }

    /// So many records of a partition were read. None makes the counters known.
    pub(super) fn consumed(&self, topic: &str, partition: i32, records: u64, bytes: usize) {
        self.consumed.with_label_values(&[topic, &partition.to_string()]).inc_by(records);
        self.bytes_in.with_label_values(&[topic]).inc_by(bytes as u64);
    }

    /// So many records were delivered. None makes the counters known.
    pub(super) fn produced(&self, topic: &str, records: u64, bytes: usize) {
        self.produced.with_label_values(&[topic]).inc_by(records);
        self.bytes_out.with_label_values(&[topic]).inc_by(bytes as u64);
    }

    /// Records of that topic that were delivered so far.
    pub(super) fn produced_so_far(&self, topic: &str) -> u64 {
        self.produced.with_label_values(&[topic]).get()
    }
}
