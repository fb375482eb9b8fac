//! Values that several tests of this folder use.

use std::time::{Duration, SystemTime};

use bytesize::ByteSize;

use super::element::Writing;
use crate::common::secret::Secret;
use crate::domain::{Annotation, Post};
use crate::engine::config::Http;
use crate::kafka::publish::Annotated;
use crate::kafka::publish::formats::{EncodedRecord, Encoder};

pub(super) fn config() -> Http {
    Http {
        address: "127.0.0.1:0".to_owned(),
        token: Secret::default(),
        posts_in_flight: 8,
        max_posts: 8,
        max_body: ByteSize::kib(64),
        memory: ByteSize::mib(1),
        timeout: Duration::from_secs(60),
        transfer_timeout: Duration::from_secs(60),
        max_connections: 8,
    }
}

/// Writes `{"post":ID}` for a post.
pub(super) fn writing() -> Writing {
    let encoder = Encoder::new(|annotated, _| {
        let value = serde_json::json!({ "post": annotated.post_id }).to_string();
        vec![EncodedRecord::new("application/json", value)]
    });
    Writing { encoder, has_lists: false, ingested: SystemTime::UNIX_EPOCH }
}

pub(super) fn annotated(id: &str) -> Annotated {
    let post = Post { id: id.to_owned(), ..Post::default() };
    Annotated::new(&post, Annotation { triples: Vec::new(), degraded: Vec::new() }, &[])
}
