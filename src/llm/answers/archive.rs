//! Archive: the stored answers for the command line, without an engine. Lists, imports and purges.

use std::sync::Arc;
use std::time::SystemTime;

use super::codec::Codec;
use super::config::Config;
use super::disk::{DiskError, Entry, Store, capacity};
use super::id::AnswerId;
use super::purge_filter::PurgeFilter;
use super::record::{Record, unix_millis};
use super::remote::{Remote, RemoteError, Scan};
use crate::telemetry::{AnswerMetrics, AnswerTier};

/// The persistent tiers.
pub struct Archive {
    config: Config,
    codec: Arc<Codec>,
    disk: Option<Store>,
    lock_error: Option<DiskError>,
    remote: Option<Remote>,
}

/// A tier failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ArchiveError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("answers.redis is no address of a Redis")]
    Address(#[from] redis::RedisError),
}

/// Answers that are removed in one step.
const MAX_BATCH: usize = 1000;

impl Archive {
    /// Opens the file if it exists or `create` is set, and a client of Redis if there is an address. A file that an engine
    /// has open is not an error: see [`Self::lock_error`]. Must be called within a runtime.
    ///
    /// # Errors
    /// The file is broken or cannot be read, or the address is invalid.
    pub fn open(config: &Config, create: bool, metrics: AnswerMetrics) -> Result<Self, ArchiveError> {
        let file = config.disk_file().filter(|file| create || file.exists());
        let (disk, lock_error) = match file.map(|file| Store::open(&file)).transpose() {
            Ok(disk) => (disk, None),
            Err(error @ DiskError::Held { .. }) => (None, Some(error)),
            Err(error) => return Err(error.into()),
        };
        let codec = Arc::new(Codec::new(&config.secret, metrics));
        let remote = Remote::new(config, Arc::clone(&codec))?;
        Ok(Self { config: config.clone(), codec, disk, lock_error, remote })
    }

    /// The error if an engine has the file open.
    #[must_use]
    pub fn lock_error(&self) -> Option<&DiskError> {
        self.lock_error.as_ref()
    }

    /// The tiers that are open.
    #[must_use]
    pub fn tiers(&self) -> Vec<AnswerTier> {
        let disk = self.disk.as_ref().map(|_| AnswerTier::Disk);
        let remote = self.remote.as_ref().map(|_| AnswerTier::Redis);
        disk.into_iter().chain(remote).collect()
    }

    /// The number of answers in the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn on_disk(&self) -> Result<u64, ArchiveError> {
        Ok(self.disk.as_ref().map(Store::totals).transpose()?.unwrap_or_default().entries)
    }

    /// Calls `show` with each answer of a tier and its size in bytes; the record is none if it cannot be decoded. Redis may
    /// return an answer twice.
    ///
    /// # Errors
    /// The tier fails.
    pub async fn each(
        &self,
        tier: AnswerTier,
        mut show: impl FnMut(AnswerId, Option<Record>, usize),
    ) -> Result<(), ArchiveError> {
        match (tier, &self.disk, &self.remote) {
            (AnswerTier::Disk, Some(disk), _) => {
                disk.each(|id, bytes| show(id, self.codec.decode(&id, bytes).ok(), bytes.len()))?;
            }
            (AnswerTier::Redis, _, Some(remote)) => {
                let mut scan = Scan::new();
                while let Some(page) = remote.page(&mut scan).await? {
                    page.into_iter().for_each(|(id, record, bytes)| show(id, record, bytes));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Stores answers in all open tiers, except expired ones. Returns how many were stored.
    ///
    /// # Errors
    /// A tier fails.
    pub async fn keep(&self, answers: &[(AnswerId, Record)]) -> Result<usize, ArchiveError> {
        let (lifetimes, now) = (self.config.lifetimes(), unix_millis(SystemTime::now()));
        let alive = answers.iter().filter(|(id, record)| !lifetimes.time_left(id, record, now).is_zero());
        let alive: Vec<&(AnswerId, Record)> = alive.collect();
        if let Some(disk) = &self.disk {
            let entries: Vec<_> =
                alive.iter().map(|(id, record)| Entry::new(*id, record, &self.codec)).collect();
            disk.put(&entries, capacity(self.config.disk.as_u64()), 0)?;
        }
        if let Some(remote) = &self.remote {
            for (id, record) in &alive {
                remote.keep(id, record, lifetimes.time_left(id, record, now)).await?;
            }
        }
        Ok(alive.len())
    }

    /// Removes the answers of a tier that match, and calls `visited` for each answer that was checked. Returns how many were
    /// removed.
    ///
    /// # Errors
    /// The tier fails.
    pub async fn purge(
        &self,
        tier: AnswerTier,
        filter: &PurgeFilter,
        mut visited: impl FnMut(),
    ) -> Result<usize, ArchiveError> {
        // A record that cannot be decoded is removed only with all answers, because its subject and kind are unknown.
        let all = filter.subject.is_none() && filter.kind.is_none();
        let mut matching = Vec::new();
        self.each(tier, |id, record, _| {
            visited();
            if record.map_or(all, |record| filter.matches(&id, &record)) {
                matching.push(id);
            }
        })
        .await?;
        matching.sort_unstable();
        matching.dedup();
        let mut removed = 0;
        for ids in matching.chunks(MAX_BATCH) {
            removed += match (tier, &self.disk, &self.remote) {
                (AnswerTier::Disk, Some(disk), _) => disk.remove(ids)?.1,
                (AnswerTier::Redis, _, Some(remote)) => remote.remove(ids).await?,
                _ => 0,
            };
        }
        Ok(removed)
    }

    /// Publishes a purge to running engines and to those that start later. Returns whether there is a Redis for that.
    ///
    /// # Errors
    /// Redis fails.
    pub async fn publish_purge(&self, filter: &PurgeFilter) -> Result<bool, ArchiveError> {
        if let Some(remote) = &self.remote {
            remote.publish_purge(filter).await?;
        }
        Ok(self.remote.is_some())
    }
}
