//! Input records: every kind that is rejected, and unusual ones that are answered.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::gif::GifEncoder;
use image::{ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::{Value, json};

/// The folder of the files that the records name.
pub(crate) fn pictures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("picture.png"), encoded(ImageFormat::Png)).unwrap();
    folder
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(96, 64, |x, y| Rgb([(x * 2) as u8, (y * 3) as u8, (x * y) as u8]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn animated_gif() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for colour in [[0, 255, 0, 255], [255, 0, 0, 255]] {
        encoder.encode_frame(image::Frame::new(RgbaImage::from_pixel(40, 30, Rgba(colour)))).unwrap();
    }
    drop(encoder);
    bytes
}

/// A PNG of 1 MB whose header declares 30,000 x 30,000 pixels.
fn huge_png() -> Vec<u8> {
    let mut bytes = encoded(ImageFormat::Png);
    bytes[16..24].copy_from_slice(&[30_000_u32.to_be_bytes(), 30_000_u32.to_be_bytes()].concat());
    let crc = !bytes[12..29].iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes.resize(1 << 20, 0);
    bytes
}

pub(crate) fn post(id: &str, text: &str, media: &Value) -> String {
    json!({ "id": id, "text": text, "created_at": "2026-01-01T00:00:00Z", "media": media }).to_string()
}

fn picture(bytes: &[u8]) -> Value {
    json!([{ "key": "m1", "type": "photo", "bytes": STANDARD.encode(bytes) }])
}

/// Records that are rejected if broken pictures reject their posts: fault, record, error class, and text of the error.
pub(crate) fn refused_records() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let jpeg = encoded(ImageFormat::Jpeg);
    let outside = json!([{ "key": "m1", "type": "photo", "url": "file:///etc/passwd" }]);
    let remote = json!([{ "key": "m1", "type": "photo", "url": "http://example.org/a.jpg" }]);
    let own = json!([{ "key": "m1", "type": "photo", "url": "https://2130706433/a.jpg" }]);
    let record = |media: &Value| post("bad", "Jordan at the tower", media).into_bytes();
    vec![
        ("not JSON", b"hello there".to_vec(), "malformed", "not JSON: expected value at line 1 column 1"),
        ("not UTF-8", b"{\"id\":\"\xff\"}".to_vec(), "malformed", "not UTF-8: byte 7"),
        ("a number", b"17".to_vec(), "malformed", "found a number, expected an object"),
        (
            "a wrong type",
            br#"{"id":"bad","text":["x"]}"#.to_vec(),
            "malformed",
            "at `text`: found an array, expected a string",
        ),
        (
            "a wrong type deep down",
            br#"{"id":"bad","text":"x","media":[{"key":[3]}]}"#.to_vec(),
            "malformed",
            "at `media[0].key`",
        ),
        ("no id", br#"{"text":"x"}"#.to_vec(), "malformed", "missing field `id`"),
        (
            "a text beyond the limit",
            post("bad", &"x".repeat(200_000), &json!([])).into_bytes(),
            "too-large",
            "decode.max_text",
        ),
        (
            "broken base64",
            record(&json!([{ "key": "m1", "bytes": "####" }])),
            "malformed",
            "media `m1` has `bytes` that are not base64",
        ),
        (
            "a truncated JPEG",
            record(&picture(&jpeg[..jpeg.len() / 2])),
            "malformed",
            "media `m1` is a JPEG that was cut off",
        ),
        ("zero bytes", record(&picture(b"")), "malformed", "media `m1` has no bytes at all"),
        ("a huge PNG", record(&picture(&huge_png())), "too-large", "media `m1` is 30000 x 30000 pixels"),
        ("a file outside", record(&outside), "fetch-refused", "lies outside fetch.file_root"),
        ("an address of the open web", record(&remote), "fetch-refused", "`http` is not fetched"),
        ("an address of this machine", record(&own), "fetch-refused", "is not public (loopback)"),
    ]
}

/// Unusual records that are answered.
pub(crate) fn answered_records(pictures: &Path) -> Vec<String> {
    let from_file = json!([{ "key": "m1", "type": "photo", "url": format!("file://{}/picture.png", pictures.display()) }]);
    vec![
        post("plain", "Jordan Hale at the Blue Tower", &picture(&encoded(ImageFormat::Jpeg))),
        post("empty", "", &picture(&encoded(ImageFormat::Png))),
        post("long", &"Jordan Hale went to Oslo. ".repeat(4_000), &json!([])),
        post("emoji", "😀🎉👨‍👩‍👧🇳🇴", &picture(&encoded(ImageFormat::WebP))),
        post("no media", "Jordan", &Value::Null),
        post("animated", "Jordan in motion", &picture(&animated_gif())),
        post("from a file", "Jordan on file", &from_file),
        post("video", "Jordan on film", &json!([{ "key": "m1", "type": "video" }])),
        r#"{"id":"surrogates","text":"Jordan \ud83d alone \u0000 \u202eback","created_at":"now","unknown":{"a":[1]}}"#.to_owned(),
    ]
}
