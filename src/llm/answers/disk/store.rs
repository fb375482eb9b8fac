//! What does the file hold? Answers by id, their ids by age, and what they weigh, in one redb database.

use std::error::Error;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction,
};

use super::super::asked::{Id, IdBytes};
use super::super::codec::FORMAT;

/// When it was made, and the record in bytes.
const ANSWERS: TableDefinition<'static, &IdBytes, (u64, &[u8])> = TableDefinition::new("answers");
/// The oldest first, with what each weighs.
const BY_AGE: TableDefinition<'static, (u64, &IdBytes), u64> = TableDefinition::new("by-age");
/// The format, and the sums over all answers.
const TOTALS: TableDefinition<'static, &str, u64> = TableDefinition::new("totals");

/// What redb keeps in memory of the file: the inner pages of its trees. What is asked often is in the tier above.
const PAGES: usize = 8 << 20;
/// What an answer takes beside its record: two ids, ages, and its share of the trees' pages, which are two thirds full.
const BESIDE: u64 = 192;
/// A file is compacted when it is this many times larger than what is in it weighs, and by how much at least.
const LOOSE: (u64, u64) = (2, 8 << 20);
/// Answers past any age that leave with one commit, beside those that must make room.
const SWEPT: usize = 256;

/// The file cannot be used, or not further.
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

/// An answer to be kept.
#[derive(Debug, Clone)]
pub(in super::super) struct Entry {
    pub(in super::super) id: Id,
    pub(in super::super) made_at: u64,
    pub(in super::super) bytes: Vec<u8>,
}

impl Entry {
    fn weight(&self) -> u64 {
        weight(self.bytes.len())
    }
}

fn weight(bytes: usize) -> u64 {
    // Pages are two thirds full where keys come in no order.
    bytes as u64 * 3 / 2 + BESIDE
}

/// What is kept under an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Found {
    /// The record in bytes.
    Bytes(Vec<u8>),
    /// It is longer than any record that is read, and was not copied.
    TooLong,
}

/// Sums over all answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) struct Totals {
    pub(in super::super) entries: u64,
    pub(in super::super) weight: u64,
}

/// An open file. Nobody else has it open.
#[derive(Debug)]
pub(in super::super) struct Store {
    database: Database,
    file: PathBuf,
}

impl Store {
    /// Opens the file, or makes it; reads all of it once, so that what is broken is known now.
    pub(in super::super) fn open(file: &Path) -> Result<Self, DiskError> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|error| failed(file, error.into()))?;
        }
        let database = guarded(file, || {
            let mut builder = Builder::new();
            Ok(builder.set_cache_size(PAGES).set_check_integrity_on_open(true).create(file)?)
        })?;
        let length = fs::metadata(file).map_err(|error| failed(file, error.into()))?.len();
        Self::over(database, file, length)
    }

    /// A store in a database that is open, whose file is that long.
    pub(super) fn over(mut database: Database, file: &Path, length: u64) -> Result<Self, DiskError> {
        let totals = guarded(file, || begun(&database))?;
        if length > totals.weight * LOOSE.0 + LOOSE.1 {
            guarded(file, || Ok(database.compact().map(drop)?))?;
        }
        Ok(Self { database, file: file.to_owned() })
    }

    /// The record of an id, in bytes, if it is no longer than `longest`.
    pub(in super::super) fn get(&self, id: &Id, longest: usize) -> Result<Option<Found>, DiskError> {
        guarded(&self.file, || {
            let answers = self.database.begin_read()?.open_table(ANSWERS)?;
            Ok(answers.get(&id.to_bytes())?.map(|found| match found.value().1 {
                bytes if bytes.len() <= longest => Found::Bytes(bytes.to_vec()),
                _ => Found::TooLong,
            }))
        })
    }

    /// Keeps answers, durably when it returns, and lets the oldest go until all weigh at most `most`; those that were made
    /// before `gone` go in any case. The new sums, and how many went.
    pub(in super::super) fn put(
        &self,
        entries: &[Entry],
        most: u64,
        gone: u64,
    ) -> Result<(Totals, usize), DiskError> {
        self.write(|change| {
            for entry in entries.iter().filter(|entry| entry.weight() <= most) {
                change.insert(entry)?;
            }
            let mut evicted = 0;
            while let Some((made_at, id)) = change.oldest()? {
                let is_swept = made_at < gone && evicted < SWEPT;
                if change.totals.weight <= most && !is_swept {
                    break;
                }
                change.remove(&id)?;
                evicted += 1;
            }
            Ok(evicted)
        })
    }

    /// Removes those answers; the new sums, and how many they were.
    pub(in super::super) fn remove(&self, ids: &[Id]) -> Result<(Totals, usize), DiskError> {
        self.write(|change| {
            let mut removed = 0;
            for id in ids {
                removed += usize::from(change.remove(&id.to_bytes())?);
            }
            Ok(removed)
        })
    }

    /// Shows every answer, with its record in bytes.
    pub(in super::super) fn each(&self, mut show: impl FnMut(Id, &[u8])) -> Result<(), DiskError> {
        guarded(&self.file, || {
            let answers = self.database.begin_read()?.open_table(ANSWERS)?;
            for found in answers.iter()? {
                let (id, value) = found?;
                if let Some(id) = Id::from_bytes(id.value()) {
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

/// Makes the tables of a new file, and refuses one of another format.
fn begun(database: &Database) -> Result<Totals, redb::Error> {
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

/// Does something with the file. redb trusts what it has written, and may panic where something else has: that is a broken
/// file, and no reason to end.
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
