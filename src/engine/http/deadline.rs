//! Deadlines: how long a request may take, from its header and the settings.

use std::time::Duration;

use axum::http::HeaderMap;

/// The header in which clients say, in seconds, how long they wait for the answer. No standard names one; this is the one
/// that Google's client libraries send with their timeouts.
pub(super) const HEADER: &str = "x-server-timeout";

/// The time of a request: what its header asks for, and at most `longest`.
///
/// # Errors
/// The header is not a positive number of seconds.
pub(super) fn timeout(headers: &HeaderMap, longest: Duration) -> Result<Duration, String> {
    let Some(value) = headers.get(HEADER) else { return Ok(longest) };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    match seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0) {
        // Compared before it becomes a duration, which holds fewer numbers.
        Some(seconds) if seconds < longest.as_secs_f64() => Ok(Duration::from_secs_f64(seconds)),
        Some(_) => Ok(longest),
        None => Err(format!("the header `{HEADER}` must be a positive number of seconds, such as 2.5")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const LONGEST: Duration = Duration::from_secs(60);

    #[test]
    fn clients_may_ask_for_less_time_and_not_for_more() {
        let asked = |text: &'static [u8]| {
            let header = (HeaderName::from_static(HEADER), HeaderValue::from_bytes(text).unwrap());
            timeout(&HeaderMap::from_iter([header]), LONGEST)
        };
        assert_eq!(timeout(&HeaderMap::new(), LONGEST), Ok(LONGEST));
        for (text, millis) in [(&b"2.5"[..], 2500), (b" 60 ", 60_000), (b"1e300", 60_000), (b"0.001", 1)] {
            assert_eq!(asked(text), Ok(Duration::from_millis(millis)), "{text:?}");
        }
        for text in [&b""[..], b"0", b"-1", b"soon", b"NaN", b"inf", b"5s", b"\xff"] {
            assert!(asked(text).is_err(), "{text:?}");
        }
    }
}
