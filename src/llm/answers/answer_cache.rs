//! Answer cache: [`AnswerCache::record`] finds an answer in a tier or asks for it, and renews stale answers.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{Semaphore, oneshot};

use super::all_tiers::{AllTiers, MakerError, MemoryEntry};
use super::codec::{Codec, RecordFault};
use super::config::Config;
use super::disk::{Disk, DiskFile};
use super::freshness::Freshness;
use super::id::Kind;
use super::lower_tiers::{FoundAnswer, LowerTiers};
use super::purge_listener;
use super::record::{Record, unix_millis};
use super::remote::Remote;
use super::request::{AnswerRequest, NewAnswer};
use crate::common::cache::Lookup;
use crate::telemetry::{AnswerMetrics, AnswerSource, AnswerTier, Renewal};

/// The cache of answers. Cheap to clone.
#[derive(Clone)]
pub struct AnswerCache(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) tiers: Arc<AllTiers>,
    pub(super) renewals: Arc<Semaphore>,
    /// Dropped with the last clone, which ends the purge listener.
    _listening: oneshot::Sender<()>,
}

/// The cache cannot be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AnswersError {
    #[error("answers.redis is no address of a Redis")]
    Redis(#[from] redis::RedisError),
    #[error("no thread could be started for answers.disk_path")]
    Thread(#[from] std::io::Error),
}

impl AnswerCache {
    /// Opens the tiers. A broken file is renamed and a new one is created. A file that cannot be used is skipped, and so is
    /// a Redis that does not answer.
    ///
    /// # Errors
    /// The address of Redis is invalid, or no thread can be started.
    pub async fn open(config: &Config, metrics: AnswerMetrics) -> Result<Self, AnswersError> {
        metrics.declare_kinds(Kind::ALL.map(Kind::as_str));
        metrics.declare_faults(AnswerTier::Disk, &["held", "broken", "failed"]);
        metrics.declare_faults(AnswerTier::Disk, &RecordFault::CLASSES);
        let codec = Arc::new(Codec::new(&config.secret, metrics.clone()));
        let remote = Remote::new(config, Arc::clone(&codec))?;
        let lifetimes = config.lifetimes();
        let disk = match config.disk_file() {
            Some(path) => {
                let file = DiskFile::new(path, config.disk.as_u64(), lifetimes.max_age());
                Some(Disk::open(file, Arc::clone(&codec)).await?)
            }
            None => None,
        };
        Ok(Self::over(config, LowerTiers { lifetimes, disk, remote, codec, metrics }))
    }

    fn over(config: &Config, lower: LowerTiers) -> Self {
        let max_bytes = usize::try_from(config.memory.as_u64()).unwrap_or(usize::MAX);
        let tiers = Arc::new(AllTiers::new(max_bytes, lower));
        let (listening, ended) = oneshot::channel();
        purge_listener::listen(&tiers, config.purge_poll, ended);
        let renewals = Arc::new(Semaphore::new(config.renewals));
        Self(Arc::new(Inner { tiers, renewals, _listening: listening }))
    }

    /// The answer: from a tier, from a concurrent call with the same request, or from `make`, and then stored in all
    /// tiers before it is returned. A stale answer is returned at once, and renewed in the background.
    ///
    /// # Errors
    /// The error of `make`, for all callers that wait for it. It is not stored: the next call runs `make` again.
    pub async fn get_or_ask<E, F, Fut>(&self, asked: &AnswerRequest, make: F) -> Result<Option<Arc<str>>, E>
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<NewAnswer, E>> + Send + 'static,
    {
        Ok(self.record(asked, make).await?.text)
    }

    /// As [`Self::get_or_ask`], with the whole record, which says why there is no text where there is none.
    ///
    /// # Errors
    /// As [`Self::get_or_ask`].
    pub async fn record<E, F, Fut>(&self, asked: &AnswerRequest, make: F) -> Result<Record, E>
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<NewAnswer, E>> + Send + 'static,
    {
        let tiers = &*self.0.tiers;
        let (memory, lower) = (&tiers.memory, &tiers.lower);
        let (id, now) = (asked.id(), unix_millis(SystemTime::now()));
        let freshness = |record: &Record| lower.lifetimes.freshness(&id, record, now);
        let mut make = Some(make);
        let (entry, source) = loop {
            let mut from = AnswerSource::Made;
            let finding = async {
                // In a box: every post carries the space of what it may wait for, and few wait for this.
                let valid = |freshness| freshness != Freshness::Expired;
                let found = Box::pin(lower.find_or_make(asked, valid, &mut make)).await;
                let FoundAnswer { record, source } = found.map_err(|error: E| MakerError(Arc::new(error)))?;
                from = source;
                Ok(tiers.entry(record))
            };
            let (lookup, outcome) = memory
                .get_valid_or_make(&id, |entry| freshness(&entry.record) != Freshness::Expired, finding)
                .await;
            match (lookup, outcome) {
                (Lookup::Hit, Ok(entry)) => break (entry, AnswerSource::Tier(AnswerTier::Memory)),
                (Lookup::Joined, Ok(entry)) => break (entry, AnswerSource::Joined),
                (Lookup::Miss, Ok(entry)) => {
                    tiers.report_memory();
                    break (entry, from);
                }
                (_, Err(fault)) => {
                    if let Some(error) = fault.0.downcast_ref::<E>() {
                        lower.metrics.answered(id.kind.as_str(), AnswerSource::Failed);
                        return Err(error.clone());
                    }
                    // This call joined a renewal that failed. The stale answer is still valid, so look again.
                }
            }
        };
        lower.metrics.answered(id.kind.as_str(), source);
        if let AnswerSource::Tier(_) = source {
            lower.metrics.aged(Duration::from_millis(now.saturating_sub(entry.record.made_at)));
        }
        if entry.record.text.is_none() {
            lower.metrics.negative(id.kind.as_str());
        }
        if let Some(make) = make
            && freshness(&entry.record) == Freshness::Stale
        {
            self.renew_behind(asked.clone(), &entry, make);
        }
        Ok(entry.record.clone())
    }

    /// Writes what is queued and closes the file. Later calls work without the disk tier.
    pub async fn close(self) {
        if let Some(disk) = &self.0.tiers.lower.disk {
            disk.close().await;
        }
    }

    /// Renews a stale answer, unless that was tried recently or too many renewals are running.
    fn renew_behind<E, F, Fut>(&self, asked: AnswerRequest, entry: &MemoryEntry, make: F)
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<NewAnswer, E>> + Send + 'static,
    {
        if !entry.renewal.lock().unwrap_or_else(PoisonError::into_inner).is_due(Instant::now()) {
            return;
        }
        let Ok(permit) = Arc::clone(&self.0.renewals).try_acquire_owned() else {
            // Nothing was tried, so the next call may try.
            entry.renewal.lock().unwrap_or_else(PoisonError::into_inner).reset();
            self.0.tiers.lower.metrics.renewal(Renewal::Skipped);
            return;
        };
        let this = self.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let tiers = &*this.0.tiers;
            // A renewal without a text does not replace the stale text.
            let mut make = Some(|| async move {
                let made = make().await.map_err(|_| NotRenewed)?;
                if made.text.is_some() { Ok(made) } else { Err(NotRenewed) }
            });
            let producing = async {
                let fresh = |freshness| freshness == Freshness::Fresh;
                let found = tiers.lower.find_or_make(&asked, fresh, &mut make).await;
                found
                    .map(|found| tiers.entry(found.record))
                    .map_err(|error: NotRenewed| MakerError(Arc::new(error)))
            };
            match tiers.memory.refresh(&asked.id(), producing).await {
                Some(Ok(_)) => tiers.lower.metrics.renewal(Renewal::Renewed),
                Some(Err(_)) => tiers.lower.metrics.renewal(Renewal::Failed),
                None => {} // another call renews it
            }
            tiers.report_memory();
        });
    }
}

/// A renewal failed or gave no text.
#[derive(Debug, Clone, Copy)]
struct NotRenewed;
