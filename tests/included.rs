//! Included fields: an answer repeats the fields of its post that the settings name, and gives size and orientation of its
//! pictures. Through the real binary.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use crate::support::{pictures, post, riveg};

#[test]
fn an_answer_repeats_the_fields_of_its_post_that_the_settings_name() {
    let (bundle, pictures) = (tempfile::tempdir().unwrap(), pictures());
    crate::support::write_bundle(bundle.path(), 1).unwrap();
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

/// A JPEG of 96 x 64 with an EXIF orientation.
fn jpeg(orientation: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_fn(96, 64, |x, y| image::Rgb([x as u8, y as u8, 90]))
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    let bytes = bytes.into_inner();
    let mut exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    [&bytes[..2], &exif, &bytes[2..]].concat()
}

#[test]
fn an_answer_has_the_size_of_the_upright_picture_and_the_orientation_of_the_stored_one() {
    let bundle = tempfile::tempdir().unwrap();
    crate::support::write_bundle(bundle.path(), 1).unwrap();
    let media: Vec<Value> = [1, 3, 6]
        .map(|orientation| {
            let key = format!("m{orientation}");
            json!({ "key": key, "type": "photo", "bytes": STANDARD.encode(jpeg(orientation)) })
        })
        .to_vec();
    let path = format!("bundle.path={}", bundle.path().display());
    let record = post("1", "Jordan Hale at the Blue Tower", &json!(media));
    let finished = riveg(&["annotate", "-", "--set", &path], record.as_bytes());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    let media_of_answer: Vec<_> = answer["media"].as_array().unwrap().iter().collect();
    let size = |media: &Value| (media["width"].as_u64().unwrap(), media["height"].as_u64().unwrap());
    assert_eq!(
        media_of_answer.iter().map(|media| size(media)).collect::<Vec<_>>(),
        [(96, 64), (96, 64), (64, 96)]
    );
    let orientations: Vec<Option<&Value>> =
        media_of_answer.iter().map(|media| media.get("orientation")).collect();
    assert_eq!(orientations, [None, Some(&json!(3)), Some(&json!(6))]);
    // A mask has the size that the answer gives.
    for region in answer["entities"].as_array().unwrap().iter().flat_map(|e| e["regions"].as_array().unwrap())
    {
        let whose = media_of_answer.iter().find(|media| media["key"] == region["media_key"]).unwrap();
        assert_eq!(region["mask"]["size"], json!([whose["height"], whose["width"]]), "rows first");
    }
}
