//! `riveg cache`: shows, exports, imports and purges answers on disk and in Redis, with the real binary.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::Commands;

use super::{Replica, asked, config, key};
use crate::support::{Finished, Redis, riveg};

/// `riveg cache` with these tiers.
fn cache(arguments: &[&str], file: Option<&Path>, redis: &str) -> Finished {
    let file =
        format!("answers.disk_path={}", file.map_or("none".to_owned(), |file| file.display().to_string()));
    let redis = format!("answers.redis={redis}");
    let shared = ["--set", &file, "--set", &redis, "--set", "answers.redis_prefix=tests"];
    riveg(&[&["cache"], arguments, &shared[..]].concat(), b"")
}

fn succeed(arguments: &[&str], file: Option<&Path>, redis: &str) -> Finished {
    let finished = cache(arguments, file, redis);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {}{}", finished.stdout, finished.stderr);
    finished
}

/// Puts ten answers into these tiers.
async fn filled(file: Option<&Path>, redis: &str) {
    let replica = Replica::open(&config(redis, file)).await;
    let calls = Arc::new(AtomicUsize::new(0));
    for number in 0..10 {
        replica.ask(&asked(number), &calls).await;
    }
    replica.answers.close().await;
}

fn row(table: &str, tier: &str) -> Vec<String> {
    let rows = table.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    rows.into_iter().find(|row| row[..2] == [tier, "expansion"]).unwrap_or_else(|| panic!("{table}"))
}

#[tokio::test]
async fn answers_are_counted_exported_imported_and_purged_in_both_tiers() {
    let (redis, folder) = (Redis::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("answers.redb");
    filled(Some(&file), &redis.address()).await;
    let stats = succeed(&["stats"], Some(&file), &redis.address()).stdout;
    for tier in ["disk", "redis"] {
        assert_eq!(row(&stats, tier)[2..5], ["10", "0", "0"], "{stats}");
    }
    let exported = succeed(&["export"], Some(&file), &redis.address());
    assert!(
        exported.stdout.lines().count() == 10 && exported.stderr.contains("10 answers"),
        "{}",
        exported.stderr
    );
    let lines = folder.path().join("answers.jsonl");
    std::fs::write(&lines, &exported.stdout).unwrap();

    // Imported on a machine without answers, which then asks no questions.
    let (other_redis, other_file) = (Redis::start(), folder.path().join("other/answers.redb"));
    let import = ["import", lines.to_str().unwrap()];
    let imported = succeed(&import, Some(&other_file), &other_redis.address()).stdout;
    assert_eq!(imported, "10 answers are kept: disk, redis\n");
    let calls = Arc::new(AtomicUsize::new(0));
    for (redis, file) in [("", Some(other_file.as_path())), (&other_redis.address(), None)] {
        let replica = Replica::open(&config(redis, file)).await;
        for number in 0..10 {
            assert_eq!(replica.ask(&asked(number), &calls).await, format!("answer to subject {number}"));
        }
        replica.answers.close().await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let again = succeed(&["export"], Some(&other_file), "").stdout;
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&again), sorted(&exported.stdout));

    // Purges by subject, by age (none is that old) and by kind. Without a condition nothing is purged.
    let purge =
        |arguments: &[&str]| succeed(&[&["purge"], arguments].concat(), Some(&file), &redis.address()).stdout;
    assert!(
        purge(&["--match", "SUBJECT ?", "--dry-run"])
            .starts_with("disk: 10 would be removed\nredis: 10 would")
    );
    assert!(purge(&["--older-than", "1day"]).starts_with("disk: 0 removed\nredis: 0 removed\n"));
    assert!(
        purge(&["--match", "ject 3"]).starts_with("disk: 1 removed\nredis: 1 removed\nengines hear of it")
    );
    assert!(purge(&["--kind", "caption"]).starts_with("disk: 0 removed\nredis: 0 removed\n"));
    assert!(!redis.client().exists::<_, bool>(key(&asked(3))).unwrap());
    assert!(
        purge(&["--kind", "expansion", "--match", "subject"])
            .starts_with("disk: 9 removed\nredis: 9 removed\n")
    );
    let nothing = cache(&["purge"], Some(&file), &redis.address());
    assert!(nothing.code == Some(2) && nothing.stderr.contains("which answers?"), "{}", nothing.stderr);
}

#[tokio::test]
async fn unreadable_answers_are_counted_and_purged_with_all() {
    let redis = Redis::start();
    filled(None, &redis.address()).await;
    redis.client().set::<_, _, ()>(key(&asked(77)), "nonsense").unwrap();
    let stats = succeed(&["stats"], None, &redis.address()).stdout;
    assert_eq!(row(&stats, "redis")[2..5], ["10", "0", "1"], "{stats}");
    let exported = succeed(&["export"], None, &redis.address()).stderr;
    assert!(exported.contains("10 answers, 1 could not be read"), "{exported}");
    assert!(
        succeed(&["purge", "--match", "nonsense"], None, &redis.address())
            .stdout
            .starts_with("redis: 0 removed")
    );
    assert!(succeed(&["purge", "--all"], None, &redis.address()).stdout.starts_with("redis: 11 removed"));
    let left: Vec<String> = redis.client().keys("tests:1:expansion:*").unwrap();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_an_engine_holds_or_that_is_missing_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.redb");
    let none = cache(&["stats"], Some(&file), "");
    assert!(
        none.code == Some(1) && none.stderr.contains("there are no answers: no file at"),
        "{}",
        none.stderr
    );
    let replica = Replica::open(&config("", Some(&file))).await;
    let held = cache(&["purge", "--all"], Some(&file), "");
    assert!(held.code == Some(1) && held.stderr.contains("stop the engine first"), "{}", held.stderr);
    assert!(
        held.stderr.contains("answers.redb` (answers.disk_path) is held by another engine"),
        "{}",
        held.stderr
    );
    replica.answers.close().await;
}

#[tokio::test]
async fn a_redis_that_does_not_respond_is_an_error_that_names_it_without_its_password() {
    let mut redis = Redis::start();
    let wrong = cache(&["purge", "--all"], None, &redis.address_with("canary-in-the-mine"));
    redis.kill();
    let away = cache(&["stats"], None, &redis.address_with("canary-in-the-mine"));
    for (finished, cause) in [(wrong, "SCAN"), (away, "Connection refused")] {
        assert_eq!(finished.code, Some(1));
        assert!(finished.stderr.contains("Redis at 127.0.0.1:"), "{}", finished.stderr);
        assert!(finished.stderr.contains(cause), "{}", finished.stderr);
        assert!(!(finished.stdout + &finished.stderr).contains("canary"));
    }
}

#[tokio::test]
async fn an_invalid_line_is_named_and_nothing_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (file, lines) = (folder.path().join("answers.redb"), folder.path().join("lines"));
    filled(Some(&file), "").await;
    let good = succeed(&["export"], Some(&file), "").stdout;
    let other = folder.path().join("other.redb");
    for (broken, expected) in [
        (good.replacen("\"key\"", "\"kee\"", 4), "line 1: unknown field `kee`"),
        (format!("{good}\nnonsense\n"), "line 12: expected"),
        (format!("{good}{}", good.replacen("expansion", "joke", 1)), "line 11: `kind`: expected one of"),
    ] {
        std::fs::write(&lines, broken).unwrap();
        let finished = cache(&["import", lines.to_str().unwrap()], Some(&other), "");
        assert_eq!(finished.code, Some(1), "{expected}");
        assert!(finished.stderr.contains(expected), "{expected}: {}", finished.stderr);
        assert!(!other.exists(), "nothing was imported");
    }
}
