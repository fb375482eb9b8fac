//! Tests of the disk tier: restarts, limits, and broken, locked and full files.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend, TableDefinition};

use super::super::Kind;
use super::store::Totals;
use super::*;
use crate::common::secret::Secret;
use crate::telemetry::Metrics;

const LONG: Duration = Duration::from_secs(1_000_000);

fn id(number: u64) -> AnswerId {
    let mut key = [0; 32];
    key.copy_from_slice(blake3::hash(&number.to_le_bytes()).as_bytes());
    AnswerId { kind: Kind::Expansion, key }
}

fn record(number: u64, text: &str) -> Record {
    let made_at = super::super::unix_millis(std::time::SystemTime::now()) - 1_000_000 + number;
    Record {
        subject: format!("subject {number}"),
        model: "m".to_owned(),
        text: Some(text.into()),
        refused: None,
        made_at,
    }
}

/// A file without a pause after a fault.
fn file(path: &Path, bytes: u64) -> DiskFile {
    let usual = DiskFile::new(path.to_owned(), bytes, LONG);
    DiskFile { reopen_pause: Duration::ZERO, ..usual }
}

fn codec(metrics: &Metrics) -> Arc<Codec> {
    Arc::new(Codec::new(&Secret::default(), metrics.answers()))
}

async fn opened(file: DiskFile) -> (Disk, Metrics) {
    let metrics = Metrics::new();
    (Disk::open(file, codec(&metrics)).await.unwrap(), metrics)
}

fn has(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
}

async fn keep(disk: &Disk, numbers: std::ops::Range<u64>) {
    futures_util::future::join_all(numbers.map(|number| {
        let record = record(number, "an answer");
        async move { disk.keep(id(number), &record).await }
    }))
    .await;
}

async fn count(disk: &Disk, numbers: std::ops::Range<u64>) -> usize {
    let mut found = 0;
    for number in numbers {
        found += usize::from(disk.get(&id(number)).await.is_some());
    }
    found
}

#[tokio::test]
async fn stored_answers_survive_a_restart_and_purged_ones_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/answers.redb");
    let (disk, _) = opened(file(&path, 1 << 30)).await;
    keep(&disk, 0..100).await;
    let filter = PurgeFilter { subject: Some("subject 7".to_owned()), kind: None, before: u64::MAX };
    assert_eq!(disk.purge(vec![filter]).await, 11, "7 and 70 to 79");
    disk.close().await;
    assert_eq!(disk.get(&id(0)).await, None, "it is closed");
    let (disk, metrics) = opened(file(&path, 1 << 30)).await;
    assert_eq!((count(&disk, 0..100).await, count(&disk, 70..80).await), (89, 0));
    assert_eq!(disk.get(&id(1)).await.unwrap().subject, "subject 1");
    has(&metrics, "riveg_answer_entries{tier=\"disk\"} 89");
}

#[tokio::test]
async fn a_broken_or_foreign_file_is_renamed_and_a_new_one_is_created() {
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole");
        let (disk, _) = opened(file(&path, 1 << 30)).await;
        keep(&disk, 0..500).await;
        disk.close().await;
        fs::read(&path).unwrap()
    };
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at..at + 64].fill(0xa5);
        bytes
    };
    // Where answers lie: their text is in the page.
    let page = whole.windows(9).rposition(|bytes| bytes == b"an answer").unwrap() & !4095;
    let other = {
        let file = tempfile::NamedTempFile::new().unwrap();
        let database = Database::create(file.path()).unwrap();
        let transaction = database.begin_write().unwrap();
        let totals: TableDefinition<'_, &str, u64> = TableDefinition::new("totals");
        transaction.open_table(totals).unwrap().insert("format", 99).unwrap();
        transaction.commit().unwrap();
        drop(database);
        fs::read(file.path()).unwrap()
    };
    let cases = [
        ("no database", b"no database at all".repeat(1000)),
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("a changed head", changed(0)),
        ("a changed page", changed(page + 128)),
        ("another format", other),
    ];
    for (case, bytes) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.redb");
        fs::write(&path, &bytes).unwrap();
        let (disk, metrics) = opened(file(&path, 1 << 30)).await;
        keep(&disk, 0..3).await;
        assert_eq!(count(&disk, 0..3).await, 3, "{case}");
        has(&metrics, "riveg_answer_faults_total{class=\"broken\",tier=\"disk\"} 1");
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let aside: Vec<_> =
            names.filter(|name| name.to_string_lossy().starts_with("answers.redb.broken-")).collect();
        assert_eq!(aside.len(), 1, "{case}");
        assert_eq!(fs::metadata(folder.path().join(&aside[0])).unwrap().len(), bytes.len() as u64, "{case}");
    }
}

