//! An answer repeats of its post what the settings name, and nothing unless they do. Through the real binary.

use serde_json::{Value, json};

use crate::support::{pictures, riveg};

#[path = "mixed_feed.rs"]
mod mixed_feed;

#[test]
fn an_answer_repeats_the_fields_of_its_post_that_the_settings_name() {
    let (bundle, pictures) = (tempfile::tempdir().unwrap(), pictures());
    ::riveg::runtime::untrained::write_bundle(bundle.path(), 1).unwrap();
    let url = format!("file://{}/picture.png", pictures.path().display());
    let post = json!({
        "id": "17", "text": "Kessa Varn opened the bridge", "created_at": "2026-11-21T09:00:00Z", "author": "kessa",
        "media": [{ "key": "m1", "type": "photo", "url": url }],
    });
    let sets = [
        format!("bundle.path={}", bundle.path().display()),
        format!("fetch.file_root={}", pictures.path().display()),
    ];
    let answer = |more: &[&str]| -> Value {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let arguments: Vec<&str> =
            ["annotate", "-"].into_iter().chain(sets).chain(more.iter().copied()).collect();
        let finished = riveg(&arguments, post.to_string().as_bytes());
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        serde_json::from_str(&finished.stdout).unwrap()
    };
    let all = r#"publish.include=["created_at", "lang", "author", "text", "media"]"#;
    let repeats = answer(&["--set", all]);
    for field in ["created_at", "author", "text"] {
        assert_eq!(repeats[field], post[field], "{field}");
    }
    assert_eq!(repeats.get("lang"), None, "the post does not say it");
    assert_eq!(repeats["media"][0]["url"], post["media"][0]["url"]);
    let plain = answer(&[]);
    for field in ["created_at", "lang", "author", "text"] {
        assert_eq!(plain.get(field), None, "{field}");
    }
    assert_eq!(plain["media"][0].get("url"), None);
}
