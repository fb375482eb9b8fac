//! Disk store: one redb database with the answers by id, their ids by age, and the sum of their weights.

use std::error::Error;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction,
};

use crate::llm::answers::codec::{Codec, FORMAT};
use crate::llm::answers::id::{AnswerId, IdBytes};
use crate::llm::answers::record::Record;

/// For each id, the time of the answer and the encoded record.
const ANSWERS: TableDefinition<'static, &IdBytes, (u64, &[u8])> = TableDefinition::new("answers");
/// The ids by time, the oldest first, with the weight of each answer.
const BY_AGE: TableDefinition<'static, (u64, &IdBytes), u64> = TableDefinition::new("by-age");
/// The format version, and the sums over all answers.
const TOTALS: TableDefinition<'static, &str, u64> = TableDefinition::new("totals");

/// The page cache of redb: enough for the inner pages of its trees. Answers in frequent use are in the memory tier.
const PAGE_CACHE: usize = 8 << 20;
/// What an answer takes beside its record: two ids, times, and its share of the trees' pages, which are two thirds full.
const OVERHEAD: u64 = 192;
/// A file is compacted when it is larger than its weight times the first number plus the second.
const COMPACT_ABOVE: (u64, u64) = (2, 8 << 20);
/// The most expired answers that one commit removes.
const MAX_EXPIRED: usize = 256;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DiskError {
    #[error("`{}` (answers.disk_path) is held by another engine", file.display())]
    Held { file: PathBuf },
    #[error("`{}` (answers.disk_path) is no whole file of answers of format {FORMAT}", file.display())]
    Broken { file: PathBuf, source: Box<dyn Error + Send + Sync> },
    #[error("`{}` (answers.disk_path) cannot be read or written", file.display())]
    Failed { file: PathBuf, source: Box<dyn Error + Send + Sync> },
}

impl DiskError {
    pub(super) fn class(&self) -> &'static str {
        match self {
            Self::Held { .. } => "held",
            Self::Broken { .. } => "broken",
            Self::Failed { .. } => "failed",
        }
    }
}

/// An answer to be stored.
#[derive(Debug, Clone)]
pub(in super::super) struct Entry {
    pub(in super::super) id: AnswerId,
    pub(in super::super) made_at: u64,
    pub(in super::super) bytes: Vec<u8>,
}

impl Entry {
    pub(in super::super) fn new(id: AnswerId, record: &Record, codec: &Codec) -> Self {
        Self { id, made_at: record.made_at, bytes: codec.encode(&id, record) }
    }

    fn weight(&self) -> u64 {
        weight(self.bytes.len())
    }
}

fn weight(bytes: usize) -> u64 {
    // Pages are two thirds full when keys come in random order.
    bytes as u64 * 3 / 2 + OVERHEAD
}

/// The record of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Found {
    /// The encoded record.
    Bytes(Vec<u8>),
    /// It is too long, and was not copied.
    TooLong,
}

/// Sums over all answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct Totals {
    pub(in super::super) entries: u64,
    pub(in super::super) weight: u64,
}

/// An open file, exclusive to this process.
#[derive(Debug)]
pub(in super::super) struct Store {
    database: Database,
    file: PathBuf,
}

impl Store {
    /// Opens or creates the file, and checks its integrity.
    pub(in super::super) fn open(file: &Path) -> Result<Self, DiskError> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|error| failed(file, error.into()))?;
        }
        let database = guarded(file, || {
            let mut builder = Builder::new();
            Ok(builder.set_cache_size(PAGE_CACHE).set_check_integrity_on_open(true).create(file)?)
        })?;
        let length = fs::metadata(file).map_err(|error| failed(file, error.into()))?.len();
        Self::over(database, file, length)
    }

    /// A store in an open database whose file has this length.
    pub(super) fn over(mut database: Database, file: &Path, length: u64) -> Result<Self, DiskError> {
        let totals = guarded(file, || prepare(&database))?;
        if length > totals.weight * COMPACT_ABOVE.0 + COMPACT_ABOVE.1 {
            guarded(file, || Ok(database.compact().map(drop)?))?;
        }
        Ok(Self { database, file: file.to_owned() })
    }

    /// The encoded record of an id, if it has at most `max_bytes`.
    pub(in super::super) fn get(&self, id: &AnswerId, max_bytes: usize) -> Result<Option<Found>, DiskError> {
        guarded(&self.file, || {
            let answers = self.database.begin_read()?.open_table(ANSWERS)?;
            Ok(answers.get(&id.to_bytes())?.map(|found| match found.value().1 {
                bytes if bytes.len() <= max_bytes => Found::Bytes(bytes.to_vec()),
                _ => Found::TooLong,
            }))
        })
    }

    /// Stores answers durably, and removes the oldest until all weigh at most `capacity`. Answers from before `expired` are
    /// removed in any case. Returns the new sums and how many were removed.
    pub(in super::super) fn put(
        &self,
        entries: &[Entry],
        capacity: u64,
        expired: u64,
    ) -> Result<(Totals, usize), DiskError> {
        self.write(|change| {
            for entry in entries.iter().filter(|entry| entry.weight() <= capacity) {
                change.insert(entry)?;
            }
            let mut evicted = 0;
            while let Some((made_at, id)) = change.oldest()? {
                let is_expired = made_at < expired && evicted < MAX_EXPIRED;
                if change.totals.weight <= capacity && !is_expired {
                    break;
                }
                change.remove(&id)?;
                evicted += 1;
            }
            Ok(evicted)
        })
    }

    /// Removes these answers. Returns the new sums and how many there were.
    pub(in super::super) fn remove(&self, ids: &[AnswerId]) -> Result<(Totals, usize), DiskError> {
        self.write(|change| {
            let mut removed = 0;
            for id in ids {
                removed += usize::from(change.remove(&id.to_bytes())?);
            }
            Ok(removed)
        })
    }

    /// Calls `show` with each answer and its encoded record.
    pub(in super::super) fn each(&self, mut show: impl FnMut(AnswerId, &[u8])) -> Result<(), DiskError> {
        guarded(&self.file, || {
            let answers = self.database.begin_read()?.open_table(ANSWERS)?;
            for found in answers.iter()? {
                let (id, value) = found?;
                if let Some(id) = AnswerId::from_bytes(id.value()) {
                    show(id, value.value().1);
                }
            }
            Ok(())
        })
    }

    /// The sums over all answers.
    pub(in super::super) fn totals(&self) -> Result<Totals, DiskError> {
        guarded(&self.file, || read_totals(&self.database))
    }

    fn write(
        &self,
        work: impl FnOnce(&mut Change<'_>) -> Result<usize, redb::Error>,
    ) -> Result<(Totals, usize), DiskError> {
        guarded(&self.file, || {
            let transaction = self.database.begin_write()?;
            let mut change = Change::new(&transaction)?;
            let count = work(&mut change)?;
            let totals = change.finish()?;
            transaction.commit()?;
            Ok((totals, count))
        })
    }
}

