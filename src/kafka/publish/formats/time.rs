//! Timestamps: RFC 3339 in UTC with milliseconds.

use std::time::{SystemTime, UNIX_EPOCH};

/// Such as `2025-06-15T15:06:40.123Z`. A time before 1970 is written as 1970.
pub(in crate::kafka::publish) fn rfc3339(moment: SystemTime) -> String {
    humantime::format_rfc3339_millis(moment.max(UNIX_EPOCH)).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_are_written_in_utc_with_milliseconds() {
        let leap_day = UNIX_EPOCH + Duration::from_millis(1_709_164_800_001);
        assert_eq!(rfc3339(leap_day), "2024-02-29T00:00:00.001Z");
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
    }
}