#[tokio::test]
async fn a_second_engine_works_without_the_file_until_the_first_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.redb");
    let (first, _) = opened(file(&path, 1 << 30)).await;
    let (second, metrics) = opened(file(&path, 1 << 30)).await;
    has(&metrics, "riveg_answer_faults_total{class=\"held\",tier=\"disk\"} 1");
    keep(&first, 0..1).await;
    keep(&second, 1..2).await;
    assert_eq!((count(&first, 0..2).await, count(&second, 0..2).await), (1, 0));
    first.close().await;
    keep(&second, 2..3).await;
    assert_eq!(count(&second, 0..3).await, 2, "what the first had, and its own");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was set aside");
}

#[tokio::test]
async fn a_path_that_cannot_be_written_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for path in [folder.path().join("file/answers.redb"), folder.path().to_owned(), "/dev/full".into()] {
        let (disk, metrics) = opened(file(&path, 1 << 30)).await;
        keep(&disk, 0..2).await;
        assert_eq!(count(&disk, 0..2).await, 0);
        assert!(
            metrics.render().contains("riveg_answer_faults_total{class=\"failed\",tier=\"disk\"}"),
            "{path:?}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was set aside");
}

/// A storage backend that may be full.
#[derive(Debug)]
struct Full {
    inner: InMemoryBackend,
    full: Arc<AtomicBool>,
}

impl Full {
    fn refuse(&self) -> io::Result<()> {
        let full = self.full.load(Ordering::SeqCst);
        if full { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

impl StorageBackend for Full {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.refuse()?;
        self.inner.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.refuse()?;
        self.inner.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.refuse()?;
        self.inner.write(offset, data)
    }
}

#[tokio::test]
async fn a_full_disk_is_skipped_until_there_is_room() {
    let full = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&full);
    let open = Box::new(move |path: &Path| {
        let backend = Full { inner: InMemoryBackend::new(), full: Arc::clone(&switch) };
        let failed =
            |error: redb::DatabaseError| DiskError::Failed { file: path.to_owned(), source: error.into() };
        let database = Database::builder().create_with_backend(backend).map_err(failed)?;
        Store::over(database, path, 0)
    });
    let (disk, metrics) = opened(DiskFile { open, ..file(Path::new("somewhere"), 1 << 30) }).await;
    keep(&disk, 0..10).await;
    assert_eq!(count(&disk, 0..10).await, 10);
    full.store(true, Ordering::SeqCst);
    keep(&disk, 10..11).await;
    keep(&disk, 11..12).await;
    assert_eq!(count(&disk, 0..12).await, 0);
    has(&metrics, "riveg_answer_faults_total{class=\"failed\",tier=\"disk\"} 2");
    full.store(false, Ordering::SeqCst);
    keep(&disk, 12..13).await;
    assert_eq!(count(&disk, 12..13).await, 1);
}

#[tokio::test]
async fn a_changed_record_is_ignored_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.redb");
    let store = Store::open(&path).unwrap();
    let mut changed = Entry::new(id(1), &record(1, "an answer"), &codec(&Metrics::new()));
    *changed.bytes.last_mut().unwrap() ^= 1;
    store.put(&[changed], u64::MAX, 0).unwrap();
    drop(store);
    let (disk, metrics) = opened(file(&path, 1 << 30)).await;
    assert_eq!(disk.get(&id(1)).await, None);
    has(&metrics, "riveg_answer_faults_total{class=\"unreadable\",tier=\"disk\"} 1");
    keep(&disk, 1..2).await;
    assert_eq!(count(&disk, 1..2).await, 1);
}

#[tokio::test]
async fn a_record_that_is_too_long_is_not_read_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.redb");
    let store = Store::open(&path).unwrap();
    let whole = codec(&Metrics::new());
    let lengths = [MAX_RECORD_BYTES - 1000, 22 << 20];
    let long =
        lengths.map(|length| Entry::new(id(length as u64), &record(1, &"a ".repeat(length / 2)), &whole));
    store.put(&long, u64::MAX, 0).unwrap();
    drop(store);
    let (disk, metrics) = opened(file(&path, 1 << 30)).await;
    let found = [disk.get(&id(lengths[0] as u64)).await, disk.get(&id(lengths[1] as u64)).await];
    assert_eq!(found.map(|record| record.is_some()), [true, false]);
    has(&metrics, "riveg_answer_faults_total{class=\"too-long\",tier=\"disk\"} 1");
    disk.keep(id(lengths[1] as u64), &record(1, "an answer")).await;
    let kept = disk.get(&id(lengths[1] as u64)).await.unwrap();
    assert_eq!(kept.text.as_deref(), Some("an answer"));
}

