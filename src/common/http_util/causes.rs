//! Causes of failed requests in one sentence, without their URLs.

use std::error::Error;

use crate::telemetry::Causes;

/// The causes of a request's failure, without its URL, whose query may hold a secret.
#[must_use]
pub fn causes_of(error: &reqwest::Error) -> String {
    match error.source() {
        Some(cause) => Causes(cause).to_string(),
        None => "the connection failed".to_owned(),
    }
}
