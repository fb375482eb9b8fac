//! Progress lines of the demonstration: what is done, and how long it took.

use std::io::{self, Write};
use std::time::Duration;

/// Prints one line of progress.
pub(super) fn print_line(what: &str, text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{what:<14}{text}")
}

pub(super) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
