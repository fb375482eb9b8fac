//! Lists in records: several posts in one record, and the media of a post, both bounded.

use crate::domain::{Rejection, RejectionClass};
use crate::input::config::Config;
use crate::input::fault::rejection;

use super::draft::MediaDraft;
use super::format::Event;
use super::json::{JsonValue, Kind, expect_kind};

/// The most posts of one record: X returns at most 500 in one answer, Mastodon 80. Each has an answer of its own, and a
/// record is settled when all are delivered.
pub(super) const MAX_POSTS: usize = 500;

/// Reads each post of a list. A fault of one does not touch the others.
///
/// # Errors
/// `malformed` where it is no list; `too-large` where it has more than [`MAX_POSTS`].
pub(super) fn each_post<'a>(
    list: JsonValue<'a>,
    path: &str,
    read: impl Fn(JsonValue<'a>, &str) -> Result<Event, Rejection>,
) -> Result<Vec<Event>, Rejection> {
    let posts = listed(list, path, MAX_POSTS, "one record may have")?;
    if posts.is_empty() {
        return Ok(vec![Event::Ignored { kind: "empty_list" }]);
    }
    let places = posts.into_iter().enumerate().map(|(index, post)| (post, format!("{path}[{index}]")));
    Ok(places.map(|(post, path)| read(post, &path).unwrap_or_else(Event::Faulty)).collect())
}

/// Reads each medium of a list, with its path; none where an entry is no medium. Two media of one key get keys that
/// differ, `key#2` for the second.
///
/// # Errors
/// `malformed` where it is no list; `too-large` where it has more than `decode.max_media`; those of `read`.
pub(super) fn each_medium<'a>(
    list: JsonValue<'a>,
    path: &str,
    config: &Config,
    mut read: impl FnMut(JsonValue<'a>, &str) -> Result<Option<MediaDraft>, Rejection>,
) -> Result<Vec<MediaDraft>, Rejection> {
    let mut media: Vec<MediaDraft> = Vec::new();
    for (index, medium) in
        listed(list, path, config.max_media, "of decode.max_media")?.into_iter().enumerate()
    {
        let Some(mut medium) = read(medium, &format!("{path}[{index}]"))? else { continue };
        while media.iter().any(|earlier| earlier.key == medium.key) {
            medium.key += &format!("#{}", index + 1);
        }
        media.push(medium);
    }
    Ok(media)
}

/// The elements of a list. Those beyond the limit are not looked at: three million empty ones fit into 32 MiB.
fn listed<'a>(
    list: JsonValue<'a>,
    path: &str,
    limit: usize,
    whose: &str,
) -> Result<Vec<JsonValue<'a>>, Rejection> {
    expect_kind(list, Kind::Array, path)?;
    let elements: Vec<JsonValue<'a>> = list.elements().take(limit + 1).collect();
    if elements.len() <= limit {
        return Ok(elements);
    }
    let list = if path.is_empty() { "the record".to_owned() } else { format!("`{path}`") };
    let message = format!("{list} has more entries than the {limit} {whose}");
    Err(rejection(RejectionClass::TooLarge, message))
}
