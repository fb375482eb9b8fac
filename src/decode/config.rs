//! How large may a post be? The limits of decoding; `config/default.toml` holds their values and reasons.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::wire::MOST_MEDIA;

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
    /// Decoded pictures that the posts in flight may hold together, in bytes.
    pub memory: ByteSize,
    /// Decoded pictures kept for reposts, in bytes.
    pub cache: ByteSize,
    /// Threads that decode at one time.
    pub threads: usize,
}

impl Config {
    /// What is out of range: the key within the section, and the bound it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.max_record.as_u64() == 0 {
            faults.push(("max_record", "must be at least 1 byte".to_owned()));
        }
        if self.max_media > MOST_MEDIA {
            faults.push(("max_media", format!("is {}; it must be at most {MOST_MEDIA}", self.max_media)));
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
        if self.memory.as_u64() < 3 * self.max_pixels {
            let needed = ByteSize(3 * self.max_pixels);
            faults.push(("memory", format!("is {}; one picture of max_pixels takes {needed}", self.memory)));
        }
        if !(1..=1024).contains(&self.threads) {
            faults.push(("threads", format!("is {}; it must be from 1 to 1024", self.threads)));
        }
        faults
    }
}
