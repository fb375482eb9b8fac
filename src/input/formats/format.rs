//! The seam of input formats: what a format is given, and what it returns.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::Rejection;
use crate::input::config::Config;
use crate::telemetry::traces::PostTrace;

use super::draft::PostDraft;
use super::json::JsonValue;

/// A record as it arrives.
#[derive(Debug, Clone, Default)]
pub struct InputRecord {
    /// The record's value.
    pub payload: Bytes,
    /// The topic that it was read from; none for a line of a file and for a request.
    pub topic: Option<Arc<str>>,
    /// The name of its format where the sender says it; otherwise the settings choose.
    pub format: Option<Arc<str>>,
    /// Its trace.
    pub trace: PostTrace,
}

/// One thing that a record says. A record may say several, such as an array of posts.
#[derive(Debug)]
pub enum Event {
    /// A post to be annotated.
    Post(Box<PostDraft>),
    /// The post of this id was deleted.
    Deletion {
        /// The feed's id of the post.
        id: String,
    },
    /// A known event that needs no answer, such as a keep-alive.
    Ignored {
        /// Its kind, for the metrics: a closed set for each format.
        kind: &'static str,
    },
    /// An event of the format's feed that the format does not know.
    Unknown {
        /// What it is, such as "a Jetstream commit of the collection `app.bsky.feed.like`".
        what: String,
    },
    /// One of the posts of a record is at fault; the others are answered.
    Faulty(Rejection),
}

/// What all formats read with.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext<'a> {
    /// Limits on texts and media.
    pub limits: &'a Config,
    /// The address of a picture of Bluesky, with `{did}` and `{cid}`.
    pub bluesky_pictures: &'a str,
}

/// Reads a record within the limits of the settings, or says why it cannot be read.
pub(crate) type Read = fn(JsonValue<'_>, &ReadContext<'_>) -> Result<Vec<Event>, Rejection>;

/// An input format.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name in settings, messages and metrics.
    pub name: &'static str,
    /// Whose format it is, for messages.
    pub feed: &'static str,
    /// Its reader.
    pub(crate) read: Read,
    /// Whether a value has the shape of this format. No value has the shape of two formats.
    pub(crate) recognises: fn(JsonValue<'_>) -> bool,
}
