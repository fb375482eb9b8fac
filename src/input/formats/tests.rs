//! All formats: one shape each, several posts in one record, and what the tests of single formats share.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::domain::{Rejection, RejectionClass};
use crate::input::config::{Config, test_config};

/// What a record says in a format.
pub(super) fn events_within(format: &str, json: &str, limits: &Config) -> Result<Vec<Event>, Rejection> {
    let mappings = BTreeMap::new();
    let settings = FeedSettings {
        mappings: &mappings,
        format,
        formats: &BTreeMap::new(),
        skip_unknown: false,
        bluesky_pictures: "https://pictures.example/{did}/{cid}",
    };
    let record = InputRecord { payload: json.to_owned().into(), ..InputRecord::default() };
    Feeds::new(&settings).read(&record, limits).map(|read| read.events)
}

pub(super) fn events(format: &str, json: &str) -> Vec<Event> {
    events_within(format, json, &test_config()).unwrap_or_else(|rejection| panic!("{json}: {rejection}"))
}

/// The posts of a record that says nothing else.
pub(super) fn posts(format: &str, json: &str) -> Vec<PostDraft> {
    let post = |event| match event {
        Event::Post(post) => *post,
        other => panic!("{other:?} is no post: {json}"),
    };
    events(format, json).into_iter().map(post).collect()
}

pub(super) fn post(format: &str, json: &str) -> PostDraft {
    let mut posts = posts(format, json);
    assert_eq!(posts.len(), 1, "{json}");
    posts.remove(0)
}

/// What the events of a record are, in words: their kind, and the id of a post or a deletion.
pub(super) fn told(format: &str, json: &str) -> Vec<String> {
    let words = |event| match event {
        Event::Post(post) => format!("post {}", post.id),
        Event::Deletion { id } => format!("deletion {id}"),
        Event::Ignored { kind } => format!("ignored {kind}"),
        Event::Unknown { what } => format!("unknown {what}"),
        Event::Faulty(rejection) => format!("faulty {rejection}"),
    };
    events(format, json).into_iter().map(words).collect()
}

pub(super) fn refusal(format: &str, json: &str) -> Rejection {
    events_within(format, json, &test_config()).unwrap_err()
}

/// A sample in the shape that the feed publishes; the fuzz targets begin with the same ones.
pub(super) fn sample(path: &str) -> String {
    std::fs::read_to_string(corpus().join(path)).unwrap()
}

/// A medium: key, declared type, URL or `-`, preview or `-`, alternative text or `-`.
pub(super) fn medium(medium: &MediaDraft) -> [String; 5] {
    let source = match &medium.source {
        MediaSource::Url(url) => url.clone(),
        MediaSource::Missing => "-".to_owned(),
        MediaSource::Inline(_) => "inline".to_owned(),
        MediaSource::Invalid(fault) => format!("{}: {}", fault.class, fault.message),
    };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    [
        medium.key.clone(),
        or_none(&medium.declared_type),
        source,
        or_none(&medium.preview_url),
        or_none(&medium.alt_text),
    ]
}

/// A field that the answer repeats, as JSON.
pub(super) fn json_of(value: &Option<crate::domain::RawJson>) -> Option<&str> {
    value.as_ref().map(crate::domain::RawJson::json)
}

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

#[test]
fn each_sample_has_the_shape_of_its_format_and_of_no_other() {
    let mut seen = 0;
    for (folder, name) in [
        ("record", "riveg"),
        ("x", "x"),
        ("jetstream", "jetstream"),
        ("mastodon", "mastodon"),
        ("activitypub", "activitypub"),
    ] {
        for entry in std::fs::read_dir(corpus().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            let Ok(json) = json::record_text(text.as_bytes()) else { continue };
            let value = json::JsonValue::of(&json);
            let shapes: Vec<&str> = FORMATS
                .iter()
                .filter(|format| (format.recognises)(value))
                .map(|format| format.name)
                .collect();
            // Some records of our own format lack what makes them posts; no other format may claim them.
            let is_harmed = folder == "record" && shapes.is_empty() || file.starts_with("harm-");
            assert!(shapes == [name] || is_harmed && shapes.len() <= 1, "{}: {shapes:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} samples");
}

#[test]
fn shapes_between_two_formats_are_one_of_them() {
    let cases = [
        (r#"{"id":"1","text":"x"}"#, Some("riveg")),
        (r#"{"id":"1","text":"x","author_id":"2","attachments":{"media_keys":["3_1"]}}"#, Some("riveg")),
        (r#"{"id":"1","text":"x","edit_history_tweet_ids":["1"]}"#, Some("x")),
        (r#"{"id":"1","text":"x","edit_history_tweet_ids":["1"],"media":[{"key":"a"}]}"#, Some("riveg")),
        (r#"{"id":1,"id_str":"1","text":"x","content":"y","account":{}}"#, None),
        (r#"{"data":{"id":"1","text":"x"},"specversion":"1.0","type":"a","source":"b","id":"c"}"#, None),
        (r#"{"type":"Note","id":"a","content":"x"}"#, None),
        (r#"{"type":"Note","id":"a","content":"x","attributedTo":"b"}"#, Some("activitypub")),
        (r#"{"type":"delete","id":"a"}"#, None),
        (r#"{"event":"update"}"#, None),
        (r#"{"delete":true}"#, None),
        (r#"{"warning":{"code":"FALLING_BEHIND"}}"#, Some("x")),
        (r#"{"warning":{"code":"FALLING_BEHIND"},"other":1}"#, None),
        (r#"{"errors":[{"message":"x"}]}"#, None),
        (r#"{"limit":{"bytes":7}}"#, None),
        ("[]", None),
        ("[[]]", None),
        ("7", None),
    ];
    for (json, expected) in cases {
        let value = json::JsonValue::of(json);
        let shapes: Vec<&str> =
            FORMATS.iter().filter(|format| (format.recognises)(value)).map(|format| format.name).collect();
        match expected {
            Some(name) => assert_eq!(shapes, [name], "{json}"),
            None => assert!(shapes.len() <= 1, "{json}: {shapes:?}"),
        }
    }
}

#[test]
fn blank_lines_are_keep_alives() {
    for line in ["\r\n", "\n", " "] {
        for format in [AUTO, "x", "riveg"] {
            assert_eq!(told(format, line), ["ignored keep_alive"]);
        }
    }
    assert_eq!(refusal(AUTO, "").class, RejectionClass::Malformed);
}

#[test]
fn one_record_has_at_most_five_hundred_posts_and_a_fault_of_one_leaves_the_others() {
    let list = |count: usize| {
        let posts: Vec<String> = (0..count).map(|id| format!(r#"{{"id":"{id}","text":"x"}}"#)).collect();
        format!(r#"{{"data":[{}]}}"#, posts.join(","))
    };
    assert_eq!(posts("x", &list(500)).len(), 500);
    let refusal = refusal("x", &list(501));
    assert_eq!(refusal.class, RejectionClass::TooLarge);
    assert_eq!(refusal.message, "`data` has more entries than the 500 one record may have");
    let mixed = r#"{"data":[{"id":"1","text":"x"},{"id":"2","text":7},{"id":"3","text":"z"}]}"#;
    let told = told("x", mixed);
    assert_eq!((told[0].as_str(), told[2].as_str()), ("post 1", "post 3"));
    assert!(told[1].contains("at `data[1].text`: found a number, expected a string"), "{}", told[1]);
    assert_eq!(super::tests::told("x", r#"{"data":[],"meta":{"result_count":0}}"#), ["ignored empty_list"]);
}
