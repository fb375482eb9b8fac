//! Does the chaos run find nothing in the engine, and something in an engine that breaks the promise? Both in short.

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

/// Runs it, and gives its report and whether it says that the promise is kept.
fn run(arguments: &[&str]) -> (Value, bool) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = Command::new(executable()).args(arguments).args(["--out", out]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let report = std::fs::read_to_string(folder.path().join("report.json"))
        .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
    println!("{said}");
    (serde_json::from_str(&report).unwrap(), output.status.success())
}

#[test]
fn killed_and_paused_engines_and_a_broker_that_crashes_lose_and_double_nothing() {
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
    // Two died of the poison while they worked on nothing else. A signal may meet an engine that is dead already.
    assert!(found["deaths"].as_u64().unwrap() > 2, "nobody was killed: {report:#}");
}

#[test]
fn an_engine_that_commits_before_it_writes_is_found_out() {
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
