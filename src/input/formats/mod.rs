//! Input formats: the bytes of a record to the posts that it says.
//!
//! A format is one file with two functions, [`Format::read`] and [`Format::recognises`], and one line in [`FORMATS`]. A
//! format decides what a record says: posts (an id, a text, media by bytes or by URL), deletions, events without
//! posts. It does not fetch, and it does not look at pictures: [`super::decode`] does that for all formats alike. All
//! formats are written in JSON and share the reader in `json`; formats whose media are text share `base64`. [`Feeds`]
//! decides which format reads a record.

mod activitypub;
mod base64;
mod batch;
mod candidate_boxes;
mod cloud_events;
mod draft;
mod feeds;
mod format;
mod html;
mod jetstream;
mod json;
mod lists;
mod mapping;
mod mastodon;
mod riveg;
mod x;

pub use batch::{Batch, BatchFault, json_records, lines};
pub use draft::{MediaDraft, MediaSource, PostDraft, TextForm};
pub use feeds::{AUTO, FeedSettings, Feeds, RecordEvents, format_key};
pub use format::{Event, Format, InputRecord, ReadContext};
pub use mapping::{MAPPED_FIELDS, Mapping};

/// All formats. The first reads what no other recognises.
pub const FORMATS: &[Format] = &[
    Format { name: "riveg", feed: "riveg's own format", read: riveg::read, recognises: riveg::recognises },
    Format { name: "x", feed: "a post or a notice of X", read: x::read, recognises: x::recognises },
    Format {
        name: "jetstream",
        feed: "an event of Bluesky's Jetstream",
        read: jetstream::read,
        recognises: jetstream::recognises,
    },
    Format {
        name: "mastodon",
        feed: "a status or an event of Mastodon",
        read: mastodon::read,
        recognises: mastodon::recognises,
    },
    Format {
        name: "activitypub",
        feed: "an activity of ActivityPub",
        read: activitypub::read,
        recognises: activitypub::recognises,
    },
];

#[cfg(test)]
mod tests;
