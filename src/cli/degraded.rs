//! What is said of a post that is answered in part? One line, for who reads answers from a file and not from metrics.

use tracing::warn;

use crate::kafka::publish::Annotated;

/// Says what an answer lacks, if it lacks anything.
pub(super) fn explain(answer: &Annotated) {
    let missing = answer.annotation.degraded.join("; ");
    if !missing.is_empty() {
        // Ids and what pictures are called are strangers' words, which may hold line breaks.
        let (post, missing) = (answer.post_id.escape_debug(), missing.escape_debug());
        warn!(%post, %missing, "a post is answered in part");
    }
}
