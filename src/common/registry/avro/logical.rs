//! Logical types of Avro as text: dates and times as RFC 3339 writes them, decimals as numbers, UUIDs.

use std::fmt::Write as _;

use super::schema::Unit;

const SECONDS_OF_A_DAY: i64 = 86_400;

impl Unit {
    /// How many of them a second has.
    pub(super) fn per_second(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    fn digits(self) -> usize {
        match self {
            Self::Seconds => 0,
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }
}

/// A moment so many units after 1970 as RFC 3339 writes it, with `Z` where it is UTC; none where its year does not have
/// four digits.
pub(super) fn timestamp(count: i64, unit: Unit, is_utc: bool) -> Option<String> {
    let seconds = count.div_euclid(unit.per_second());
    let mut text = date(seconds.div_euclid(SECONDS_OF_A_DAY))?;
    let rest = count.rem_euclid(unit.per_second());
    text.push('T');
    push_time(&mut text, seconds.rem_euclid(SECONDS_OF_A_DAY), rest, unit);
    if is_utc {
        text.push('Z');
    }
    Some(text)
}

/// A time of the day; none where it is longer than a day.
pub(super) fn time(count: i64, unit: Unit) -> Option<String> {
    let seconds = count.div_euclid(unit.per_second());
    if !(0..SECONDS_OF_A_DAY).contains(&seconds) {
        return None;
    }
    let mut text = String::new();
    push_time(&mut text, seconds, count.rem_euclid(unit.per_second()), unit);
    Some(text)
}

fn push_time(text: &mut String, seconds: i64, rest: i64, unit: Unit) {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    // Writing to a string cannot fail.
    let _ = write!(text, "{hour:02}:{minute:02}:{second:02}");
    if unit != Unit::Seconds {
        let digits = unit.digits();
        let _ = write!(text, ".{rest:0digits$}");
    }
}

/// The date so many days after 1970, in the Gregorian calendar; none where its year does not have four digits.
pub(super) fn date(days: i64) -> Option<String> {
    // Years that begin in March have their leap day at their end; 400 of them have 146,097 days.
    const DAYS_OF_400_YEARS: i64 = 146_097;
    const FROM_MARCH_OF_YEAR_ZERO: i64 = 719_468;
    let days = days.checked_add(FROM_MARCH_OF_YEAR_ZERO)?;
    let (era, day) = (days.div_euclid(DAYS_OF_400_YEARS), days.rem_euclid(DAYS_OF_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months from March on: five of them have 153 days.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) =
        (era * 400 + year + i64::from(month >= 10), if month < 10 { month + 3 } else { month - 9 });
    (0..10_000).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// A number of two's complement, the highest byte first, with so many decimal places; none where it has more than
/// sixteen bytes, which are 38 digits.
pub(super) fn decimal(bytes: &[u8], scale: u32) -> Option<String> {
    let mut number: i128 = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
    if bytes.len() > size_of::<i128>() || scale > 1_000 {
        return None;
    }
    for byte in bytes {
        number = number << 8 | i128::from(*byte);
    }
    let mut digits = number.unsigned_abs().to_string();
    let places = scale as usize;
    if digits.len() <= places {
        digits.insert_str(0, &"0".repeat(places + 1 - digits.len()));
    }
    if places > 0 {
        digits.insert(digits.len() - places, '.');
    }
    if number < 0 {
        digits.insert(0, '-');
    }
    Some(digits)
}

/// Sixteen bytes as a UUID is written.
pub(super) fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339_says() {
        let cases = [
            (timestamp(1_709_164_800_001, Unit::Millis, true), "2024-02-29T00:00:00.001Z"),
            (timestamp(-1, Unit::Micros, true), "1969-12-31T23:59:59.999999Z"),
            (timestamp(0, Unit::Nanos, false), "1970-01-01T00:00:00.000000000"),
            (timestamp(951_782_400, Unit::Seconds, true), "2000-02-29T00:00:00Z"),
            (date(-719_528), "0000-01-01"),
            (date(2_932_896), "9999-12-31"),
            (time(86_399_999, Unit::Millis), "23:59:59.999"),
        ];
        for (found, expected) in cases {
            assert_eq!(found.as_deref(), Some(expected));
        }
        for none in
            [timestamp(i64::MAX, Unit::Millis, true), date(2_932_897), date(i64::MAX), time(-1, Unit::Millis)]
        {
            assert_eq!(none, None);
        }
    }

    #[test]
    fn each_day_of_eight_hundred_years_follows_the_one_before() {
        let mut expected = (1600_u32, 1_u32, 1_u32);
        for days in -135_140..157_000 {
            let (year, month, day) = expected;
            assert_eq!(date(days).unwrap(), format!("{year:04}-{month:02}-{day:02}"));
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 if is_leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn decimals_and_uuids_are_written_in_full() {
        let cases: [(&[u8], u32, &str); 6] = [
            (&[0x04, 0xd2], 2, "12.34"),
            (&[0xff], 3, "-0.001"),
            (&[], 2, "0.00"),
            (&[0x7f], 0, "127"),
            (&[0x80], 1, "-12.8"),
            (&[0xff; 16], 0, "-1"),
        ];
        for (bytes, scale, expected) in cases {
            assert_eq!(decimal(bytes, scale).as_deref(), Some(expected));
        }
        assert_eq!(decimal(&[0; 17], 0), None);
        let bytes =
            [0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00];
        assert_eq!(uuid(bytes), "123e4567-e89b-12d3-a456-426614174000");
    }
}
