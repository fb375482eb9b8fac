//! The `includes` of an answer: the originals and media that its posts name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::super::super::json::{JsonValue, field, text, text_field};

/// The most references of a post that are looked at: a post retweets, quotes and answers at most one other each.
const MAX_REFERENCES: usize = 8;

/// Originals by id, with their places, and media by key. What no post names is not kept: `includes` of 32 MiB may have
/// three million entries.
#[derive(Debug, Default)]
pub(super) struct Includes<'a> {
    tweets: BTreeMap<String, (JsonValue<'a>, usize)>,
    media: BTreeMap<String, JsonValue<'a>>,
}

impl<'a> Includes<'a> {
    /// What these posts name of the record's `includes`: at most `max_media` media of each.
    pub(super) fn new(record: JsonValue<'a>, posts: &[JsonValue<'a>], max_media: usize) -> Self {
        let Some(includes) = field(record, "includes") else { return Self::default() };
        let originals = posts.iter().copied().filter_map(retweeted).collect();
        let tweets = named(field(includes, "tweets"), "id", originals);
        let sources = posts.iter().copied().chain(tweets.values().map(|(original, _)| *original));
        let keys = sources.filter_map(media_keys).flat_map(|keys| keys.elements().take(max_media));
        let keys = keys.filter_map(text).map(Cow::into_owned).collect();
        let media = named(field(includes, "media"), "media_key", keys);
        Self { media: media.into_iter().map(|(key, (medium, _))| (key, medium)).collect(), tweets }
    }

    /// The post of this id, and its place in `includes.tweets`.
    pub(super) fn tweet(&self, id: &str) -> Option<(JsonValue<'a>, usize)> {
        self.tweets.get(id).copied()
    }

    /// The medium of this key.
    pub(super) fn medium(&self, key: &str) -> Option<JsonValue<'a>> {
        self.media.get(key).copied()
    }
}

/// The elements of a list that have one of these names in a field, the first of each, with their places.
fn named<'a>(
    list: Option<JsonValue<'a>>,
    name_field: &str,
    mut names: BTreeSet<String>,
) -> BTreeMap<String, (JsonValue<'a>, usize)> {
    let mut found = BTreeMap::new();
    let Some(list) = list else { return found };
    for (place, element) in list.elements().enumerate() {
        if names.is_empty() {
            break;
        }
        let Some(name) = text_field(element, name_field) else { continue };
        if let Some(name) = names.take(&*name) {
            found.insert(name, (element, place));
        }
    }
    found
}

/// The id of the post that this one retweets.
pub(super) fn retweeted(post: JsonValue<'_>) -> Option<String> {
    let mut references = field(post, "referenced_tweets")?.elements().take(MAX_REFERENCES);
    let retweet =
        references.find(|reference| text_field(*reference, "type").as_deref() == Some("retweeted"))?;
    text_field(retweet, "id").map(Cow::into_owned)
}

/// The keys of the media of a post.
pub(super) fn media_keys(post: JsonValue<'_>) -> Option<JsonValue<'_>> {
    field(field(post, "attachments")?, "media_keys")
}
