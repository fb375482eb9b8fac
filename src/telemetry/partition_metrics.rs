//! Metrics of partitions: watermarks, unsettled records and pauses.

use prometheus::{IntGauge, IntGaugeVec, Opts};

use super::registration::{Registry, register};

/// Gauges of the partitions that this engine reads.
#[derive(Debug, Clone)]
pub(super) struct PartitionMetrics {
    watermark: IntGaugeVec,
    outstanding: IntGaugeVec,
    paused: IntGauge,
}

impl PartitionMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let gauges = |name: &str, help: &str| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), &["topic", "partition"]))
        };
        Self {
            watermark: gauges(
                "riveg_commit_watermark_offset",
                "The offset up to which all records of a partition are settled.",
            ),
            outstanding: gauges(
                "riveg_outstanding_records",
                "Records of a partition that are read and not yet settled.",
            ),
            paused: register(
                registry,
                IntGauge::new("riveg_paused_partitions", "Partitions not read from for want of room."),
            ),
        }
    }

    /// The partition was revoked: the engine that reads it now reports its series.
    pub(super) fn revoked(&self, topic: &str, partition: i32) {
        let labels = [topic, &partition.to_string()];
        // A partition without a watermark yet has none to remove.
        let _ = self.outstanding.remove_label_values(&labels);
        let _ = self.watermark.remove_label_values(&labels);
    }

    pub(super) fn watermark(&self, topic: &str, partition: i32, offset: i64) {
        self.watermark.with_label_values(&[topic, &partition.to_string()]).set(offset);
    }

    pub(super) fn outstanding(&self, topic: &str, partition: i32, records: usize) {
        self.outstanding.with_label_values(&[topic, &partition.to_string()]).set(records as i64);
    }

    pub(super) fn paused(&self, partitions: usize) {
        self.paused.set(partitions as i64);
    }
}
