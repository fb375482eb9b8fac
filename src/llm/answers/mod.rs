//! What was answered before? Kept in memory, on disk and in Redis; what nobody has is made once, whoever asks.
//!
//! A question goes down the tiers: [`crate::common::cache::Cache`] in memory, where those who ask the same at one time join each
//! other, [`disk`], [`remote`], and then the maker, under a lease that other replicas respect. What is found goes into the
//! tiers above; what is made goes into all, and is durable on disk before anybody has it. [`age`] says how long an answer
//! is good, [`codec`] which bytes are read again, and the question itself which words are believed, since others may write where
//! answers are kept. A tier that fails is gone without. [`Archive`] is the same for people, without an engine.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{Semaphore, oneshot};

use crate::common::cache::{Cache, Lookup};
use crate::telemetry::{AnswerMetrics, AnswerSource, AnswerTier, LogThrottle, Renewal};

mod age;
mod archive;
mod asked;
mod choice;
mod codec;
mod config;
mod disk;
mod produce;
mod purges;
mod record;
mod remote;
mod seal;
#[cfg(test)]
mod tests;

pub use archive::{Archive, ArchiveError};
pub use asked::{Asked, Believe, Id, Kind, Made, SUBJECT};
pub use choice::Choice;
pub use codec::{LONGEST, fits};
pub use config::{Address, Config};
pub use disk::DiskError;
pub use record::{Record, millis, moment};
pub use remote::RemoteError;

use age::{Age, Lives};
use codec::{Codec, Refusal};
use disk::{Disk, File};
use produce::Produced;
use remote::Remote;

/// Answers to questions that are dear to ask. Cheap to clone.
#[derive(Clone)]
pub struct Answers(Arc<Inner>);

struct Inner {
    tiers: Tiers,
    memory: Cache<Id, Arc<Kept>, Fault>,
    renewals: Arc<Semaphore>,
    /// Dropped with the last clone, which ends the task that hears of purges.
    _listening: oneshot::Sender<()>,
}

/// The tiers below memory, and what they have in common.
#[derive(Clone)]
struct Tiers {
    lives: Lives,
    disk: Option<Disk>,
    remote: Option<Remote>,
    codec: Arc<Codec>,
    metrics: AnswerMetrics,
}

/// An answer in memory.
struct Kept {
    record: Record,
    /// When it was last tried to make it anew, once it is stale.
    renewal: Mutex<LogThrottle>,
}

/// Why an answer could not be made, of whichever type its maker has for it.
#[derive(Clone)]
struct Fault(Arc<dyn Any + Send + Sync>);

