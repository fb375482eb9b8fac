//! Who has the answer if memory has not? The disk, Redis, another replica; else it is made, and kept by all.

use std::sync::Arc;
use std::time::SystemTime;

use super::Tiers;
use super::age::Age;
use super::asked::{Asked, Made};
use super::codec::Refusal;
use super::record::{Record, millis};
use super::remote::{Lease, Look};
use crate::telemetry::{AnswerSource, AnswerTier};

/// An answer, and where it came from.
pub(super) struct Produced {
    pub(super) record: Record,
    pub(super) source: AnswerSource,
}

impl Tiers {
    /// An answer whose age is `good`, from the tiers below memory or from its maker, who is then taken.
    pub(super) async fn produce<E, F, Fut>(
        &self,
        asked: &Asked,
        good: impl Fn(Age) -> bool,
        make: &mut Option<F>,
    ) -> Result<Produced, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Made, E>>,
    {
        let id = asked.id();
        let usable = |tier, record: Record| {
            let good = good(self.lives.age(&id, &record, millis(SystemTime::now())));
            if good { self.believed(tier, asked, record) } else { None }
        };
        if let Some(disk) = &self.disk
            && let Some(record) = disk.get(&id).await.and_then(|record| usable(AnswerTier::Disk, record))
        {
            return Ok(Produced { record, source: AnswerSource::Tier(AnswerTier::Disk) });
        }
        let looked = match &self.remote {
            Some(remote) => remote.look(&id, asked.wait, |record| usable(AnswerTier::Redis, record)).await,
            None => Look::Alone,
        };
        let lease = match looked {
            Look::Found { record, meanwhile } => {
                if let Some(disk) = &self.disk {
                    disk.keep_behind(id, &record);
                }
                let tier = AnswerSource::Tier(AnswerTier::Redis);
                return Ok(Produced { record, source: if meanwhile { AnswerSource::Leased } else { tier } });
            }
            Look::Leased(lease) => Some(lease),
            Look::Alone => None,
        };
        let Some(make) = make.take() else { unreachable!("an answer is made once for one asker") };
        let made = match &lease {
            Some(lease) => lease.during(make()).await,
            None => make().await,
        };
        match made {
            Ok(made) => {
                let record = Record::new(asked, made, millis(SystemTime::now()));
                self.keep(asked, &record, lease).await;
                Ok(Produced { record, source: AnswerSource::Made })
            }
            Err(error) => {
                if let Some(lease) = lease {
                    lease.release().await;
                }
                Err(error)
            }
        }
    }

    /// A record as if the model had just said its words: others can write where it was kept.
    fn believed(&self, tier: AnswerTier, asked: &Asked, record: Record) -> Option<Record> {
        let Some(words) = &record.text else { return Some(record) };
        match asked.believe.of(words) {
            Some(words) => Some(Record { text: Some(Arc::from(words)), ..record }),
            None => {
                self.codec.refused(tier, &asked.id(), Refusal::Unbelievable);
                None
            }
        }
    }

    /// Keeps an answer on disk and in Redis at one time.
    async fn keep(&self, asked: &Asked, record: &Record, lease: Option<Lease>) {
        let id = asked.id();
        let on_disk = async {
            if let Some(disk) = &self.disk {
                disk.keep(id, record).await;
            }
        };
        let shared = async {
            let life = self.lives.left(&id, record, record.made_at);
            match (lease, &self.remote) {
                (Some(lease), _) => lease.fulfil(record, life).await,
                // A fault is counted.
                (None, Some(remote)) => drop(remote.keep(&id, record, life).await),
                (None, None) => {}
            }
        };
        tokio::join!(on_disk, shared);
    }
}
