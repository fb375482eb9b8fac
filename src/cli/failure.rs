//! Failures: why a command failed, and the exit code that says so.

use std::error::Error;
use std::io;

use crate::config::Faults;
use crate::telemetry::Causes;

/// Why a command failed. The error names the operation and keeps its causes.
pub type Failure = Box<dyn Error + Send + Sync>;

/// All exit codes and what they mean, for help and manual pages.
pub(super) const EXIT_CODES: [(u8, &str); 5] = [
    (0, "done"),
    (1, "failed; standard error says what and why"),
    (EXIT_USAGE, "wrong arguments or settings"),
    (EXIT_LINES_REJECTED, "done except for refused lines (annotate)"),
    (EXIT_SECOND_SIGNAL, "ended by a second signal"),
];

/// The exit code after a second signal (128 + SIGINT).
pub(super) const EXIT_SECOND_SIGNAL: u8 = 130;

/// The exit code of wrong arguments or settings.
pub const EXIT_USAGE: u8 = 2;

/// The exit code of work that is done except for rejected lines.
pub const EXIT_LINES_REJECTED: u8 = 3;

/// Wrong arguments that the argument parser cannot detect.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to standard output")]
pub(super) struct StdoutError(#[source] pub(super) io::Error);

/// Lines were refused, and `--allow-rejected` does not permit it.
#[derive(Debug, thiserror::Error)]
#[error("{refused} of {all} lines were refused; {details_in}")]
pub(super) struct LinesRejected {
    pub(super) refused: u64,
    pub(super) all: u64,
    pub(super) details_in: String,
}

/// The exit code of a failure.
#[must_use]
pub fn exit_code(failure: &(dyn Error + Send + Sync + 'static)) -> u8 {
    if failure.is::<Faults>() || failure.is::<UsageError>() {
        EXIT_USAGE
    } else if failure.is::<LinesRejected>() {
        EXIT_LINES_REJECTED
    } else {
        1
    }
}

/// Whether the failure is that the reader of standard output is gone.
#[must_use]
pub fn stdout_is_closed(failure: &(dyn Error + Send + Sync + 'static)) -> bool {
    let error = failure.downcast_ref::<StdoutError>().map(|StdoutError(error)| error);
    error
        .or_else(|| failure.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An error and its causes in one line, for output that is data.
pub(super) fn with_causes(error: &dyn Error) -> String {
    Causes(error).to_string()
}
