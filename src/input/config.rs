//! Settings of decoding: the section `decode`. `config/default.toml` holds their values and reasons.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::input::fetch::Degrade;

/// The section `decode` of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The longest record, in bytes.
    pub max_record: ByteSize,
    /// The longest text, in bytes of UTF-8.
    pub max_text: ByteSize,
    /// The most pictures of one post.
    pub max_media: usize,
    /// The longest encoded picture, in bytes.
    pub max_picture: ByteSize,
    /// The longest side of a picture, in pixels.
    pub max_side: u32,
    /// The largest picture, in pixels.
    pub max_pixels: u64,
    /// The most pixels that a byte of an encoded picture may stand for.
    pub max_pixels_per_byte: u64,
    /// Pixels that every picture may have, however few its bytes.
    pub free_pixels: u64,
    /// The most scans of a JPEG.
    pub max_scans: u32,
    /// JPEGs are decoded at a half, a quarter or an eighth of their size while each side keeps so many pixels; 0: whole.
    pub reduced_side: u32,
    /// How long decoding one picture may take.
    #[serde(with = "humantime_serde")]
    pub picture_timeout: Duration,
    /// Memory of all posts in flight for decoded pictures and those being decoded, in bytes.
    pub memory: ByteSize,
    /// Decoded pictures kept for reposts, in bytes.
    pub cache: ByteSize,
    /// Threads that decode pictures at one time, and as many that read records.
    pub threads: usize,
    /// Whether a post with a picture that is damaged or beyond a limit is published without it.
    pub degrade: Degrade,
    /// Whether HTML escapes in texts are undone before networks read them.
    pub unescape: bool,
}

/// The most pictures that `max_media` may allow.
const MAX_MEDIA: usize = 1000;

/// Bytes a pixel of a progressive JPEG of full chroma while it is decoded: its coefficients and its frame.
const MAX_BYTES_PER_PIXEL: u64 = 9;

impl Config {
    /// Settings out of range: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.max_record.as_u64() == 0 {
            faults.push(("max_record", "must be at least 1 byte".to_owned()));
        }
        if self.max_media > MAX_MEDIA {
            faults.push(("max_media", format!("is {}; it must be at most {MAX_MEDIA}", self.max_media)));
        }
        if self.max_picture.as_u64() == 0 {
            faults.push(("max_picture", "must be at least 1 byte".to_owned()));
        }
        if !(1..=65_535).contains(&self.max_side) {
            faults.push((
                "max_side",
                format!("is {}; it must be from 1 to 65535, the most that JPEG can say", self.max_side),
            ));
        }
        if self.max_pixels == 0 {
            faults.push(("max_pixels", "must be at least 1".to_owned()));
        }
        for (key, number) in
            [("max_pixels_per_byte", self.max_pixels_per_byte), ("max_scans", u64::from(self.max_scans))]
        {
            if number == 0 {
                faults.push((key, "must be at least 1".to_owned()));
            }
        }
        if self.picture_timeout.is_zero() {
            faults.push(("picture_timeout", "must be longer than nothing".to_owned()));
        }
        let needed = MAX_BYTES_PER_PIXEL.saturating_mul(self.max_pixels);
        if self.memory.as_u64() < needed {
            let needed = ByteSize(needed);
            faults.push((
                "memory",
                format!("is {}; one picture of max_pixels takes {needed} while it is decoded", self.memory),
            ));
        }
        if !(1..=1024).contains(&self.threads) {
            faults.push(("threads", format!("is {}; it must be from 1 to 1024", self.threads)));
        }
        faults
    }
}

#[cfg(test)]
pub(crate) fn test_config() -> Config {
    Config {
        max_record: ByteSize::mib(8),
        max_text: ByteSize::kib(128),
        max_media: 8,
        max_picture: ByteSize::mib(5),
        max_side: 16_384,
        max_pixels: 25_000_000,
        max_pixels_per_byte: 1032,
        free_pixels: 2_100_000,
        max_scans: 32,
        reduced_side: 0,
        picture_timeout: Duration::from_secs(60),
        memory: ByteSize::mib(256),
        cache: ByteSize::mib(64),
        threads: 2,
        degrade: Degrade::PublishWithout,
        unescape: true,
    }
}
