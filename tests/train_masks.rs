//! `riveg train segmenter` through the real binary, on COCO's files: what it prints and refuses, and its bundle at work.

use std::fs;

use riveg::lab::dataset::{Form, read, write};
use riveg::lab::world::{Split, World};
use serde_json::Value;

use crate::support::{pocket_bundle, riveg};
use crate::train_pairs::{beginning, text, train};

#[test]
fn a_segmenter_is_trained_on_coco_and_serves_in_place_of_anothers() {
    let folder = beginning();
    let folder = folder.path();
    let drawn = folder.join("drawn");
    fs::rename(folder.join("data"), &drawn).unwrap();
    for split in ["train", "dev"] {
        let examples = read(&drawn, split).unwrap();
        write(&examples, Form::Coco, split, &folder.join("data").join(split)).unwrap();
    }
    let wrong = train(folder, "segmenter", &["--set", "loss.focus=3"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("unknown field `focus`"), "{}", wrong.stderr);

    let trained = train(folder, "segmenter", &["--rate", "1e-3"]);
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    assert!(
        trained.stdout.contains(": mIoU ") && trained.stdout.contains("training.svg"),
        "{}",
        trained.stdout
    );
    let mine = folder.join("mine");
    let manifest: toml::Table = fs::read_to_string(mine.join("bundle.toml")).unwrap().parse().unwrap();
    let record = &manifest["segment"]["training"];
    assert_eq!(record["measure"].as_str(), Some("mIoU"));
    assert_eq!(record["recipe"]["rates"]["network"].as_float(), Some(1e-3));
    let kept = folder.join("segmenter/pictures");
    assert!(!kept.exists(), "pictures in files stay where they are");
    let steps = fs::read_to_string(folder.join("segmenter/metrics.jsonl")).unwrap();
    assert!(steps.lines().count() > 1, "{steps}");

    let mut settings = vec!["annotate".to_owned()];
    for (key, bundle) in [("path", pocket_bundle()), ("segment", &mine)] {
        settings.extend(["--set".to_owned(), format!("bundle.{key}={}", bundle.display())]);
    }
    settings.push("-".to_owned());
    let post = World::new(1, Split::Test).sample(0).record();
    let answered = riveg(&settings.iter().map(String::as_str).collect::<Vec<_>>(), &post);
    assert_eq!(answered.code, Some(0), "{}", answered.stderr);
    let answer: Value = serde_json::from_str(&answered.stdout).unwrap();
    let regions = answer["entities"].as_array().unwrap().iter();
    let scores: Vec<f64> = regions
        .flat_map(|entity| entity["regions"].as_array().unwrap())
        .filter_map(|region| region["mask_score"].as_f64())
        .collect();
    assert!(!scores.is_empty(), "{answer}");
    let verified = riveg(&["bundle", "verify", text(&mine)], b"");
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
}