/// There is nothing to keep answers with at all.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AnswersError {
    #[error("answers.redis is no address of a Redis")]
    Redis(#[from] redis::RedisError),
    #[error("no thread could be started for answers.disk_path")]
    Thread(#[from] std::io::Error),
}

impl Answers {
    /// Opens the tiers. A file that is broken is set aside and begun anew; one that cannot be used is gone without, as is
    /// a Redis that does not answer.
    ///
    /// # Errors
    /// The address of Redis is none, or the machine has no room for a thread.
    pub async fn open(config: &Config, metrics: AnswerMetrics) -> Result<Self, AnswersError> {
        metrics.declare_kinds(Kind::ALL.map(Kind::as_str));
        metrics.declare_faults(AnswerTier::Disk, &["held", "broken", "failed"]);
        metrics.declare_faults(AnswerTier::Disk, &Refusal::CLASSES);
        let codec = Arc::new(Codec::new(&config.secret, metrics.clone()));
        let remote = Remote::new(config, Arc::clone(&codec))?;
        let lives = config.lives();
        let disk = match config.disk_file() {
            Some(path) => {
                let file = File::new(path, config.disk.as_u64(), lives.longest());
                Some(Disk::open(file, Arc::clone(&codec)).await?)
            }
            None => None,
        };
        Ok(Self::over(config, Tiers { lives, disk, remote, codec, metrics }))
    }

    fn over(config: &Config, tiers: Tiers) -> Self {
        let bytes = usize::try_from(config.memory.as_u64()).unwrap_or(usize::MAX);
        let (listening, ended) = oneshot::channel();
        let inner = Arc::new(Inner {
            tiers,
            memory: Cache::new(bytes, |_, kept: &Arc<Kept>| kept.record.weight()),
            renewals: Arc::new(Semaphore::new(config.renewals)),
            _listening: listening,
        });
        purges::listen(&inner, config.purge_poll, ended);
        Self(inner)
    }

    /// The answer: kept in any tier, being made by somebody else, or made by `make` and then kept in all tiers, durable
    /// before it is given. A stale one is given at once, and made anew behind.
    ///
    /// # Errors
    /// The maker's, for all who wait for it; it is not kept, so the next to ask makes again.
    pub async fn get_or_ask<E, F, Fut>(&self, asked: &Asked, make: F) -> Result<Option<Arc<str>>, E>
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Made, E>> + Send + 'static,
    {
        Ok(self.record(asked, make).await?.text)
    }

    /// As [`Self::get_or_ask`], with all that is kept of the answer: where there is none, also why.
    ///
    /// # Errors
    /// As those of [`Self::get_or_ask`].
    pub async fn record<E, F, Fut>(&self, asked: &Asked, make: F) -> Result<Record, E>
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Made, E>> + Send + 'static,
    {
        let Inner { tiers, memory, .. } = &*self.0;
        let (id, now) = (asked.id(), millis(SystemTime::now()));
        let age = |record: &Record| tiers.lives.age(&id, record, now);
        let mut make = Some(make);
        let (kept, source) = loop {
            let mut from = AnswerSource::Made;
            let finding = async {
                let produced = tiers.produce(asked, |age| age != Age::Gone, &mut make).await;
                let Produced { record, source } = produced.map_err(|error: E| Fault(Arc::new(error)))?;
                from = source;
                Ok(self.kept(record))
            };
            let (way, outcome) =
                memory.get_valid_or_make(&id, |kept| age(&kept.record) != Age::Gone, finding).await;
            match (way, outcome) {
                (Lookup::Hit, Ok(kept)) => break (kept, AnswerSource::Tier(AnswerTier::Memory)),
                (Lookup::Joined, Ok(kept)) => break (kept, AnswerSource::Joined),
                (Lookup::Miss, Ok(kept)) => {
                    self.0.weigh();
                    break (kept, from);
                }
                (_, Err(fault)) => {
                    if let Some(error) = fault.0.downcast_ref::<E>() {
                        tiers.metrics.answered(id.kind.as_str(), AnswerSource::Failed);
                        return Err(error.clone());
                    }
                    // It was a renewal that was joined, and it came to nothing: that is not this asker's answer.
                }
            }
        };
        tiers.metrics.answered(id.kind.as_str(), source);
        if let AnswerSource::Tier(_) = source {
            tiers.metrics.aged(Duration::from_millis(now.saturating_sub(kept.record.made_at)));
        }
        if kept.record.text.is_none() {
            tiers.metrics.negative(id.kind.as_str());
        }
        if let Some(make) = make
            && age(&kept.record) == Age::Stale
        {
            self.renew_behind(asked.clone(), &kept, make);
        }
        Ok(kept.record.clone())
    }

    /// Writes what is to be written and lets go of the file. Whoever asks afterwards is answered without it.
    pub async fn close(self) {
        if let Some(disk) = &self.0.tiers.disk {
            disk.close().await;
        }
    }

    /// Makes a stale answer anew, unless that was tried lately or too many are being renewed.
    fn renew_behind<E, F, Fut>(&self, asked: Asked, kept: &Kept, make: F)
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Made, E>> + Send + 'static,
    {
        if !kept.renewal.lock().unwrap_or_else(PoisonError::into_inner).is_due(Instant::now()) {
            return;
        }
        let Ok(permit) = Arc::clone(&self.0.renewals).try_acquire_owned() else {
            // Not tried, so the next who asks may.
            kept.renewal.lock().unwrap_or_else(PoisonError::into_inner).reset();
            self.0.tiers.metrics.renewal(Renewal::Skipped);
            return;
        };
        let this = self.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let Inner { tiers, memory, .. } = &*this.0;
            // That there is no answer any more does not replace the one that there was.
            let mut make = Some(|| async move {
                let made = make().await.map_err(|_| NotRenewed)?;
                if made.text.is_some() { Ok(made) } else { Err(NotRenewed) }
            });
            let producing = async {
                let fresh = |age| age == Age::Fresh;
                let produced = tiers.produce(&asked, fresh, &mut make).await;
                produced
                    .map(|produced| this.kept(produced.record))
                    .map_err(|error: NotRenewed| Fault(Arc::new(error)))
            };
            match memory.refresh(&asked.id(), producing).await {
                Some(Ok(_)) => tiers.metrics.renewal(Renewal::Renewed),
                Some(Err(_)) => tiers.metrics.renewal(Renewal::Failed),
                None => {} // another is at it
            }
            this.0.weigh();
        });
    }

    fn kept(&self, record: Record) -> Arc<Kept> {
        // What could not be renewed is as doubtful as what could not be answered.
        let renewal = Mutex::new(LogThrottle::new(self.0.tiers.lives.negative_ttl));
        Arc::new(Kept { record, renewal })
    }
}

/// A renewal came to nothing.
#[derive(Debug, Clone, Copy)]
struct NotRenewed;

impl Inner {
    /// Tells what memory holds.
    fn weigh(&self) {
        let counts = self.memory.counts();
        self.tiers.metrics.holds(AnswerTier::Memory, counts.entries as u64, counts.bytes as u64);
        self.tiers.metrics.evicted_in_all(AnswerTier::Memory, counts.evicted);
    }
}
