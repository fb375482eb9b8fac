//! Short chaos runs: no faults with the real engine, and faults with an engine that breaks the delivery guarantee.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

#[path = "../benches/chaos/check.rs"]
mod check;

/// The executable of `make chaos`, as `cargo test` builds it beside this one.
fn executable() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let file = own.parent().and_then(|deps| deps.parent()).unwrap().join("examples/chaos");
    assert!(
        file.exists(),
        "`{}` is not there: `cargo test` without `--test`, or `cargo build --examples`",
        file.display()
    );
    file
}

/// Runs it; returns its report and whether the delivery guarantee holds.
fn run(arguments: &[&str]) -> (Value, bool) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = Command::new(executable()).args(arguments).args(["--out", out]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let report = std::fs::read_to_string(folder.path().join("report.json"))
        .unwrap_or_else(|error| panic!("{error}: {stdout}{}", String::from_utf8_lossy(&output.stderr)));
    println!("{stdout}");
    (serde_json::from_str(&report).unwrap(), output.status.success())
}

#[test]
fn killed_and_paused_engines_and_a_broker_crash_lose_and_duplicate_nothing() {
    let (report, holds) = run(&[
        "--mode",
        "exactly-once",
        "--seconds",
        "25",
        "--kills",
        "4",
        "--restarts",
        "1",
        "--pauses",
        "1",
        "--poison",
        "1",
    ]);
    assert!(holds, "{report:#}");
    let found = &report["exactly_once"];
    assert!(found["posts"].as_u64().unwrap() > 500, "{report:#}");
    assert_eq!((found["lost"].as_u64(), found["duplicated"].as_u64()), (Some(0), Some(0)));
    assert_eq!(found["poison"], 1);
    // The poison post kills two engines. A signal may meet an engine that is already dead.
    assert!(found["deaths"].as_u64().unwrap() > 2, "no engine was killed: {report:#}");
}

#[test]
fn an_engine_that_commits_before_it_writes_is_detected() {
    let (report, holds) = run(&[
        "--mode",
        "commit-first",
        "--seconds",
        "12",
        "--kills",
        "4",
        "--restarts",
        "0",
        "--pauses",
        "0",
        "--poison",
        "0",
    ]);
    assert!(!holds && report["commit_first"]["lost"].as_u64().unwrap() > 0, "{report:#}");
}
