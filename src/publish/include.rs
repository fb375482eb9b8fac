//! What of the post does its annotation repeat? Who wrote what, when, in which language, with which pictures.

use serde::{Deserialize, Serialize};

use crate::domain::Post;

/// A field of the post that its annotation repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// When it was written.
    CreatedAt,
    /// Its language.
    Lang,
    /// Who wrote it.
    Author,
    /// Its text.
    Text,
    /// The addresses of its pictures.
    Media,
}

/// What an annotation repeats of its post, as the feed says it. What the feed does not say is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Included {
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// By the picture's key.
    #[serde(skip)]
    addresses: Vec<(String, String)>,
}

impl Included {
    /// The fields of a post that are wanted. `addresses`: its pictures' keys, and where they were fetched.
    #[must_use]
    pub fn of(post: &Post, addresses: &[(String, String)], wanted: &[Include]) -> Self {
        let has = |field| wanted.contains(&field);
        Self {
            created_at: post.created_at.clone().filter(|_| has(Include::CreatedAt)),
            lang: post.lang.clone().filter(|_| has(Include::Lang)),
            author: post.author.clone().filter(|_| has(Include::Author)),
            text: Some(post.text.clone()).filter(|_| has(Include::Text)),
            addresses: if has(Include::Media) { addresses.to_vec() } else { Vec::new() },
        }
    }

    /// The address of the picture of that key.
    pub(super) fn address(&self, key: &str) -> Option<&str> {
        self.addresses.iter().find(|(other, _)| other == key).map(|(_, address)| address.as_str())
    }
}