/// The tables within a transaction.
struct Change<'transaction> {
    answers: redb::Table<'transaction, &'static IdBytes, (u64, &'static [u8])>,
    by_age: redb::Table<'transaction, (u64, &'static IdBytes), u64>,
    sums: redb::Table<'transaction, &'static str, u64>,
    totals: Totals,
}

impl<'transaction> Change<'transaction> {
    fn new(transaction: &'transaction WriteTransaction) -> Result<Self, redb::Error> {
        let sums = transaction.open_table(TOTALS)?;
        let sum = |name| Ok::<_, redb::Error>(sums.get(name)?.map_or(0, |value| value.value()));
        let totals = Totals { entries: sum("entries")?, weight: sum("weight")? };
        let answers = transaction.open_table(ANSWERS)?;
        Ok(Self { answers, by_age: transaction.open_table(BY_AGE)?, sums, totals })
    }

    fn insert(&mut self, entry: &Entry) -> Result<(), redb::Error> {
        let id = entry.id.to_bytes();
        self.remove(&id)?;
        self.answers.insert(&id, (entry.made_at, entry.bytes.as_slice()))?;
        self.by_age.insert((entry.made_at, &id), entry.weight())?;
        self.totals.entries += 1;
        self.totals.weight += entry.weight();
        Ok(())
    }

    fn remove(&mut self, id: &IdBytes) -> Result<bool, redb::Error> {
        let found = self.answers.remove(id)?.map(|value| (value.value().0, value.value().1.len()));
        let Some((made_at, length)) = found else { return Ok(false) };
        self.by_age.remove((made_at, id))?;
        self.totals.entries = self.totals.entries.saturating_sub(1);
        self.totals.weight = self.totals.weight.saturating_sub(weight(length));
        Ok(true)
    }

    fn oldest(&self) -> Result<Option<(u64, IdBytes)>, redb::Error> {
        Ok(self.by_age.first()?.map(|(key, _)| {
            let (made_at, id) = key.value();
            (made_at, *id)
        }))
    }

    fn finish(mut self) -> Result<Totals, redb::Error> {
        self.sums.insert("entries", self.totals.entries)?;
        self.sums.insert("weight", self.totals.weight)?;
        Ok(self.totals)
    }
}

/// Creates the tables of a new file, and refuses a file of another format.
fn prepare(database: &Database) -> Result<Totals, redb::Error> {
    let reading = database.begin_read()?;
    let found = match reading.open_table(TOTALS) {
        Ok(sums) => sums.get("format")?.map(|value| value.value()),
        Err(TableError::TableDoesNotExist(_)) if reading.list_tables()?.next().is_none() => {
            let transaction = database.begin_write()?;
            transaction.open_table(ANSWERS)?;
            transaction.open_table(BY_AGE)?;
            transaction.open_table(TOTALS)?.insert("format", u64::from(FORMAT))?;
            transaction.commit()?;
            Some(u64::from(FORMAT))
        }
        Err(error) => return Err(error.into()),
    };
    if found != Some(u64::from(FORMAT)) {
        return Err(redb::Error::Corrupted(format!("expected format {FORMAT}, found {found:?}")));
    }
    read_totals(database)
}

fn read_totals(database: &Database) -> Result<Totals, redb::Error> {
    let sums = database.begin_read()?.open_table(TOTALS)?;
    let sum = |name| Ok::<_, redb::Error>(sums.get(name)?.map_or(0, |value| value.value()));
    Ok(Totals { entries: sum("entries")?, weight: sum("weight")? })
}

fn failed(file: &Path, source: Box<dyn Error + Send + Sync>) -> DiskError {
    DiskError::Failed { file: file.to_owned(), source }
}

/// Runs an operation on the file. redb trusts its own data and may panic on other data: that is a broken file, and no reason
/// to end the process.
fn guarded<T>(file: &Path, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, DiskError> {
    let broken = |source| DiskError::Broken { file: file.to_owned(), source };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(redb::Error::DatabaseAlreadyOpen)) => Err(DiskError::Held { file: file.to_owned() }),
        Ok(Err(redb::Error::Io(error)))
            if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            Err(failed(file, error.into()))
        }
        Ok(Err(error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed))) => {
            Err(failed(file, error.into()))
        }
        Ok(Err(error)) => Err(broken(error.into())),
        Err(_) => Err(broken("redb panicked".into())),
    }
}
