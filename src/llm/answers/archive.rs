//! How do people get at the answers, without an engine? The file and Redis, looked through, filled and purged.

use std::sync::Arc;
use std::time::SystemTime;

use super::asked::Id;
use super::choice::Choice;
use super::codec::Codec;
use super::config::Config;
use super::disk::{DiskError, Store, entry, most};
use super::record::{Record, millis};
use super::remote::{Remote, RemoteError, Scan};
use crate::telemetry::{AnswerMetrics, AnswerTier};

/// The tiers that outlive engines.
pub struct Archive {
    config: Config,
    codec: Arc<Codec>,
    disk: Option<Store>,
    held: Option<DiskError>,
    remote: Option<Remote>,
}

/// A tier did not do what it was asked.
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

/// Answers that are removed at one time.
const TOGETHER: usize = 1000;

impl Archive {
    /// Opens the file, if there is one or one shall be begun, and a client of Redis, if there is an address. That an engine
    /// holds the file is no error: see [`held`](Self::held). Called within a runtime.
    ///
    /// # Errors
    /// The file is broken or cannot be read, or the address is none.
    pub fn open(config: &Config, begin: bool, metrics: AnswerMetrics) -> Result<Self, ArchiveError> {
        let file = config.disk_file().filter(|file| begin || file.exists());
        let (disk, held) = match file.map(|file| Store::open(&file)).transpose() {
            Ok(disk) => (disk, None),
            Err(error @ DiskError::Held { .. }) => (None, Some(error)),
            Err(error) => return Err(error.into()),
        };
        let codec = Arc::new(Codec::new(&config.secret, metrics));
        let remote = Remote::new(config, Arc::clone(&codec))?;
        Ok(Self { config: config.clone(), codec, disk, held, remote })
    }

    /// Why the file cannot be reached although it is there: an engine has it.
    #[must_use]
    pub fn held(&self) -> Option<&DiskError> {
        self.held.as_ref()
    }

    /// The tiers that can be reached.
    #[must_use]
    pub fn tiers(&self) -> Vec<AnswerTier> {
        let disk = self.disk.as_ref().map(|_| AnswerTier::Disk);
        let remote = self.remote.as_ref().map(|_| AnswerTier::Redis);
        disk.into_iter().chain(remote).collect()
    }

    /// How many answers the file holds.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn on_disk(&self) -> Result<u64, ArchiveError> {
        Ok(self.disk.as_ref().map(Store::totals).transpose()?.unwrap_or_default().entries)
    }

    /// Shows every answer of a tier with its bytes there; none for bytes that are no answer. Redis may show one twice.
    ///
    /// # Errors
    /// The tier's.
    pub async fn each(
        &self,
        tier: AnswerTier,
        mut show: impl FnMut(Id, Option<Record>, usize),
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

    /// Keeps answers in all tiers that can be reached, except those that are gone already; how many were kept.
    ///
    /// # Errors
    /// A tier's.
    pub async fn keep(&self, answers: &[(Id, Record)]) -> Result<usize, ArchiveError> {
        let (lives, now) = (self.config.lives(), millis(SystemTime::now()));
        let alive = answers.iter().filter(|(id, record)| !lives.left(id, record, now).is_zero());
        let alive: Vec<&(Id, Record)> = alive.collect();
        if let Some(disk) = &self.disk {
            let entries: Vec<_> = alive.iter().map(|(id, record)| entry(*id, record, &self.codec)).collect();
            disk.put(&entries, most(self.config.disk.as_u64()), 0)?;
        }
        if let Some(remote) = &self.remote {
            for (id, record) in &alive {
                remote.keep(id, record, lives.left(id, record, now)).await?;
            }
        }
        Ok(alive.len())
    }

    /// Removes from a tier what is meant; `looked` hears of every answer that was looked at. How many were removed.
    ///
    /// # Errors
    /// The tier's.
    pub async fn purge(
        &self,
        tier: AnswerTier,
        choice: &Choice,
        mut looked: impl FnMut(),
    ) -> Result<usize, ArchiveError> {
        // What is no answer any more is removed with all, and with nothing else: nobody knows what it was.
        let all = choice.subject.is_none() && choice.kind.is_none();
        let mut meant = Vec::new();
        self.each(tier, |id, record, _| {
            looked();
            if record.map_or(all, |record| choice.takes(&id, &record)) {
                meant.push(id);
            }
        })
        .await?;
        meant.sort_unstable();
        meant.dedup();
        let mut removed = 0;
        for ids in meant.chunks(TOGETHER) {
            removed += match (tier, &self.disk, &self.remote) {
                (AnswerTier::Disk, Some(disk), _) => disk.remove(ids)?.1,
                (AnswerTier::Redis, _, Some(remote)) => remote.remove(ids).await?,
                _ => 0,
            };
        }
        Ok(removed)
    }

    /// Tells engines that run, and those that begin later, to let go of what is meant; whether there is a Redis to tell
    /// them by.
    ///
    /// # Errors
    /// That of Redis.
    pub async fn announce(&self, choice: &Choice) -> Result<bool, ArchiveError> {
        if let Some(remote) = &self.remote {
            remote.announce(choice).await?;
        }
        Ok(self.remote.is_some())
    }
}
