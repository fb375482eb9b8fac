//! What is seen of a panic? A line of the log, like everything else: most are caught, and answered as errors.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::thread;

use tracing::error;

/// From now on panics are logged instead of written to standard error as they are.
pub fn log_panics() {
    std::panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("without a name");
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    // libtorch's messages go on with a stack of C++ functions; whoever answers the panic has all of it.
    let message = panic.payload_as_str().and_then(|text| text.lines().next()).unwrap_or("without a message");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        error!(thread, at, %backtrace, "panicked: {message}");
    } else {
        error!(thread, at, "panicked: {message}");
    }
}
