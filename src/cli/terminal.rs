//! Terminals: whether output has colours.

use std::ffi::OsString;

/// Whether output to a stream has colours: on terminals alone, and not where the environment has `NO_COLOR`, or says that
/// the terminal is a dumb one.
#[must_use]
pub fn is_coloured(is_terminal: bool) -> bool {
    decide(is_terminal, std::env::var_os("NO_COLOR").as_ref(), std::env::var_os("TERM").as_ref())
}

fn decide(is_terminal: bool, no_color: Option<&OsString>, term: Option<&OsString>) -> bool {
    // An empty NO_COLOR counts as none (no-color.org).
    is_terminal && no_color.is_none_or(|value| value.is_empty()) && term.is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let set = |text: &str| Some(OsString::from(text));
        let cases = [
            (true, None, set("xterm"), true),
            (true, set(""), None, true),
            (true, set("1"), set("xterm"), false),
            (true, None, set("dumb"), false),
            (false, None, set("xterm"), false),
        ];
        for (is_terminal, no_color, term, expected) in cases {
            assert_eq!(
                decide(is_terminal, no_color.as_ref(), term.as_ref()),
                expected,
                "{no_color:?} {term:?}"
            );
        }
    }
}
