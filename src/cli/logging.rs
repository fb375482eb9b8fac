//! Logging: the format of log lines, panics as log lines, and messages on standard error.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::thread;

use clap::ValueEnum;
use tracing::error;

/// The log target of a command's failure. Every filter admits it, because an exit code alone explains nothing.
pub const FAILURE_TARGET: &str = "riveg::failure";

/// The format of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs panics from now on, instead of writing them to standard error.
pub fn log_panics() {
    std::panic::set_hook(Box::new(log));
}

/// Writes a message, such as an error with its causes, to standard error. A closed standard error is not a panic.
pub(super) fn print_message(message: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "riveg: {message}");
}

fn log(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("without a name");
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    // A libtorch message continues with a stack of C++ functions. The error that is made of the panic has all of it.
    let message = panic.payload_as_str().and_then(|text| text.lines().next()).unwrap_or("without a message");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        error!(thread, at, %backtrace, "panicked: {message}");
    } else {
        error!(thread, at, "panicked: {message}");
    }
}
