//! Test set-up: a tiny bundle without the networks that a vision model replaces, posts with JPEGs, and the binary.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, Rgb, RgbImage};
use riveg::lab::world::{Split, World};
use serde_json::{Value, json};

use crate::support::llm::{Asked, LlmServer, Reply};
use crate::support::{riveg, write_bundle};

/// Of many seeds this one makes a tagger that finds something in most texts.
const SEED: u64 = 8;

/// A bundle from which these stages are removed, manifest and weights.
pub(super) fn bundle_without(stages: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), SEED).unwrap();
    let file = folder.path().join("bundle.toml");
    let mut manifest: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
    for stage in stages {
        manifest.remove(*stage).unwrap();
        fs::remove_file(folder.path().join(format!("{stage}.safetensors"))).unwrap();
    }
    // Random weights may draw a mask without a pixel, which is left out of an answer: here every pixel is in it.
    if let Some(segment) = manifest.get_mut("segment") {
        segment["network"]["mask_threshold"] = (-1e6).into();
    }
    fs::write(file, manifest.to_string()).unwrap();
    folder
}

/// A server that records its requests, and the record.
pub(super) fn listening(
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (LlmServer, Arc<Mutex<Vec<Asked>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    let server = LlmServer::start(move |asked| {
        kept.lock().unwrap().push(asked.clone());
        answer(asked)
    });
    (server, heard)
}

/// The text between the data tags of a question.
pub(super) fn data(asked: &Asked) -> &str {
    // The system message names the tags too.
    let (_, after) = asked.text.rsplit_once("<data>").expect("a question has data");
    after.split_once("</data>").expect("the data ends").0
}

/// Width and height of the picture of a question.
pub(super) fn sent_size(asked: &Asked) -> (u32, u32) {
    let [(media_type, bytes)] = &asked.pictures[..] else { panic!("{} pictures", asked.pictures.len()) };
    assert_eq!(media_type, "image/jpeg");
    let picture = image::load_from_memory(bytes).unwrap();
    (picture.width(), picture.height())
}

/// A JPEG of this size, whose content depends on the size.
pub(super) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([(x / 3) as u8, (y / 2) as u8, width as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// A post with these pictures, the first with the key `m0`.
pub(super) fn post(id: &str, text: &str, jpegs: &[Vec<u8>]) -> Value {
    let media = jpegs.iter().enumerate().map(|(index, bytes)| {
        json!({"key": format!("m{index}"), "type": "photo", "bytes": STANDARD.encode(bytes)})
    });
    json!({"id": id, "text": text, "media": media.collect::<Vec<_>>()})
}

/// A text in which the tiny tagger finds entities.
pub(super) fn text() -> String {
    World::new(1, Split::Train).sample(2).text
}

/// The settings of a model `big` at this URL, without disk cache.
pub(super) fn settings(url: &str, more: &[&str]) -> Vec<String> {
    let mut sets: Vec<String> = [("url", url), ("model", "vl-7b"), ("retries", "0")]
        .map(|(key, value)| format!("llm.big.{key}={value}"))
        .to_vec();
    sets.extend(["answers.disk_path=none", "expand.sources=[]"].map(str::to_owned));
    sets.extend(more.iter().map(|&set| set.to_owned()));
    sets
}

/// What `riveg annotate` gave.
pub(super) struct Annotated {
    /// By the post's id.
    pub(super) posts: BTreeMap<String, Value>,
    /// The log.
    pub(super) log: String,
    /// Refused lines.
    pub(super) refused: Vec<Value>,
}

/// Runs `riveg annotate` on these posts, one after another.
pub(super) fn annotate(bundle: &tempfile::TempDir, sets: &[String], posts: &[Value]) -> Annotated {
    let path = format!("bundle.path={}", bundle.path().display());
    // One post at a time: what the first asks, the second finds.
    let mut arguments = vec!["annotate", "-", "--set", &path, "--set", "engine.posts_in_flight=1"];
    arguments.extend(sets.iter().flat_map(|set| ["--set", set.as_str()]));
    let lines: String = posts.iter().map(|post| format!("{post}\n")).collect();
    let finished = riveg(&arguments, lines.as_bytes());
    let refused = finished.refused();
    let expected = if refused.is_empty() { 0 } else { 3 };
    assert_eq!(finished.code, Some(expected), "{}", finished.stderr);
    let answers = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let posts = answers.map(|answer| (answer["post_id"].as_str().unwrap().to_owned(), answer)).collect();
    Annotated { posts, log: finished.stderr, refused }
}

/// The entities of an annotation; there are some.
pub(super) fn entities(annotation: &Value) -> &[Value] {
    let entities = annotation["entities"].as_array().unwrap();
    assert!(!entities.is_empty(), "nothing to compare");
    entities
}

/// The notes on what is missing.
pub(super) fn degraded(annotation: &Value) -> Vec<&str> {
    let notes = annotation["provenance"]["degraded"].as_array().unwrap();
    notes.iter().map(|note| note.as_str().unwrap()).collect()
}
