//! Partial annotations: a warning for users that read annotations from a file and no metrics.

use tracing::warn;

use crate::kafka::publish::Annotated;

/// Warns if an annotation is incomplete.
pub(super) fn warn_if_partial(answer: &Annotated) {
    let missing = answer.annotation.missing().join("; ");
    if !missing.is_empty() {
        // Ids and media keys are untrusted and may hold line breaks.
        let (post, missing) = (answer.post_id.escape_debug(), missing.escape_debug());
        warn!(%post, %missing, "a post is answered in part");
    }
}
