//! Event answers: what becomes of each thing that a record says.

use crate::domain::Rejection;
use crate::kafka::ingest::Tombstones;
use crate::kafka::publish::{Annotated, Answer};

/// The answer to one event of a record.
#[derive(Debug)]
pub enum EventAnswer {
    /// A post is annotated.
    Annotated(Box<Annotated>),
    /// A post, or the whole record, is rejected.
    Rejected(Rejection),
    /// The post of this id was deleted.
    Deleted {
        /// The feed's id of the post.
        id: String,
    },
    /// The event needs no answer.
    Skipped,
}

impl From<Result<Annotated, Rejection>> for EventAnswer {
    fn from(answer: Result<Annotated, Rejection>) -> Self {
        answer.map_or_else(Self::Rejected, |annotated| Self::Annotated(Box::new(annotated)))
    }
}

impl EventAnswer {
    /// The answer as it is written; deletions as the setting says.
    #[must_use]
    pub fn written(self, tombstones: Tombstones) -> Answer {
        match self {
            Self::Annotated(annotated) => Answer::Annotated(annotated),
            Self::Rejected(rejection) => Answer::Rejected(rejection),
            Self::Skipped => Answer::Ignored,
            Self::Deleted { id } => match tombstones {
                Tombstones::Forward => Answer::Deleted { post_id: id },
                Tombstones::Skip => Answer::Skipped,
                Tombstones::DeadLetter => Answer::Rejected(deletion_refused(&id)),
            },
        }
    }
}

fn deletion_refused(id: &str) -> Rejection {
    let message = format!("the record deletes the post `{id:.100}`, and ingest.tombstones is `dead-letter`");
    Rejection { stage: "decode", class: crate::domain::RejectionClass::Malformed, message }
}
