//! Events of a record: posts that are not decoded yet, deletions, and what needs no answer.

use crate::domain::{Post, Rejection};

use super::media::Medium;

/// What a record says, and the format that it is written in.
#[derive(Debug)]
pub struct ReadEvents {
    /// The name of the format.
    pub format: &'static str,
    /// What the record says, in its order.
    pub events: Vec<ReadEvent>,
}

/// One thing that a record says.
#[derive(Debug)]
pub enum ReadEvent {
    /// A post to be annotated.
    Post(Box<UndecodedPost>),
    /// The post of this id was deleted.
    Deletion {
        /// The feed's id of the post.
        id: String,
    },
    /// A known event that needs no answer.
    Ignored {
        /// Its kind, one of a closed set for each format.
        kind: &'static str,
    },
    /// An event that its format does not know.
    Unknown {
        /// What it is, in words.
        what: String,
    },
    /// One of the record's posts is at fault.
    Faulty(Rejection),
}

/// A post without pictures, and its media as the record has them.
#[derive(Debug)]
pub struct UndecodedPost {
    pub(super) post: Post,
    pub(super) media: Vec<Medium>,
    /// What the answer does not repeat of the record, in words for its provenance.
    pub(super) degraded: Vec<String>,
}

impl ReadEvent {
    /// The kind of event, for the metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Post(_) => "post",
            Self::Deletion { .. } => "deletion",
            Self::Ignored { kind } => kind,
            Self::Unknown { .. } => "unknown",
            Self::Faulty(_) => "faulty",
        }
    }
}
