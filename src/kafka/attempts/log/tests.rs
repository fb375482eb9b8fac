//! Tests of the attempt log: processes that die, live on, and write much.

use super::super::{Attempts, RecordId, Verdict};
use super::*;

fn id(offset: i64) -> RecordId {
    RecordId { topic: "posts".into(), partition: 0, offset, timestamp: 0 }
}

/// A process that dies while it works on these: its lock is released, and its last line is cut off.
fn die(folder: &Path, group: &str, open: &[i64]) {
    let (_, mut log) = AttemptLog::take_over(folder, group).unwrap();
    for &offset in open {
        log.write(&[Event::Begun(id(offset))]).unwrap();
    }
    write!(log.file, "begun posts 0 99").unwrap();
}

#[tokio::test]
async fn posts_of_dead_processes_become_suspects_and_then_poison() {
    let folder = tempfile::tempdir().unwrap();
    for (open, expected) in
        [(&[1, 2][..], Verdict::Suspect), (&[1], Verdict::Suspect), (&[1], Verdict::Poison { deaths: 2 })]
    {
        die(folder.path(), "a/group", open);
        let attempts = Attempts::open(folder.path(), "a/group").unwrap();
        assert_eq!(attempts.verdict(&id(1)), expected);
        assert_eq!(attempts.verdict(&id(99)), Verdict::Clear, "a line that was cut off");
        assert_eq!(Attempts::open(folder.path(), "other").unwrap().verdict(&id(1)), Verdict::Clear);
        drop(attempts);
    }
    let attempts = Attempts::open(folder.path(), "a/group").unwrap();
    assert_eq!(attempts.verdict(&id(1)), Verdict::Poison { deaths: 2 });
    attempts.begin(id(2)).await.done().await;
    attempts.begin(id(3)).await.done().await;
    assert_eq!(attempts.verdict(&id(2)), Verdict::Clear, "its mark is written before that of a later post");
}

#[tokio::test]
async fn logs_of_living_processes_are_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let living = Attempts::open(folder.path(), "group").unwrap();
    let working = living.begin(id(1)).await;
    let other = Attempts::open(folder.path(), "group").unwrap();
    assert_eq!(other.verdict(&id(1)), Verdict::Clear);
    drop(other);
    die(folder.path(), "group", &[5]);
    let knows = Attempts::open(folder.path(), "group").unwrap();
    let learns = Attempts::open(folder.path(), "group").unwrap();
    assert_eq!([&knows, &learns].map(|one| one.verdict(&id(5))), [Verdict::Suspect; 2]);
    assert_eq!(fs::read_dir(folder.path().join("group")).unwrap().count(), 4, "three logs and the lock");
    drop((knows, learns));
    working.done().await;
}

#[tokio::test]
async fn a_long_file_is_compacted_and_keeps_open_posts() {
    let folder = tempfile::tempdir().unwrap();
    let attempts = Attempts::open(folder.path(), "group").unwrap();
    let kept = attempts.begin(id(7)).await;
    for offset in 100..30_000 {
        attempts.begin(id(offset)).await.done().await;
    }
    let length = fs::metadata(folder.path().join("group/0.log")).unwrap().len();
    assert!(length < MAX_BYTES + 1000, "{length} bytes");
    // As if the process had died: its file without its lock.
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("group")).unwrap();
    fs::copy(folder.path().join("group/0.log"), copy.path().join("group/0.log")).unwrap();
    let next = Attempts::open(copy.path(), "group").unwrap();
    assert_eq!(next.verdict(&id(7)), Verdict::Suspect);
    assert_eq!(next.verdict(&id(100)), Verdict::Clear);
    kept.done().await;
}

#[test]
fn a_folder_that_cannot_be_created_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = Attempts::open(&folder.path().join("file"), "group").unwrap_err().to_string();
    assert!(error.contains("file/group` (engine.state)"), "{error}");
}

#[tokio::test]
async fn a_post_is_in_the_log_before_work_on_it_begins_and_the_stop_is_before_the_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    let attempts = Attempts::open(folder.path(), "group").unwrap();
    let log = || fs::read_to_string(folder.path().join("group/0.log")).unwrap();
    let working = attempts.begin(id(7)).await;
    assert_eq!(log(), "begun posts 0 7 0\n");
    working.done().await;
    attempts.stopping().await;
    assert_eq!(log(), "begun posts 0 7 0\ndone posts 0 7 0\nstopping\n");
}
