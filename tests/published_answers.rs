//! Published answers replayed instead of asking a model: expansions of a post, captions of its pictures, and damaged lines.
//! Through the real binary with the shipped bundle.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Finished, pocket_bundle, riveg};

/// Annotates a post that names Ava Rydson, under two ids.
fn annotated(folder: &Path, settings: &[String]) -> Finished {
    let posts = folder.join("posts.jsonl");
    let post = |id: &str| json!({"id": id, "text": "Ava Rydson Trains With Shego Inc"}).to_string();
    fs::write(&posts, ["7", "8"].map(post).join("\n")).unwrap();
    let bundle = format!("bundle.path={}", pocket_bundle().display());
    let mut line = vec!["annotate", posts.to_str().unwrap(), "--set", &bundle];
    line.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    riveg(&line, b"")
}

/// What the answers say that a picture of her shows, with the source, in the order of the posts.
fn expansions(finished: &Finished) -> Vec<Value> {
    let answers = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_ava = |answer: Value| {
        let entities = answer["entities"].as_array().unwrap();
        let ava = entities.iter().find(|entity| entity["text"] == "Ava Rydson").unwrap();
        ava["expansion"].clone()
    };
    answers.map(of_ava).collect()
}

#[test]
fn expansions_of_a_post_are_those_of_its_file_and_others_come_from_the_next_source() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("told.txt");
    fs::write(&file, "Imageid:7.jpg###Ava Rydson(PER)###a singer on a stage\n").unwrap();
    let files = format!("expand.files=[{}]", toml::Value::from(file.to_str().unwrap()));
    let sources = "expand.sources=[\"file\", \"lexicon\"]".to_owned();
    let finished = annotated(folder.path(), &[files.clone(), sources.clone()]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let [first, second] = expansions(&finished).try_into().unwrap();
    assert_eq!(first, json!({"text": "a singer on a stage", "source": "file"}));
    assert_eq!(second["source"], "lexicon", "the file says nothing of post 8");

    fs::write(&file, "Imageid:7.jpg###Ava Rydson(PER)###a singer\nAva Rydson###a singer\n").unwrap();
    let refused = annotated(folder.path(), &[files, sources]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("line 2 of the answers"), "{}", refused.stderr);
}

#[test]
fn captions_of_a_file_are_read_at_the_start_and_need_no_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("captions.txt");
    let settings = [format!("describe.gate=[\"file:{}\", \"alt-text\"]", file.display())];
    fs::write(&file, "7.jpg :a stage\n").unwrap();
    let finished = annotated(folder.path(), &settings);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    fs::write(&file, "7.jpg :a stage\n8 a stage\n").unwrap();
    let refused = annotated(folder.path(), &settings);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("line 2 of the answers"), "{}", refused.stderr);
}
