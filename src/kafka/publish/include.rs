//! What of the post does its annotation repeat? Who wrote what, when, in which language, with which pictures.

use serde::{Deserialize, Serialize};

use crate::domain::{Carried, Post};

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Included {
    created_at: Option<Carried>,
    lang: Option<Carried>,
    author: Option<Carried>,
    text: Option<String>,
    /// By the picture's key.
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

    /// Names and JSON of the fields that stand beside the post's id.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        let carried = |value: &Option<Carried>| value.as_ref().map(|value| value.json().to_owned());
        let text = self.text.as_deref().map(|text| serde_json::Value::from(text).to_string());
        [
            ("created_at", carried(&self.created_at)),
            ("lang", carried(&self.lang)),
            ("author", carried(&self.author)),
            ("text", text),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// The address of the picture of that key.
    pub(super) fn address(&self, key: &str) -> Option<&str> {
        self.addresses.iter().find(|(other, _)| other == key).map(|(_, address)| address.as_str())
    }
}
