//! GPU readiness, as far as a machine without a GPU can show it: settings, errors, the bench of posts, the scripts.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{pocket_bundle, riveg, write_bundle};

/// An index that no machine has.
const NOWHERE: &str = "device.name=cuda:250";

#[test]
fn settings_of_a_gpu_are_accepted_and_a_missing_device_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), 1).unwrap();
    let bundle = format!("bundle.path={}", folder.path().display());
    let check = |device: &str| {
        let skipped = ["--skip", "kafka", "--skip", "telemetry", "--skip", "state"];
        let settings = ["check", "--config", "config/gpu.toml", "--set", &bundle, "--set", device];
        riveg(&[&settings[..], &skipped].concat(), b"")
    };
    let finished = check("device.name=cpu");
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let device = finished.stdout.lines().find(|line| line.starts_with("device ")).unwrap();
    assert!(device.contains("cpu, libtorch 2.11.0") && device.ends_with(", bf16"), "{device}");
    let log = "networks are loaded";
    assert!(
        finished.stderr.contains(log) && finished.stderr.contains("precision=\"bf16\""),
        "{}",
        finished.stderr
    );

    let finished = check(NOWHERE);
    assert_eq!(finished.code, Some(1), "{}", finished.stdout);
    let failed: Vec<&str> = finished.stdout.lines().filter(|line| line.contains("FAILED")).collect();
    let reason = "there is no device `cuda:250`: libtorch 2.11.0";
    assert!(failed.len() == 1 && failed[0].contains(reason), "{}", finished.stdout);
}

#[test]
fn another_precision_is_verified_against_what_was_recorded() {
    let bundle = pocket_bundle();
    let verify = ["bundle", "verify", bundle.to_str().unwrap(), "--precision", "bf16"];
    let finished = riveg(&verify, b"");
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.stdout.matches("ok").count(), 6, "hashes and five networks: {}", finished.stdout);
}

#[test]
fn the_bench_of_posts_asks_all_stages_in_the_papers_numbers() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), 1).unwrap();
    let bundle = format!("bundle.path={}", folder.path().display());
    let file = folder.path().join("posts.json");
    let bench = ["bench", "posts", "--posts", "50", "--set", &bundle, "--json", file.to_str().unwrap()];
    let finished = riveg(&bench, b"");
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let requests = |stage: &str| {
        let line = finished.stdout.lines().find(|line| line.starts_with(stage));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok())
    };
    let asked = ["recognise", "entail", "ground", "segment"].map(requests);
    assert_eq!(asked, [Some(50), Some(83), Some(33), Some(28)], "{}", finished.stdout);
    let figures: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let number = |key: &str| figures[key].as_f64().unwrap();
    assert!(number("engine_posts_per_second") > 0.0 && number("engine_to_raw") > 0.0, "{figures}");
    assert_eq!(figures["out_of_memory"], 0.0);
    assert_eq!(figures["posts_per_second_by_tenth"].as_array().map(Vec::len), Some(10));
}

#[test]
fn scripts_for_a_gpu_say_what_they_need() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = |script: &str, argument: &str| {
        let output = Command::new(root.join(script)).arg(argument).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = run("scripts/libtorch", "rocm");
    assert!(code == Some(2) && text.contains("`rocm` is no build"), "{text}");
    let (code, text) = run("scripts/gpu-check", "--help");
    assert!(code == Some(0) && text.contains("--riveg") && text.contains("--tiny"), "{text}");
}
