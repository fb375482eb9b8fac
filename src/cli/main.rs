//! The `riveg` command: arguments, logging, exit codes.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong arguments or settings, 3 done except for refused lines (annotate), 130 ended by
//! a second signal.

use std::io::IsTerminal;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;
use riveg::cli::{self, Arguments, Exit, FAILURE_TARGET, Failure, LogFormat, UsageError};
use tikv_jemallocator::Jemalloc;
use tracing_subscriber::EnvFilter;

/// The allocator of this binary and of its libraries, libtorch included. It returns the memory of a burst of large pictures
/// to the system within some ten seconds; the C library's allocator keeps it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ! {
    let arguments = Arguments::parse();
    let exit = Exit::new(arguments.log_format);
    match filter(&arguments) {
        Ok(filter) => log_to_stderr(arguments.log_format, filter),
        Err(failure) => {
            log_to_stderr(arguments.log_format, EnvFilter::new("info"));
            exit.conclude(Ok(Err(failure)));
        }
    }
    cli::log_panics();
    // No state is used after a panic.
    let outcome = catch_unwind(AssertUnwindSafe(|| cli::dispatch(arguments.command, &exit)));
    exit.conclude(outcome)
}

/// The log filter of the arguments, which always admits the reason of a failure.
fn filter(arguments: &Arguments) -> Result<EnvFilter, Failure> {
    let filter = arguments.log_filter();
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        UsageError(format!("--log `{filter}` is not a filter such as `info` or `riveg=debug`: {error}"))
    })?;
    Ok(filter.add_directive(format!("{FAILURE_TARGET}=error").parse()?))
}

/// Standard output holds the results of a command, so the log goes to standard error.
fn log_to_stderr(format: LogFormat, filter: EnvFilter) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // A closed standard error is not a failure, and reporting it on the same closed pipe would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}
