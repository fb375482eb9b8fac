//! Moments on the command line: a time, or how long ago.

use std::time::{Duration, SystemTime};

/// Parses a time such as `2026-01-31T08:00:00Z`, or an age such as `2h`.
pub(super) fn parse(text: &str) -> Result<SystemTime, String> {
    if let Ok(moment) = humantime::parse_rfc3339_weak(text) {
        return Ok(moment);
    }
    let ago: Duration = humantime::parse_duration(text)
        .map_err(|_| "neither a time such as 2026-01-31T08:00:00Z nor a duration such as 2h".to_owned())?;
    SystemTime::now().checked_sub(ago).ok_or_else(|| "before the earliest time of the clock".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moments_or_so_long_ago() {
        assert_eq!(parse("1970-01-01T00:16:40Z"), Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)));
        let two_hours_ago = parse("2h").unwrap();
        let ago = SystemTime::now().duration_since(two_hours_ago).unwrap();
        assert!((7200..7300).contains(&ago.as_secs()));
        assert!(parse("yesterday").is_err());
    }
}
