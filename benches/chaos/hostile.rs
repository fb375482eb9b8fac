//! Which posts are made to harm whoever reads them? One of each kind that has taken down or stopped an engine once.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;
use rdkafka::message::{Header, OwnedHeaders};
use serde_json::{Value, json};

use super::check::Fate;
use super::feed::{Record, id};

#[path = "../../tests/pictures/hostile.rs"]
#[expect(dead_code, reason = "tests of the decoder make more of them")]
mod pictures;

/// A kind, as its records are made.
type Kind = fn(usize, &mut ChaCha8Rng) -> Record;

const KINDS: [Kind; 8] =
    [huge_key, huge_header, deletion, long_text, blank_pictures, blank_gif, many_scans, closed_addresses];

/// A record of a kind that chance chooses.
pub(crate) fn record(number: usize, chance: &mut ChaCha8Rng) -> Record {
    KINDS[chance.random_range(0..KINDS.len())](number, chance)
}

/// A key that takes nearly all that the topic of dead letters allows a record.
fn huge_key(number: usize, chance: &mut ChaCha8Rng) -> Record {
    let mut record = Record::new(number, "x".to_owned(), Fate::SetAside("malformed"));
    record.key = random(1_048_300, chance);
    record
}

/// Headers that no topic of answers takes.
fn huge_header(number: usize, chance: &mut ChaCha8Rng) -> Record {
    let mut record = Record::new(number, "x".to_owned(), Fate::SetAside("malformed"));
    let value = random(3_000_000, chance);
    record.headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some(&value) });
    record
}

fn deletion(number: usize, _: &mut ChaCha8Rng) -> Record {
    Record { value: None, ..Record::new(number, String::new(), Fate::Deleted) }
}

/// 105 kB of text that names hundreds.
fn long_text(number: usize, _: &mut ChaCha8Rng) -> Record {
    post(number, &"Ada Lovelace of London met ".repeat(3_900), &json!([]), Fate::Annotated)
}

/// Pictures of 50 megapixels in 40 bytes each.
fn blank_pictures(number: usize, _: &mut ChaCha8Rng) -> Record {
    with_pictures(number, &[0, 1, 2].map(|less| pictures::blank_webp(16_383, 3051 - less)))
}

/// One of 50 megapixels in some kilobytes.
fn blank_gif(number: usize, _: &mut ChaCha8Rng) -> Record {
    with_pictures(number, &[pictures::blank_gif(10_000, 5000)])
}

/// One that is gone over 99 times.
fn many_scans(number: usize, _: &mut ChaCha8Rng) -> Record {
    with_pictures(number, &[pictures::progressive_jpeg(10_000, 5000, &[0x11; 3], 99)])
}

fn with_pictures(number: usize, pictures: &[Vec<u8>]) -> Record {
    let media = (0_i32..)
        .zip(pictures)
        .map(|(key, bytes)| json!({"key": key.to_string(), "bytes": BASE64_STANDARD.encode(bytes)}));
    // Answered without them: one bad picture costs no post.
    post(number, "", &media.collect(), Fate::Annotated)
}

/// As many addresses as a post may have, of a host that must not be asked.
fn closed_addresses(number: usize, _: &mut ChaCha8Rng) -> Record {
    let media =
        (0..16).map(|key| json!({"key": key.to_string(), "url": format!("https://10.0.0.1/{key}.jpg")}));
    post(number, "", &media.collect(), Fate::SetAside("fetch-refused"))
}

fn post(number: usize, text: &str, media: &Value, fate: Fate) -> Record {
    Record::new(number, json!({"id": id(number), "text": text, "media": media}).to_string(), fate)
}

fn random(bytes: usize, chance: &mut ChaCha8Rng) -> Vec<u8> {
    let mut random = vec![0; bytes];
    chance.fill_bytes(&mut random);
    random
}
