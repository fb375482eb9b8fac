//! Was something purged? Engines look it up in Redis from time to time, and let go of it in memory and on disk too.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::info;

use super::Inner;
use super::choice::Choice;
use crate::telemetry::AnswerTier;

/// Hears of purges until the answers are dropped. Those of before an engine began are heard of as well: its disk may hold
/// what was purged meanwhile.
pub(super) fn listen(inner: &Arc<Inner>, every: Duration, mut ended: oneshot::Receiver<()>) {
    let Some(remote) = inner.tiers.remote.clone() else { return };
    let inner = Arc::downgrade(inner);
    tokio::spawn(async move {
        let mut heard: Vec<Choice> = Vec::new();
        loop {
            // A fault is counted, and the next look is soon.
            if let Ok(known) = remote.purges().await {
                let new: Vec<Choice> = known.iter().filter(|purge| !heard.contains(purge)).cloned().collect();
                heard = known;
                let Some(inner) = inner.upgrade() else { return };
                inner.purge(new).await;
            }
            tokio::select! {
                _ = &mut ended => return,
                () = sleep(every) => {}
            }
        }
    });
}

impl Inner {
    /// Removes what these mean: from the file first, so that memory has it from nowhere.
    async fn purge(&self, choices: Vec<Choice>) {
        if choices.is_empty() {
            return;
        }
        let on_disk = match &self.tiers.disk {
            Some(disk) => disk.purge(choices.clone()).await,
            None => 0,
        };
        let means = |id: &_, record: &_| choices.iter().any(|choice| choice.takes(id, record));
        let in_memory = self.memory.remove_if(|id, kept| means(id, &kept.record));
        self.weigh();
        self.tiers.metrics.purged(AnswerTier::Disk, on_disk as u64);
        self.tiers.metrics.purged(AnswerTier::Memory, in_memory as u64);
        if on_disk + in_memory > 0 {
            info!(on_disk, in_memory, "purged answers are let go of");
        }
    }
}
