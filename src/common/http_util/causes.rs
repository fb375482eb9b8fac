//! What went wrong, in one sentence?

use std::error::Error;

use crate::telemetry::Causes;

/// An error and its causes: what went wrong on a connection is said by the innermost.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    Causes(error).to_string()
}

/// The causes of a request's failure, without its address, which may hold a secret in its query.
#[must_use]
pub fn causes_of(error: &reqwest::Error) -> String {
    match error.source() {
        Some(cause) => with_causes(cause),
        None => "the connection failed".to_owned(),
    }
}
