//! Event answers: what becomes of each thing that a record says.

use crate::domain::{Rejection, RejectionClass};
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
    // The id is the feed's, and must not steer a terminal.
    let id: String = id.chars().take(100).flat_map(char::escape_debug).collect();
    let message = format!("the record deletes the post `{id}`, and ingest.tombstones is `dead-letter`");
    Rejection { stage: "decode", class: RejectionClass::Malformed, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_is_written_as_the_setting_says_and_its_id_cannot_steer_a_terminal() {
        let deleted = || EventAnswer::Deleted { id: "7\u{202e}\u{1b}".to_owned() };
        let post_id = "7\u{202e}\u{1b}".to_owned();
        assert_eq!(deleted().written(Tombstones::Forward), Answer::Deleted { post_id });
        assert_eq!(deleted().written(Tombstones::Skip), Answer::Skipped);
        let Answer::Rejected(rejection) = deleted().written(Tombstones::DeadLetter) else {
            panic!("the setting asks for a dead letter")
        };
        assert!(rejection.message.contains("`7\\u{202e}\\u{1b}`"), "{rejection}");
    }
}
