//! `riveg train tagger` through the real binary: killed and resumed to the same weights, and its bundle at work.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Finished, Process, binary, pocket_bundle, riveg, until};

/// The learning rate of a tiny encoder.
const RATE: &str = "0.003";

/// Posts of names that their first letters give away, so that a tiny network learns them in seconds.
fn posts(count: usize, from: usize) -> String {
    let mut text = String::new();
    for post in from..from + count {
        let (person, place) = (format!("Ann{}", post % 7), format!("Oslo{}", post % 5));
        let words =
            [(person.as_str(), "B-PER"), ("met", "O"), ("them", "O"), ("in", "O"), (place.as_str(), "B-LOC")];
        writeln!(text, "IMGID:{post}").unwrap();
        for (word, tag) in words.iter().skip(post % 2 * 2) {
            writeln!(text, "{word}\t{tag}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn data(folder: &Path) -> String {
    fs::write(folder.join("train.txt"), posts(48, 0)).unwrap();
    fs::write(folder.join("dev.txt"), posts(12, 100)).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// The arguments of a training in a folder.
fn arguments(data: &str, folder: &Path, (epochs, rate): (u32, &str)) -> Vec<String> {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let epochs = epochs.to_string();
    let mut all: Vec<String> = [
        "train",
        "tagger",
        "--data",
        data,
        "--epochs",
        &epochs,
        "--batch",
        "8",
        "--threads",
        "1",
        "--rate",
        rate,
    ]
    .map(str::to_owned)
    .to_vec();
    all.extend(["--work".to_owned(), at("work"), "--out".to_owned(), at("bundle")]);
    let set = [
        "text.max_pieces=32",
        "steps.at_once=5",
        "steps.patience=0",
        "steps.checkpoint=7",
        "network.hidden=16",
        "network.layers=1",
        "network.heads=2",
        "network.ffn=32",
        "network.vocabulary=100",
        "rates.dropout=0.2",
    ];
    all.extend(set.iter().flat_map(|change| ["--set".to_owned(), (*change).to_owned()]));
    all
}

fn run(arguments: &[String]) -> Finished {
    riveg(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), b"")
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_training_that_was_killed_goes_on_to_the_same_weights_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name));
    let data = data(folder.path());
    let unbroken = run(&arguments(&data, &whole, (40, RATE)));
    assert_eq!(unbroken.code, Some(0), "{}", unbroken.stderr);

    let command = arguments(&data, &broken, (40, RATE));
    let metrics = broken.join("work/metrics.jsonl");
    let child =
        binary().args(&command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut process = Process(child.unwrap());
    until("some steps between two checkpoints", || (lines(&metrics).len() > 30).then_some(()));
    process.0.kill().unwrap();
    process.0.wait().unwrap();
    assert!(!broken.join("bundle").exists(), "it was killed before its end");

    let resumed = run(&command);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert!(resumed.stderr.contains("goes on from its checkpoint"), "{}", resumed.stderr);
    let weights = |folder: &Path| fs::read(folder.join("work/tagger.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&broken), "the weights differ");
    let figures = |folder: &Path| -> Vec<Value> {
        let mut all = lines(&folder.join("work/metrics.jsonl"));
        all.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("time")));
        all
    };
    assert_eq!(figures(&whole), figures(&broken), "each step is recorded once");
    assert_eq!(figures(&whole).len(), 240 + 40, "six steps and a score in each of 40 passes");

    // The same command again has nothing to do; another one does not take this checkpoint for its own.
    assert_eq!(run(&command).code, Some(0));
    assert!(weights(&whole) == weights(&broken));
    let mut other = command.clone();
    other.extend(["--seed".to_owned(), "2".to_owned()]);
    let refused = run(&other);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("it has `seed = 1`, now there is `seed = 2`"), "{}", refused.stderr);
}

#[test]
fn what_was_trained_serves_in_place_of_a_bundles_tagger_and_begins_another_training() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let first = folder.path().join("first");
    let trained = run(&arguments(&data, &first, (25, RATE)));
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    assert!(trained.stdout.contains("F1 1.0000 on the dev split"), "{}", trained.stdout);
    for name in ["work/training.svg", "work/events.out.tfevents.0.riveg"] {
        assert!(fs::metadata(first.join(name)).unwrap().len() > 1_000, "{name}");
    }

    let bundle = first.join("bundle");
    let manifest: toml::Table = fs::read_to_string(bundle.join("bundle.toml")).unwrap().parse().unwrap();
    let record = &manifest["recognise"]["training"];
    assert_eq!(record["from"].as_str(), Some("nothing"));
    assert_eq!(record["recipe"]["steps"]["epochs"].as_integer(), Some(25));
    assert_eq!(record["posts"].as_array().unwrap().len(), 2);
    let folder_of_bundle = bundle.to_str().unwrap();
    let verified = riveg(&["bundle", "verify", folder_of_bundle], b"");
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);

    let pocket = pocket_bundle();
    let pocket = format!("bundle.path={}", pocket.display());
    let recognise = format!("bundle.recognise={folder_of_bundle}");
    let post = json!({ "id": "1", "text": "Ann3 met them in Oslo2", "created_at": "2026-01-01T00:00:00Z" })
        .to_string();
    let answered = riveg(&["annotate", "--set", &pocket, "--set", &recognise, "-"], post.as_bytes());
    assert_eq!(answered.code, Some(0), "{}", answered.stderr);
    let answer: Value = serde_json::from_str(&answered.stdout).unwrap();
    let found: Vec<_> = answer["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| (entity["text"].as_str().unwrap(), entity["type"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("Ann3", "PER"), ("Oslo2", "LOC")]);

    // Begun with the bundle, the first pass is as good as the last one was.
    let second = folder.path().join("second");
    let mut again = arguments(&data, &second, (1, "1e-9"));
    again.extend(["--from".to_owned(), folder_of_bundle.to_owned()]);
    again.extend(
        ["rates.linear=1e-9", "rates.crf=1e-9"]
            .iter()
            .flat_map(|change| ["--set".to_owned(), (*change).to_owned()]),
    );
    let again = run(&again);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stdout.contains("F1 1.0000"), "{}", again.stdout);
    assert!(again.stderr.contains("its labels are those of the data"), "{}", again.stderr);

    // By adapters alone it stays as good, and its bundle is one like any other.
    let third = folder.path().join("third");
    let mut adapted = arguments(&data, &third, (2, "1e-2"));
    adapted.extend(["--from", folder_of_bundle, "--set", "adapters.rank=2"].map(str::to_owned));
    let adapted = run(&adapted);
    assert_eq!(adapted.code, Some(0), "{}", adapted.stderr);
    assert!(adapted.stdout.contains("F1 1.0000"), "{}", adapted.stdout);
    let bundle = third.join("bundle");
    let manifest: toml::Table = fs::read_to_string(bundle.join("bundle.toml")).unwrap().parse().unwrap();
    assert_eq!(manifest["recognise"]["training"]["recipe"]["adapters"]["rank"].as_integer(), Some(2));
    let verified = riveg(&["bundle", "verify", bundle.to_str().unwrap()], b"");
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}
