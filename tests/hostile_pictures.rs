//! Hostile pictures: small files that decode slowly or to much memory do not affect other posts. Through the real binary.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Finished, post, riveg};

#[path = "pictures/hostile.rs"]
#[expect(dead_code, reason = "tests of the decoder make more of them")]
mod generated;

fn with_pictures(id: &str, pictures: &[Vec<u8>]) -> String {
    let media = pictures.iter().enumerate().map(|(number, picture)| {
        json!({ "key": format!("m{number}"), "type": "photo", "bytes": STANDARD.encode(picture) })
    });
    post(id, "Jordan Hale at the Blue Tower", &media.collect())
}

/// The outcome of each line, in order: the post's id, or class and message of its rejection.
fn lines(finished: &Finished) -> Vec<Result<String, (String, String)>> {
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let mut answers = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused = finished.refused();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = 1..=finished.stdout.lines().count() + refused.len();
    lines
        .map(|number| match refused.iter().find(|line| line["line"] == number) {
            None => Ok(text(&answers.next().unwrap()["post_id"])),
            Some(Value::Object(line)) => {
                Err((text(&line["error"]["class"]), text(&line["error"]["message"])))
            }
            Some(other) => panic!("{other}"),
        })
        .collect()
}

fn annotate(bundle: &tempfile::TempDir, sets: &[&str], posts: &[String]) -> Finished {
    let path = format!("bundle.path={}", bundle.path().display());
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let arguments: Vec<&str> = ["annotate", "-", "--set", &path].into_iter().chain(sets).collect();
    riveg(&arguments, posts.join("\n").as_bytes())
}

#[test]
fn pictures_of_few_bytes_that_take_long_are_refused_and_posts_between_them_are_answered() {
    let bundle = tempfile::tempdir().unwrap();
    crate::support::write_bundle(bundle.path(), 1).unwrap();
    // 50 megapixels each, except the last: three in 500 bytes, one in 19 kB, one with 99 scans.
    let tiny = with_pictures("tiny", &[0, 1, 2].map(|less| generated::blank_webp(16_383, 3051 - less)));
    assert!(tiny.len() < 700, "{} bytes", tiny.len());
    let hostile = [
        (tiny, "too-large", "decode.max_pixels_per_byte"),
        (
            with_pictures("gif", &[generated::blank_gif(10_000, 5000)]),
            "too-large",
            "decode.max_pixels_per_byte",
        ),
        (
            with_pictures("scans", &[generated::jpeg_of_scans(10_000, 5000, 99)]),
            "too-large",
            "99 scans, more than the 32 of decode.max_scans",
        ),
        // Its pixels would fit three times; its 16-bit buffer during decoding does not.
        (
            with_pictures("deep", &[generated::deep_png(8000, 6250)]),
            "too-large",
            "bytes while they are decoded, 150000000 of them for their pixels: more than the",
        ),
    ];
    let text = |number: usize| post(&format!("text {number}"), "Jordan Hale in Oslo", &Value::Null);
    let posts: Vec<String> = hostile
        .iter()
        .enumerate()
        .flat_map(|(number, (record, _, _))| [text(number), record.clone()])
        .chain([text(hostile.len())])
        .collect();
    let found = lines(&annotate(&bundle, &["decode.memory=450MB", "decode.degrade=dead-letter"], &posts));
    assert_eq!(found.len(), posts.len());
    for (number, found) in found.iter().enumerate() {
        if number % 2 == 0 {
            assert_eq!(found, &Ok(format!("text {}", number / 2)));
        } else {
            let (_, class, part) = &hostile[number / 2];
            let Err((found_class, message)) = found else { panic!("{found:?}") };
            assert!(found_class == class && message.contains(part), "{found_class}: {message}");
        }
    }
}

#[test]
fn a_picture_that_decodes_too_slowly_is_rejected_with_its_own_class() {
    let bundle = tempfile::tempdir().unwrap();
    crate::support::write_bundle(bundle.path(), 1).unwrap();
    // 12 megapixels in a microsecond.
    let slow = with_pictures("slow", &[generated::deep_png(4000, 3000)]);
    let posts = [slow, post("text", "Jordan Hale in Oslo", &Value::Null)];
    let sets = ["decode.picture_timeout=1us", "decode.degrade=dead-letter"];
    let found = lines(&annotate(&bundle, &sets, &posts));
    let Err((class, message)) = &found[0] else { panic!("{found:?}") };
    assert_eq!(class, "too-slow");
    assert!(message.contains("the 1us of decode.picture_timeout"), "{message}");
    assert_eq!(found[1], Ok("text".to_owned()));
}
