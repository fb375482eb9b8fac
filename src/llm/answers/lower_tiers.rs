//! Lower tiers: the disk, Redis, another replica, and at last the language model.

use std::sync::Arc;
use std::time::SystemTime;

use super::codec::{Codec, RecordFault};
use super::disk::Disk;
use super::freshness::{Freshness, Lifetimes};
use super::record::{Record, unix_millis};
use super::remote::{Lease, LookUp, Remote};
use super::request::{AnswerRequest, NewAnswer};
use crate::telemetry::{AnswerMetrics, AnswerSource, AnswerTier};

/// The tiers below memory.
#[derive(Clone)]
pub(super) struct LowerTiers {
    pub(super) lifetimes: Lifetimes,
    pub(super) disk: Option<Disk>,
    pub(super) remote: Option<Remote>,
    pub(super) codec: Arc<Codec>,
    pub(super) metrics: AnswerMetrics,
}

/// An answer and its source.
pub(super) struct FoundAnswer {
    pub(super) record: Record,
    pub(super) source: AnswerSource,
}

impl LowerTiers {
    /// An answer whose freshness is `good`, from these tiers or from `make`, which is taken then.
    pub(super) async fn find_or_make<E, F, Fut>(
        &self,
        asked: &AnswerRequest,
        good: impl Fn(Freshness) -> bool,
        make: &mut Option<F>,
    ) -> Result<FoundAnswer, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<NewAnswer, E>>,
    {
        let id = asked.id();
        let usable = |tier, record: Record| {
            let good = good(self.lifetimes.freshness(&id, &record, unix_millis(SystemTime::now())));
            if good { self.validated(tier, asked, record) } else { None }
        };
        if let Some(disk) = &self.disk
            && let Some(record) = disk.get(&id).await.and_then(|record| usable(AnswerTier::Disk, record))
        {
            return Ok(FoundAnswer { record, source: AnswerSource::Tier(AnswerTier::Disk) });
        }
        let look_up = match &self.remote {
            Some(remote) => remote.look_up(&id, asked.wait, |record| usable(AnswerTier::Redis, record)).await,
            None => LookUp::NoLease,
        };
        let lease = match look_up {
            LookUp::Found { record, awaited } => {
                if let Some(disk) = &self.disk {
                    disk.keep_later(id, &record);
                }
                let tier = AnswerSource::Tier(AnswerTier::Redis);
                return Ok(FoundAnswer { record, source: if awaited { AnswerSource::Leased } else { tier } });
            }
            LookUp::Leased(lease) => Some(lease),
            LookUp::NoLease => None,
        };
        let Some(make) = make.take() else { unreachable!("an answer is made once for one asker") };
        let made = match &lease {
            Some(lease) => lease.hold_during(make()).await,
            None => make().await,
        };
        match made {
            Ok(made) => {
                let record = Record::new(asked, made, unix_millis(SystemTime::now()));
                self.keep(asked, &record, lease).await;
                Ok(FoundAnswer { record, source: AnswerSource::Made })
            }
            Err(error) => {
                if let Some(lease) = lease {
                    lease.release().await;
                }
                Err(error)
            }
        }
    }

    /// A stored record, if its text passes the rules for new answers: others can write to the store.
    fn validated(&self, tier: AnswerTier, asked: &AnswerRequest, record: Record) -> Option<Record> {
        let Some(words) = &record.text else { return Some(record) };
        match asked.validator.validate(words) {
            Some(words) => Some(Record { text: Some(Arc::from(words)), ..record }),
            None => {
                self.codec.count_fault(tier, &asked.id(), RecordFault::Invalid);
                None
            }
        }
    }

    /// Stores an answer on disk and in Redis concurrently.
    async fn keep(&self, asked: &AnswerRequest, record: &Record, lease: Option<Lease>) {
        let id = asked.id();
        let on_disk = async {
            if let Some(disk) = &self.disk {
                disk.keep(id, record).await;
            }
        };
        let shared = async {
            let life = self.lifetimes.time_left(&id, record, record.made_at);
            match (lease, &self.remote) {
                (Some(lease), _) => lease.fulfil(record, life).await,
                // The fault is counted already.
                (None, Some(remote)) => drop(remote.keep(&id, record, life).await),
                (None, None) => {}
            }
        };
        tokio::join!(on_disk, shared);
    }
}
