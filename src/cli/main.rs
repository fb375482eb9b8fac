//! The `riveg` command: arguments, logging, exit codes.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong arguments or settings, 3 done except for refused lines (annotate), 130 ended by
//! a second signal.

use std::io::IsTerminal;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;
use riveg::cli::{self, Arguments, Exit, LogFilter, LogFormat};
use tikv_jemallocator::Jemalloc;
use tracing_subscriber::EnvFilter;

/// The allocator of this binary and of its libraries, libtorch included. It returns the memory of a burst of large pictures
/// to the system within some ten seconds; the C library's allocator keeps it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ! {
    let arguments = Arguments::parse();
    let exit = Exit::new(arguments.log_format);
    let is_fixed = arguments.log.is_some();
    let log = match cli::parse_log_filter("--log", arguments.log_filter()) {
        Ok(filter) => log_to_stderr(arguments.log_format, filter, is_fixed),
        Err(failure) => {
            log_to_stderr(arguments.log_format, EnvFilter::new("info"), is_fixed);
            exit.conclude(Ok(Err(failure)));
        }
    };
    cli::log_panics();
    // No state is used after a panic.
    let outcome = catch_unwind(AssertUnwindSafe(|| cli::dispatch(arguments.command, &exit, &log)));
    exit.conclude(outcome)
}

/// Standard output holds the results of a command, so the log goes to standard error.
fn log_to_stderr(format: LogFormat, filter: EnvFilter, is_fixed: bool) -> LogFilter {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(cli::is_coloured(std::io::stderr().is_terminal()))
        // A closed standard error is not a failure, and reporting it on the same closed pipe would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // The filter can be replaced at run time; each format has a handle of its own type.
    match format {
        LogFormat::Text => {
            let subscriber = subscriber.with_filter_reloading();
            let handle = subscriber.reload_handle();
            subscriber.init();
            LogFilter::new(is_fixed, move |filter| Ok(handle.reload(filter)?))
        }
        LogFormat::Json => {
            let subscriber =
                subscriber.json().flatten_event(true).with_span_list(false).with_filter_reloading();
            let handle = subscriber.reload_handle();
            subscriber.init();
            LogFilter::new(is_fixed, move |filter| Ok(handle.reload(filter)?))
        }
    }
}
