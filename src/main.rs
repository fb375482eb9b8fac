//! The `riveg` command: arguments, logging, exit codes.
//!
//! Exit codes: 0 done, 1 failed, 2 asked for wrongly (arguments or settings), 130 cut short by a second signal.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use riveg::cli::{self, Arguments, LogFormat};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = log_to_stderr(&arguments) {
        eprintln!("riveg: {error:#}");
        return ExitCode::from(cli::ASKED_WRONGLY);
    }
    match cli::dispatch(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough, as `head` has.
        Err(failure) if cli::reader_has_gone(failure.as_ref()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = cli::exit_code(failure.as_ref());
            // With all its causes, in one paragraph.
            eprintln!("riveg: {:#}", anyhow::Error::from_boxed(failure));
            ExitCode::from(code)
        }
    }
}

/// Standard output belongs to what a command produces, so the log goes to standard error.
fn log_to_stderr(arguments: &Arguments) -> anyhow::Result<()> {
    let filter = arguments.log_filter();
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        anyhow::anyhow!("--log `{filter}` is no filter such as `info` or `riveg=debug`: {error}")
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}
