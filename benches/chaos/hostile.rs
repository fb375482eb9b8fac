//! Hostile posts: one generator per kind that once crashed or blocked an engine.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;
use rdkafka::message::{Header, OwnedHeaders};
use serde_json::{Value, json};

use super::check::Expected;
use super::feed::{Record, id};

#[path = "../../tests/pictures/hostile.rs"]
#[expect(dead_code, reason = "tests of the decoder make more of them")]
mod pictures;

/// Generates a record of one kind.
type MakeRecord = fn(usize, &mut ChaCha8Rng) -> Record;

const KINDS: [MakeRecord; 8] =
    [huge_key, huge_header, deletion, long_text, blank_pictures, blank_gif, many_scans, closed_addresses];

/// A record of a random kind.
pub(crate) fn record(number: usize, rng: &mut ChaCha8Rng) -> Record {
    KINDS[rng.random_range(0..KINDS.len())](number, rng)
}

/// A key that nearly fills the maximum record size of the dead-letter topic.
fn huge_key(number: usize, rng: &mut ChaCha8Rng) -> Record {
    let mut record = Record::new(number, "x".to_owned(), Expected::DeadLetter("malformed"));
    record.key = random(1_048_300, rng);
    record
}

/// Headers that exceed the maximum record size of the topics of answers.
fn huge_header(number: usize, rng: &mut ChaCha8Rng) -> Record {
    let mut record = Record::new(number, "x".to_owned(), Expected::DeadLetter("malformed"));
    let value = random(3_000_000, rng);
    record.headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some(&value) });
    record
}

fn deletion(number: usize, _: &mut ChaCha8Rng) -> Record {
    Record { value: None, ..Record::new(number, String::new(), Expected::Deleted) }
}

/// A text of 105 kB with thousands of entities.
fn long_text(number: usize, _: &mut ChaCha8Rng) -> Record {
    post(number, &"Ada Lovelace of London met ".repeat(3_900), &json!([]), Expected::Annotated)
}

/// Pictures of 50 megapixels in 40 bytes each.
fn blank_pictures(number: usize, _: &mut ChaCha8Rng) -> Record {
    with_pictures(number, &[0, 1, 2].map(|less| pictures::blank_webp(16_383, 3051 - less)))
}

/// A GIF of 50 megapixels in a few kilobytes.
fn blank_gif(number: usize, _: &mut ChaCha8Rng) -> Record {
    with_pictures(number, &[pictures::blank_gif(10_000, 5000)])
}

/// A progressive JPEG with 99 scans.
fn many_scans(number: usize, _: &mut ChaCha8Rng) -> Record {
    with_pictures(number, &[pictures::progressive_jpeg(10_000, 5000, &[0x11; 3], 99)])
}

fn with_pictures(number: usize, pictures: &[Vec<u8>]) -> Record {
    let media = (0_i32..)
        .zip(pictures)
        .map(|(key, bytes)| json!({"key": key.to_string(), "bytes": BASE64_STANDARD.encode(bytes)}));
    // Annotated without them: a bad picture does not reject its post.
    post(number, "", &media.collect(), Expected::Annotated)
}

/// The maximum number of URLs of a post, all on a host that must not be contacted.
fn closed_addresses(number: usize, _: &mut ChaCha8Rng) -> Record {
    let media =
        (0..16).map(|key| json!({"key": key.to_string(), "url": format!("https://10.0.0.1/{key}.jpg")}));
    post(number, "", &media.collect(), Expected::DeadLetter("fetch-refused"))
}

fn post(number: usize, text: &str, media: &Value, expected: Expected) -> Record {
    Record::new(number, json!({"id": id(number), "text": text, "media": media}).to_string(), expected)
}

fn random(bytes: usize, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut random = vec![0; bytes];
    rng.fill_bytes(&mut random);
    random
}
