//! Words for faults of values: the deserialiser names types of Rust; users write TOML.

/// Where in a setting's value a fault is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    /// The rest of the path, such as `[1]` for the second entry of a list; empty: the value itself.
    pub(super) within: &'a str,
    /// The value is a date, which the deserialiser takes for a table.
    pub(super) is_date: bool,
}

/// A fault of the deserialiser as a sentence that follows the setting's name: what the value is, and what it must be.
pub(super) fn in_words(message: &str, place: Place<'_>) -> String {
    let words = of_message(message, place.is_date);
    match place.within.strip_prefix('[').and_then(|rest| rest.split(']').next()?.parse::<usize>().ok()) {
        Some(index) => format!("entry {} {words}", index + 1),
        None => words,
    }
}

fn of_message(message: &str, is_date: bool) -> String {
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        // What was found may itself contain the words between; what is expected does not.
        let parts = message.strip_prefix(kind).and_then(|rest| rest.rsplit_once(", expected "));
        if let Some((found, expected)) = parts {
            let found = if is_date { "a date".to_owned() } else { found_in_words(found) };
            return format!("is {found}; it must be {}", expected_in_words(expected));
        }
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        // "`a`, expected `b` or `c`", "`a`, expected one of `b`, `c`"
        if let Some((found, expected)) = rest.rsplit_once(", expected ") {
            return format!("is {found}; it must be {expected}");
        }
    }
    if let Some(rest) = message.strip_prefix("expected ") {
        return format!("must be {rest}");
    }
    match message {
        "invalid IP address syntax" => "is no network; it must be such as \"10.20.0.0/16\"".to_owned(),
        "wanted string or table" => {
            "must be one of the words that its comment in config/default.toml names".to_owned()
        }
        other => other.to_owned(),
    }
}

fn found_in_words(found: &str) -> String {
    let quoted = |rest: &str| rest.trim_matches('`').to_owned();
    match found {
        "map" | "newtype struct" | "struct variant" => "a table".to_owned(),
        "sequence" | "tuple variant" => "a list".to_owned(),
        // What the deserialiser says of anything but a text where it looks for a word.
        "unit variant" => "no text".to_owned(),
        "string \"\"" => "empty".to_owned(),
        _ => {
            let kinds = ["integer ", "floating point ", "boolean ", "string ", "character "];
            let value = kinds.iter().find_map(|kind| found.strip_prefix(kind));
            value.map_or_else(|| quoted(found), quoted)
        }
    }
}

fn expected_in_words(expected: &str) -> String {
    let word = expected.strip_prefix("a nonzero ").unwrap_or(expected);
    let least = if word == expected { 0 } else { 1 };
    let most = match word {
        "u8" => Some(u64::from(u8::MAX)),
        "u16" => Some(u64::from(u16::MAX)),
        "u32" => Some(u64::from(u32::MAX)),
        "u64" | "usize" => None,
        _ => return not_a_whole_number(expected),
    };
    match most {
        Some(most) => format!("a whole number from {least} to {most}"),
        None => format!("a whole number of {least} or more"),
    }
}

fn not_a_whole_number(expected: &str) -> String {
    let words = match expected {
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" => "a text in quotes",
        "path string" => "a path in quotes",
        "a sequence" => "a list, such as [\"a\", \"b\"]",
        "a map" => "a table",
        "a duration" => "a duration such as \"50ms\", \"30s\" or \"5m\"",
        "parsable string" | "an integer or string" | "integer overflow" => {
            "a size such as \"512KiB\" or \"64MiB\""
        }
        "IPv4 or IPv6 network address" => "a network such as \"10.20.0.0/16\"",
        "string or table" | "string only" => "one of the words that its comment in config/default.toml names",
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("enum ") || other.starts_with("variant ") => {
            "one of the words that its comment in config/default.toml names"
        }
        other => other,
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_rust_become_words() {
        let cases = [
            (
                "invalid value: integer `0`, expected a nonzero usize",
                "is 0; it must be a whole number of 1 or more",
            ),
            ("invalid value: integer `-1`, expected usize", "is -1; it must be a whole number of 0 or more"),
            (
                "invalid value: integer `70000`, expected u16",
                "is 70000; it must be a whole number from 0 to 65535",
            ),
            (
                "invalid value: integer `0`, expected a nonzero u32",
                "is 0; it must be a whole number from 1 to 4294967295",
            ),
            (
                "invalid type: floating point `0.5`, expected usize",
                "is 0.5; it must be a whole number of 0 or more",
            ),
            (
                "invalid type: string \"x, expected y\", expected f64",
                "is \"x, expected y\"; it must be a number",
            ),
            ("invalid type: boolean `true`, expected a string", "is true; it must be a text in quotes"),
            (
                "invalid type: map, expected a sequence",
                "is a table; it must be a list, such as [\"a\", \"b\"]",
            ),
            ("invalid type: sequence, expected a boolean", "is a list; it must be `true` or `false`"),
            (
                "invalid value: string \"5 parsecs\", expected a duration",
                "is \"5 parsecs\"; it must be a duration such as \"50ms\", \"30s\" or \"5m\"",
            ),
            (
                "invalid value: string \"lots\", expected parsable string",
                "is \"lots\"; it must be a size such as \"512KiB\" or \"64MiB\"",
            ),
            (
                "unknown variant `gopher`, expected `https` or `http`",
                "is `gopher`; it must be `https` or `http`",
            ),
            ("unknown variant `a`, expected one of `b`, `c`, `d`", "is `a`; it must be one of `b`, `c`, `d`"),
            ("`pictures` is no bucket", "`pictures` is no bucket"),
        ];
        let second = Place { within: "[1]", is_date: false };
        let message = "invalid value: integer `-1`, expected u16";
        assert_eq!(in_words(message, second), "entry 2 is -1; it must be a whole number from 0 to 65535");
        let date = Place { within: "", is_date: true };
        assert_eq!(in_words("invalid type: map, expected f64", date), "is a date; it must be a number");
        for (message, words) in cases {
            assert_eq!(in_words(message, Place::default()), words);
        }
    }
}
