//! Command `riveg knowledge`: imports published annotations and indexes examples, through the real binary.

use std::fs;
use std::path::Path;

use crate::support::{write_bundle, write_stage};
use riveg::domain::Stage;
use riveg::lab::world::{Split, World};
use riveg::networks::bundle::Bundle;
use riveg::stages::knowledge::{Example, Examples, Index};

use crate::support::{Finished, riveg};

const EXAMPLES: u64 = 8;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Posts of the pocket world as examples, the last of them without a picture.
fn write_examples(folder: &Path) -> Vec<Example> {
    let world = World::new(3, Split::Train);
    let example = |number: u64| {
        let sample = world.sample(number);
        let picture = format!("{number}.jpg");
        fs::write(folder.join(&picture), &sample.picture.jpeg).unwrap();
        let names =
            sample.mentions.iter().map(|mention| format!("{} ({})", mention.text, mention.entity_type));
        Example {
            id: sample.id,
            text: sample.text,
            caption: String::new(),
            annotation: format!("Named entities: {}", names.collect::<Vec<_>>().join("; ")),
            picture: (number + 1 < EXAMPLES).then(|| picture.into()),
        }
    };
    let examples: Vec<Example> = (0..EXAMPLES).map(example).collect();
    Example::write(&examples, &folder.join("examples.jsonl")).unwrap();
    examples
}

fn write_encoder(folder: &Path, seed: u64) -> String {
    write_stage(folder, (Stage::Retrieve, "umt-base-resnet152"), seed, |_| ()).unwrap();
    Bundle::open(folder).unwrap().retrieve().unwrap().hash()
}

fn index(folder: &Path) -> Finished {
    let (examples, bundle) = (folder.join("examples.jsonl"), folder.join("bundle"));
    let asked = ["knowledge", "index", "--examples", text(&examples), "--bundle", text(&bundle)];
    riveg(&[&asked[..], &["--set", "device.threads=1"]].concat(), b"")
}

#[test]
fn vectors_are_stored_beside_the_examples_and_recomputed_when_encoder_or_examples_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut examples = write_examples(folder.path());
    let file = folder.path().join("examples.jsonl");
    let path = Index::path(&file);
    let read = |encoder: &str| Index::load(&path, encoder, &Examples::load(&file).unwrap().hash);

    let first = write_encoder(&folder.path().join("bundle"), 1);
    let finished = index(folder.path());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains(": written, 8 examples, encoder ") && finished.stdout.contains(&first));
    let made = read(&first).unwrap();
    let ids: Vec<&String> = examples.iter().map(|example| &example.id).collect();
    assert_eq!(made.ids().iter().collect::<Vec<_>>(), ids);
    // Five of the other seven examples, in order.
    let query = vec![1.0; 32];
    let near = made.nearest(&query, 5, Some(ids[2]));
    assert!(near.len() == 5 && near.iter().all(|near| near.row != 2), "{near:?}");
    assert!(near.is_sorted_by(|one, other| one.cosine > other.cosine), "no two posts are the same: {near:?}");

    let again = index(folder.path());
    assert!(again.stdout.contains(": up to date, 8 examples"), "{} {}", again.stdout, again.stderr);

    let second = write_encoder(&folder.path().join("bundle"), 2);
    assert!(read(&second).unwrap_err().to_string().contains(&first));
    let other = index(folder.path());
    assert!(other.stdout.contains(": written") && other.stdout.contains(&second), "{}", other.stderr);
    assert_ne!(read(&second).unwrap(), made);

    examples.pop();
    Example::write(&examples, &file).unwrap();
    assert!(read(&second).unwrap_err().can_be_rebuilt());
    assert!(index(folder.path()).stdout.contains(": written, 7 examples"));
    assert_eq!(read(&second).unwrap().ids().len(), 7);
}

