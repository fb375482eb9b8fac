//! Output format of commands whose output is data: text for people, or JSON for programs.

use std::io::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use super::Failure;
use super::failure::StdoutError;

/// The format of a command's output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// The argument of commands whose output is data.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct FormatArgument {
    /// The format of standard output.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(super) format: OutputFormat,
}

impl FormatArgument {
    /// Whether the output is JSON.
    pub(super) fn is_json(self) -> bool {
        self.format == OutputFormat::Json
    }
}

/// The argument of commands that print data line by line.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct LinesFormat {
    /// The format of standard output; `json`: one JSON object a line.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: OutputFormat,
    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl LinesFormat {
    /// Whether each line is JSON.
    pub(super) fn is_json(self) -> bool {
        self.json || self.format == OutputFormat::Json
    }
}

/// Prints a value as indented JSON.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)?;
    print(&format!("{text}\n"))
}

/// Prints text on standard output.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(StdoutError)?;
    Ok(())
}
