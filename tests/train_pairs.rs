//! `riveg train gate`, `riveg train grounder` and `riveg train segmenter` through the real binary: what they print and refuse,
//! and their bundle at work.

use std::fs;
use std::path::Path;

use riveg::lab::world::{Split, World, write_dataset};
use serde_json::Value;

use crate::support::{Finished, pocket_bundle, riveg, write_bundle};

/// A data set with splits, and a bundle of tiny networks.
fn beginning() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (split, posts) in [(Split::Train, 8), (Split::Dev, 4)] {
        let data = folder.path().join("data").join(split.as_str());
        write_dataset(&World::new(1, split), posts, &data, || {}).unwrap();
    }
    write_bundle(&folder.path().join("tiny"), 1).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn train(folder: &Path, command: &str, more: &[&str]) -> Finished {
    let [data, tiny, out, work] = ["data", "tiny", "mine", command].map(|name| folder.join(name));
    let mut arguments = vec!["train", command, "--data", text(&data), "--from", text(&tiny)];
    arguments.extend(["--out", text(&out), "--work", text(&work), "--epochs", "1", "--batch", "8"]);
    arguments.extend(more);
    riveg(&arguments, b"")
}

#[test]
fn gate_grounder_and_segmenter_are_trained_into_one_bundle_and_serve_in_place_of_anothers() {
    let folder = beginning();
    let folder = folder.path();
    // Two files of expressions of every entity: each makes pairs of its own.
    let known = ["train", "dev"]
        .map(|split| fs::read_to_string(folder.join("data").join(split).join("lexicon.jsonl")).unwrap());
    let told = ["one.jsonl", "other.jsonl"].map(|name| folder.join(name));
    told.iter().for_each(|file| fs::write(file, known.concat()).unwrap());
    let told = told.each_ref().map(|file| text(file));
    let gate = train(folder, "gate", &["--expressions", told[0], "--expressions", told[1]]);
    assert_eq!(gate.code, Some(0), "{}", gate.stderr);
    assert!(gate.stdout.contains(": accuracy ") && gate.stdout.contains("training.svg"), "{}", gate.stdout);
    let grounder = train(folder, "grounder", &["--expressions", told[0]]);
    assert_eq!(grounder.code, Some(0), "{}", grounder.stderr);
    assert!(grounder.stdout.contains(": Prec@0.5 "), "{}", grounder.stdout);
    let segmenter = train(folder, "segmenter", &["--rate", "1e-3"]);
    assert_eq!(segmenter.code, Some(0), "{}", segmenter.stderr);
    assert!(segmenter.stdout.contains(": mIoU "), "{}", segmenter.stdout);

    let mine = folder.join("mine");
    let manifest: toml::Table = fs::read_to_string(mine.join("bundle.toml")).unwrap().parse().unwrap();
    let record = |stage: &str| manifest[stage]["training"].clone();
    let count = |stage: &str, key: &str| record(stage)[key][0].as_integer().unwrap();
    let lines = |file: &str| fs::read_to_string(folder.join(file)).unwrap().lines().count() as i64;
    assert_eq!(count("entail", "pairs"), lines("gate/ve-train.tsv"));
    assert_eq!(count("ground", "pairs"), lines("grounder/vg-train.tsv"));
    let world = World::new(1, Split::Train);
    let samples: Vec<_> = (0..8).map(|post| world.sample(post)).collect();
    let mentions: usize = samples.iter().map(|sample| sample.mentions.len()).sum();
    let shown = samples.iter().flat_map(|sample| &sample.mentions).map(|mention| mention.objects.len());
    assert_eq!(count("segment", "regions"), shown.sum::<usize>() as i64);
    assert_eq!(record("segment")["recipe"]["rates"]["network"].as_float(), Some(1e-3));
    assert_eq!((count("entail", "pairs"), count("entail", "posts")), (2 * mentions as i64, 8));
    assert_eq!(record("entail")["recipe"]["steps"]["epochs"].as_integer(), Some(1));
    assert_eq!(record("ground")["measure"].as_str(), Some("Prec@0.5"));
    let verified = riveg(&["bundle", "verify", text(&mine)], b"");
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    for stage in ["entail", "ground", "segment"] {
        assert!(verified.stdout.contains(stage), "{stage}: {}", verified.stdout);
    }

    let mut settings = vec!["annotate".to_owned()];
    for (key, bundle) in [("path", pocket_bundle()), ("entail", &mine), ("ground", &mine), ("segment", &mine)]
    {
        settings.extend(["--set".to_owned(), format!("bundle.{key}={}", bundle.display())]);
    }
    settings.push("-".to_owned());
    let post = World::new(1, Split::Test).sample(0).record();
    let answered = riveg(&settings.iter().map(String::as_str).collect::<Vec<_>>(), &post);
    assert_eq!(answered.code, Some(0), "{}", answered.stderr);
    let answer: Value = serde_json::from_str(&answered.stdout).unwrap();
    let entities = answer["entities"].as_array().unwrap();
    assert!(!entities.is_empty() && entities.iter().all(|entity| entity["gate"]["probability"].is_number()));
    assert_eq!(answer["provenance"]["degraded"].as_array().map(Vec::len), Some(0), "{answer}");
}

#[test]
fn what_cannot_be_trained_is_said_before_it_begins() {
    let folder = beginning();
    let folder = folder.path();
    let wrong = train(folder, "gate", &["--set", "steps.batches=3"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("unknown field `batches`"), "{}", wrong.stderr);
    let picture = fs::read_to_string(folder.join("data/dev/feed.jsonl")).unwrap();
    let [start, rest] = picture.split_once("\"bytes\":\"").map(|(start, rest)| [start, rest]).unwrap();
    fs::write(folder.join("data/dev/feed.jsonl"), format!("{start}\"bytes\":\"{}", &rest[400..])).unwrap();
    let damaged = train(folder, "gate", &[]);
    assert_eq!(damaged.code, Some(1));
    assert!(damaged.stderr.contains("gate/ve-dev.tsv`, line 1: "), "{}", damaged.stderr);
    assert!(!folder.join("mine").exists());
}
