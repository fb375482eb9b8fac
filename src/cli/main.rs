//! The `riveg` command: arguments, logging, exit codes.
//!
//! Exit codes: 0 done, 1 failed, 2 asked for wrongly (arguments or settings), 3 done but for lines that were refused
//! (annotate), 130 cut short by a second signal.

use std::io::IsTerminal;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;
use riveg::cli::{self, Arguments, AskedWrongly, Ending, FAILURE, Failure, LogFormat};
use tikv_jemallocator::Jemalloc;
use tracing_subscriber::EnvFilter;

/// Of this binary and of the libraries that it is linked to, libtorch among them: it gives back to the system within some
/// ten seconds what a burst of large pictures has freed, which the C library's own keeps.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ! {
    let arguments = Arguments::parse();
    let ending = Ending::told_in(arguments.log_format);
    match filter(&arguments) {
        Ok(filter) => log_to_stderr(arguments.log_format, filter),
        Err(failure) => {
            log_to_stderr(arguments.log_format, EnvFilter::new("info"));
            ending.conclude(Ok(Err(failure)));
        }
    }
    cli::log_panics();
    // Nothing of it is looked at after a panic.
    let outcome = catch_unwind(AssertUnwindSafe(|| cli::dispatch(arguments.command, &ending)));
    ending.conclude(outcome)
}

/// What is logged: what was asked for, and in any case why the command failed.
fn filter(arguments: &Arguments) -> Result<EnvFilter, Failure> {
    let filter = arguments.log_filter();
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        AskedWrongly(format!("--log `{filter}` is no filter such as `info` or `riveg=debug`: {error}"))
    })?;
    Ok(filter.add_directive(format!("{FAILURE}=error").parse()?))
}

/// Standard output belongs to what a command produces, so the log goes to standard error.
fn log_to_stderr(format: LogFormat, filter: EnvFilter) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // A log that nobody reads any more is no fault; telling of it on the same closed pipe would be a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}
