//! Post of a sample: decoded, and as the record of a feed.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::Sample;
use crate::domain::{Media, Post};

impl Sample {
    /// The decoded post, which has its picture once for each key.
    #[must_use]
    pub fn into_post(self, media_keys: &[&str]) -> Post {
        let frame = Arc::new(self.picture.frame);
        let media = |(index, key): (usize, &&str)| Media {
            key: (*key).to_owned(),
            frame: Arc::clone(&frame),
            alt_text: None,
            candidate_boxes: Vec::new(),
            index,
            is_preview: false,
        };
        Post {
            id: self.id,
            text: self.text,
            media: media_keys.iter().enumerate().map(media).collect(),
            ..Post::default()
        }
    }

    /// The post as the value of an input record.
    #[must_use]
    pub fn record(&self) -> Vec<u8> {
        let media = json!({
            "key": self.media_key(),
            "type": "image/jpeg",
            "bytes": BASE64_STANDARD.encode(&self.picture.jpeg),
        });
        let post = json!({
            "id": self.id,
            "text": self.text,
            "created_at": self.created_at,
            "media": [media],
        });
        post.to_string().into_bytes()
    }

    /// The key of the picture in [`Self::record`]: its file's name.
    #[must_use]
    pub fn media_key(&self) -> String {
        format!("{}.jpg", self.id)
    }
}
