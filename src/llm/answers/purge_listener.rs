//! Purge listener: polls Redis for purges, and removes the purged answers from memory and disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::info;

use super::all_tiers::AllTiers;
use super::purge_filter::PurgeFilter;
use crate::telemetry::AnswerTier;

/// Polls for purges until the cache is dropped. Purges from before the start count too: the disk may hold answers that
/// were purged while the engine was down.
pub(super) fn listen(tiers: &Arc<AllTiers>, every: Duration, mut ended: oneshot::Receiver<()>) {
    let Some(remote) = tiers.lower.remote.clone() else { return };
    let tiers = Arc::downgrade(tiers);
    tokio::spawn(async move {
        let mut seen: Vec<PurgeFilter> = Vec::new();
        loop {
            // The fault is counted already; the next poll may succeed.
            if let Ok(known) = remote.purges().await {
                let new: Vec<PurgeFilter> =
                    known.iter().filter(|purge| !seen.contains(purge)).cloned().collect();
                seen = known;
                let Some(tiers) = tiers.upgrade() else { return };
                tiers.purge(new).await;
            }
            tokio::select! {
                _ = &mut ended => return,
                () = sleep(every) => {}
            }
        }
    });
}

impl AllTiers {
    /// Removes the answers that match: from disk first, so that memory cannot load them again.
    async fn purge(&self, filters: Vec<PurgeFilter>) {
        if filters.is_empty() {
            return;
        }
        let on_disk = match &self.lower.disk {
            Some(disk) => disk.purge(filters.clone()).await,
            None => 0,
        };
        let matches = |id: &_, record: &_| filters.iter().any(|filter| filter.matches(id, record));
        let in_memory = self.memory.remove_if(|id, entry| matches(id, &entry.record));
        self.report_memory();
        self.lower.metrics.purged(AnswerTier::Disk, on_disk as u64);
        self.lower.metrics.purged(AnswerTier::Memory, in_memory as u64);
        if on_disk + in_memory > 0 {
            info!(on_disk, in_memory, "purged answers are removed");
        }
    }
}
