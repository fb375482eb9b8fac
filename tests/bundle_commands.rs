//! Commands `riveg bundle` (list, verify, new) and `riveg bench`, through the real binary.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Finished, riveg};

fn untrained() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    crate::support::write_bundle(folder.path(), 1).unwrap();
    folder
}

fn done(arguments: &[&str]) -> Finished {
    let finished = riveg(arguments, b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_bundle_is_listed_verified_and_measured() {
    let folder = untrained();
    let listed = done(&["bundle", "list", text(folder.path())]).stdout;
    for stage in ["recognise  xlm-roberta-crf", "entail     ofa", "ground     ofa", "segment    sam"] {
        assert!(listed.contains(stage), "{stage} is not in\n{listed}");
    }
    let verified = done(&["bundle", "verify", text(folder.path())]).stdout;
    assert_eq!(verified.matches(" ok ").count(), 5, "{verified}");
    let bench = ["bench", "models", "--bundle", text(folder.path()), "--spend", "1ms", "--batch", "2"];
    let measured = done(&bench).stdout;
    assert_eq!(measured.lines().count(), 6, "{measured}");
    for stage in ["recognise", "entail", "ground", "segment"] {
        let line = measured.lines().find(|line| line.starts_with(stage)).unwrap();
        assert!(line.contains(" f32 ") && !line.contains("not run"), "{measured}");
    }
}

#[test]
fn a_bundle_of_seqtr_alone_is_listed_verified_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let stage = (riveg::domain::Stage::Ground, "seqtr-refcoco-contour");
    crate::support::write_stage(folder.path(), stage, 1, |_| ()).unwrap();
    let listed = done(&["bundle", "list", text(folder.path())]).stdout;
    assert!(listed.contains("ground     seqtr"), "{listed}");
    let verified = done(&["bundle", "verify", text(folder.path())]).stdout;
    assert_eq!(verified.matches(" ok ").count(), 2, "{verified}");
    let bench = ["bench", "models", "--bundle", text(folder.path()), "--spend", "1ms", "--batch", "2"];
    assert!(done(&bench).stdout.contains("ground     seqtr"));
}

#[test]
fn a_stage_of_published_size_is_a_bundle_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let new = |preset| {
        let out = folder.path().join("new");
        let stage = ["bundle", "new", "--stage", "ground", "--preset", preset, "--random-weights", "7"];
        riveg(&[&stage[..], &["--out", text(&out)]].concat(), b"")
    };
    let unknown = new("albef-base");
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains("no preset is called `albef-base`; there are `ofa-tiny`"),
        "{}",
        unknown.stderr
    );
    assert_eq!(new("seqtr-refcoco").code, Some(0));
    let listed = done(&["bundle", "list", text(&folder.path().join("new"))]).stdout;
    assert!(listed.contains("seqtr-refcoco") && !listed.contains("recognise"), "{listed}");
}

#[test]
fn a_network_with_different_answers_fails_verification() {
    let folder = untrained();
    let file = folder.path().join("bundle.toml");
    let manifest = std::fs::read_to_string(&file).unwrap();
    let mut manifest: toml::Table = manifest.parse().unwrap();
    let recorded = manifest["entail"]["self_test"].as_array_mut().unwrap();
    recorded[0] = toml::Value::Float(0.9);
    std::fs::write(&file, manifest.to_string()).unwrap();
    let finished = riveg(&["bundle", "verify", text(folder.path())], b"");
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.contains("entail     FAILED"), "{}", finished.stdout);
    assert!(finished.stderr.contains("1 of 4 networks failed"), "{}", finished.stderr);
}

#[test]
fn a_new_bundle_has_published_sizes_and_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let new =
        ["bundle", "new", "--preset", "riveg-large", "--random-weights", "7", "--out", text(folder.path())];
    done(&new);
    let listed = done(&["bundle", "list", text(folder.path())]).stdout;
    for part in ["xlm-roberta-large", "ofa-large", "sam-vit-h", "469842432", "641090608", "the seed 7"] {
        assert!(listed.contains(part), "{part} is not in\n{listed}");
    }
    let again = riveg(&new, b"");
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("there is a bundle in"), "{}", again.stderr);
}

#[test]
fn a_vocabulary_that_makes_texts_grow_without_end_is_refused_by_verify_and_at_opening() {
    let folder = untrained();
    let (vocabulary, manifest) =
        (folder.path().join("tagger.tokenizer.json"), folder.path().join("bundle.toml"));
    let original = std::fs::read_to_string(&vocabulary).unwrap();
    let double = |letter: &str| json!({ "type": "Replace", "pattern": { "String": letter }, "content": letter.repeat(2) });
    let mut hostile: Value = serde_json::from_str(&original).unwrap();
    hostile["normalizer"] = json!({ "type": "Sequence", "normalizers": vec![double("a"); 8] });
    let hostile = hostile.to_string();
    std::fs::write(&vocabulary, &hostile).unwrap();
    // The manifest lists the altered file, as its author would.
    let hash = |text: &str| format!("{:x}", Sha256::digest(text));
    let listed = std::fs::read_to_string(&manifest).unwrap();
    assert!(listed.contains(&hash(&original)));
    std::fs::write(&manifest, listed.replace(&hash(&original), &hash(&hostile))).unwrap();

    let why = "its `normalizer` replaces 1 characters by 2, which makes texts longer";
    let verified = riveg(&["bundle", "verify", text(folder.path())], b"");
    assert_eq!(verified.code, Some(1), "{}", verified.stderr);
    assert!(
        verified.stdout.contains("recognise  FAILED") && verified.stdout.contains(why),
        "{}",
        verified.stdout
    );
    let set = format!("bundle.path={}", folder.path().display());
    let opened = riveg(&["annotate", "-", "--set", &set], b"");
    assert_eq!(opened.code, Some(1), "{}", opened.stderr);
    assert!(opened.stderr.contains(why), "{}", opened.stderr);
}
