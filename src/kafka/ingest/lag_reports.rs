//! Lag reports: the reading thread requests the ends of the logs, and reports the lag of each partition.

use std::time::Instant;

use super::consumer::Reader;
use super::probe::ProbeRequest;

impl Reader {
    /// Requests the ends of the logs if that is due and the brokers are reachable.
    pub(super) fn request_ends(&mut self, now: Instant) {
        let partitions = self.positions.partitions();
        if partitions.is_empty() || self.availability.is_impaired() || !self.lag.is_due(now) {
            return;
        }
        let is_requested = self.probe.ask(ProbeRequest::LagEnds(partitions));
        self.lag.requested(is_requested);
    }

    /// Reports the lag of each partition with a known position.
    pub(super) fn report_lag(&mut self) {
        for partition in self.positions.partitions() {
            let Some(position) = self.positions.of(&partition) else { continue };
            let waiting = self.lag.waiting(&partition, position, self.ledger.oldest(&partition));
            self.control.metrics.lag().waits(&partition.topic, partition.partition, waiting);
        }
    }
}
