//! Included fields: fields of the post that are repeated in its annotation.

use serde::{Deserialize, Serialize};

use crate::domain::{Post, RawJson};

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
    /// The URLs of its pictures.
    Media,
}

/// The repeated fields, as the feed has them. Fields that the feed does not have are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Included {
    pub(super) created_at: Option<RawJson>,
    pub(super) lang: Option<RawJson>,
    pub(super) author: Option<RawJson>,
    pub(super) text: Option<String>,
    /// URLs by picture key.
    addresses: Vec<(String, String)>,
}

impl Included {
    /// The wanted fields of a post. `addresses`: keys of its pictures with the URLs from which they were fetched.
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

    /// The URL of the picture with that key.
    pub(super) fn address(&self, key: &str) -> Option<&str> {
        self.addresses.iter().find(|(other, _)| other == key).map(|(_, address)| address.as_str())
    }
}