#[test]
fn an_expired_answer_is_removed_and_one_that_never_fits_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("answers.redb")).unwrap();
    let entry = |number, length| Entry { id: id(number), made_at: number, bytes: vec![0; length] };
    let (totals, evicted) = store.put(&[entry(5, 10), entry(6, 10), entry(7, 10)], 10_000, 6).unwrap();
    assert_eq!((totals.entries, evicted), (2, 1));
    let (after, evicted) = store.put(&[entry(8, 10_000)], 10_000, 0).unwrap();
    assert_eq!((after, evicted), (totals, 0));
    assert_eq!(store.remove(&[id(6), id(9)]).unwrap().1, 1);
    assert_eq!(store.remove(&[id(7)]).unwrap().0, Totals::default());
}

#[test]
fn a_file_stays_within_its_bytes_however_often_all_of_it_is_replaced() {
    const DISK: u64 = 8 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.redb");
    let store = Store::open(&path).unwrap();
    let mut largest = 0;
    for round in 0..120_u64 {
        let numbers = round * 500..(round + 1) * 500;
        let length = |number: u64| 100 + (number * 7919 % 600) as usize;
        let entries: Vec<Entry> = numbers
            .map(|number| Entry { id: id(number), made_at: number, bytes: vec![7; length(number)] })
            .collect();
        let (totals, _) = store.put(&entries, capacity(DISK), 0).unwrap();
        assert!(totals.weight <= capacity(DISK));
        // What it takes, not how long it is: redb makes it longer than it needs, with holes.
        largest = largest.max(fs::metadata(&path).unwrap().blocks() * 512);
    }
    assert!(largest <= DISK, "{largest} bytes");
    drop(store);
    let store = Store::open(&path).unwrap();
    assert!(store.totals().unwrap().entries > 1000);
}

#[test]
fn a_file_that_is_mostly_free_is_compacted_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.redb");
    let length = || fs::metadata(&path).unwrap().len();
    let store = Store::open(&path).unwrap();
    let entries: Vec<Entry> =
        (0..400).map(|number| Entry { id: id(number), made_at: number, bytes: vec![7; 1 << 16] }).collect();
    store.put(&entries, u64::MAX, 0).unwrap();
    let ids: Vec<AnswerId> = (1..400).map(id).collect();
    assert_eq!(store.remove(&ids).unwrap().1, 399);
    let full = length();
    assert!(full > 20 << 20, "{full} bytes");
    drop(store);
    let store = Store::open(&path).unwrap();
    assert!(length() < full / 4, "{} of {full} bytes", length());
    assert_eq!(store.get(&id(0), 1 << 16).unwrap(), Some(Found::Bytes(entries[0].bytes.clone())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn the_capacity_and_the_sums_hold_for_any_operations(
        capacity in 500_u64..3000,
        steps in prop::collection::vec((0_u64..12, 0_u64..50, 0_usize..400, any::<bool>()), 0..40),
    ) {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let store = Store::over(database, Path::new("memory"), 0).unwrap();
        // A model of the same operations.
        let mut model: Vec<Entry> = Vec::new();
        for (number, made_at, length, remove) in steps {
            let entry = Entry { id: id(number), made_at, bytes: vec![1; length] };
            let weight = |entry: &Entry| entry.bytes.len() as u64 * 3 / 2 + 192;
            if remove {
                store.remove(&[entry.id]).unwrap();
                model.retain(|other| other.id != entry.id);
            } else {
                store.put(std::slice::from_ref(&entry), capacity, 0).unwrap();
                if weight(&entry) <= capacity {
                    model.retain(|other| other.id != entry.id);
                    model.push(entry);
                    while model.iter().map(weight).sum::<u64>() > capacity {
                        let oldest = model.iter().min_by_key(|entry| (entry.made_at, entry.id.to_bytes()));
                        let oldest = oldest.unwrap().id;
                        model.retain(|other| other.id != oldest);
                    }
                }
            }
            let expected = Totals { entries: model.len() as u64, weight: model.iter().map(weight).sum() };
            prop_assert_eq!(store.totals().unwrap(), expected);
            prop_assert!(expected.weight <= capacity);
            for number in 0..12 {
                let found = store.get(&id(number), 400).unwrap();
                let known = model.iter().find(|entry| entry.id == id(number)).map(|entry| Found::Bytes(entry.bytes.clone()));
                prop_assert_eq!(found, known);
            }
        }
    }
}
