//! What is wrong is said in one paragraph that names what, where and why, and what is around it is unharmed. Through
//! the real binary.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the binary left behind.
struct Finished {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the binary to its end, with nothing of ours in its environment.
fn riveg(arguments: &[&str], input: &[u8]) -> Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_riveg"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RIVEG_")) {
        command.env_remove(name);
    }
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo built the binary");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    // On a thread of its own: neither side waits for the other with a full pipe. A binary that refuses its arguments
    // does not read, which is no fault.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("writing does not panic");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// One paragraph: no backtrace, no panic, and all of the parts.
fn assert_said(finished: &Finished, code: i32, parts: &[&str]) {
    assert_eq!(finished.code, Some(code), "{}", finished.stderr);
    assert!(
        finished.stderr.starts_with("riveg: ") && !finished.stderr.contains("panicked"),
        "{}",
        finished.stderr
    );
    for part in parts {
        assert!(finished.stderr.contains(part), "`{part}` is not in: {}", finished.stderr);
    }
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder can be written");
    path.display().to_string()
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_valid_one_and_all_faults_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        written(folder.path(), "bad.toml", "[engine]\nposts_in_flite = 3\n[decode]\nthreads = \"many\"\n");
    let finished = riveg(&["check", "--config", &file, "--set", "ingest.topik=x"], b"");
    let expected = [
        "the configuration has 3 faults",
        "engine.posts_in_flite",
        "bad.toml",
        "did you mean engine.posts_in_flight?",
        "decode.threads",
        "expected usize",
        "did you mean ingest.topic?",
    ];
    assert_said(&finished, 2, &expected);
}

#[test]
fn a_configuration_that_is_missing_or_no_toml_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let broken = written(folder.path(), "broken.toml", "[engine\nposts_in_flight = 3\n");
    let missing = folder.path().join("missing.toml").display().to_string();
    let finished = riveg(&["check", "--config", &broken, "--config", &missing], b"");
    assert_said(&finished, 2, &["broken.toml", "is not TOML", "line 1", "missing.toml", "No such file"]);
}

#[test]
fn arguments_that_nobody_knows_are_refused_with_the_usage() {
    let finished = riveg(&["chekc"], b"");
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("check") && finished.stdout.is_empty(), "{}", finished.stderr);
    let finished = riveg(&["check", "--log", "riveg=loud"], b"");
    assert_said(&finished, 2, &["riveg=loud"]);
}

#[test]
fn secrets_are_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "a.toml", "[kafka.properties]\nsasl.password = \"hunter2\"\n");
    let finished = riveg(&["check", "--config", &file, "--skip", "kafka", "--skip", "bundle"], b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("\"sasl.password\" = \"[redacted]\""), "{}", finished.stdout);
    assert!(!finished.stdout.contains("hunter2") && !finished.stderr.contains("hunter2"));
    let finished =
        riveg(&["check", "--set", "kafka.properties.sasl.password=hunter2", "--set", "x.y=1"], b"");
    assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
}