#[test]
fn invalid_requests_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    write_examples(folder.path());
    let refused = |expected: &str| {
        let finished = index(folder.path());
        assert!(finished.code == Some(1) && finished.stderr.contains(expected), "{}", finished.stderr);
        assert!(!Index::path(&folder.path().join("examples.jsonl")).exists());
    };
    let bundle = folder.path().join("bundle");
    write_stage(&bundle, (Stage::Ground, "seqtr-refcoco"), 1, |_| ()).unwrap();
    refused("has no network for the stage `know`");
    write_encoder(&bundle, 1);
    fs::write(folder.path().join("3.jpg"), "no picture").unwrap();
    refused("3.jpg`, the picture of example `");
    fs::remove_file(folder.path().join("3.jpg")).unwrap();
    refused("failed to read `");
}

#[test]
fn published_annotations_become_examples() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let annotations = file("annotations.txt", "17\r\nNamed entities:1. Oslo (city)\r\n");
    let posts = file("posts.txt", "IMGID:17\nRain\tO\nin\tO\nOslo\tB-LOC\n\nIMGID:18\nunused\tO\n");
    let captions = file("captions.txt", "17.jpg :a wet street\n");
    file("17.jpg", "a picture");
    let out = folder.path().join("examples.jsonl");
    let import = |posts: &str| {
        let files = ["knowledge", "import", "--annotations", &annotations, "--posts", posts];
        let rest = ["--captions", &captions, "--pictures", text(folder.path()), "--out", text(&out)];
        riveg(&[&files[..], &rest].concat(), b"")
    };
    let missing = import(&captions);
    assert!(
        missing.code == Some(1) && missing.stderr.contains("captions.txt` has no tab"),
        "{}",
        missing.stderr
    );
    assert!(!out.exists());
    let finished = import(&posts);
    assert!(
        finished.stdout.starts_with("1 examples, 1 with captions, 1 with pictures, in "),
        "{}",
        finished.stderr
    );
    let [example] = &Examples::load(&out).unwrap().list[..] else { panic!("one was written") };
    assert_eq!([&example.text, &example.caption], ["Rain in Oslo", "a wet street"]);
    assert_eq!(example.annotation, "Named entities:1. Oslo (city)");
    assert_eq!(example.picture.as_deref(), Some(folder.path().join("17.jpg").as_path()));
}

#[test]
fn an_encoder_is_trained_into_a_bundle_that_then_verifies_and_a_second_training_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let (bundle, work) = (folder.path().join("bundle"), folder.path().join("work"));
    write_bundle(&bundle, 1).unwrap();
    let before = Bundle::open(&bundle).unwrap();
    let train = |steps: &str| {
        let files = ["train", "know", "--bundle", text(&bundle), "--work", text(&work)];
        let finished = riveg(&[&files[..], &["--steps", steps, "--threads", "1"]].concat(), b"");
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        Bundle::open(&bundle).unwrap()
    };
    let made = [train("2"), train("3")];
    for (bundle, steps) in made.iter().zip(["steps: 2", "steps: 3"]) {
        let manifest = bundle.manifest();
        assert!(manifest.made.ends_with(steps) && manifest.made.matches("train know").count() == 1);
        let know = bundle.retrieve().unwrap();
        assert_eq!(know.tokenizer, bundle.recognise().unwrap().tokenizer);
        assert!(!know.self_test.is_empty());
        assert_eq!(manifest.parts().len(), before.manifest().parts().len() + 1);
        assert_eq!(bundle.entail().unwrap().weights, before.entail().unwrap().weights);
    }
    assert_ne!(made[0].retrieve().unwrap().hash(), made[1].retrieve().unwrap().hash());
    assert!(fs::metadata(bundle.join("umt.safetensors")).unwrap().len() < 3_000_000);
    let verified = riveg(&["bundle", "verify", text(&bundle)], b"");
    assert!(verified.stdout.contains("know       ok"), "{} {}", verified.stdout, verified.stderr);
    write_examples(folder.path());
    let finished = index(folder.path());
    assert!(finished.stdout.contains(": written, 8 examples"), "{}", finished.stderr);
}
