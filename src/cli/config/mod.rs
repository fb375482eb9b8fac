//! `riveg config`: prints effective settings, explains keys, and compares settings.

use clap::Subcommand;

use super::output_format::{FormatArgument, print, print_json};
use super::{Failure, Settings, UsageError};
use crate::config::explain;

mod diff;
mod explanation;

/// Print effective settings, explain one, or compare two sets of them.
///
/// None of them connects to anything. Secrets are not shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg config show --config config/local.toml          every setting, and where it comes from
  riveg config show llm --format json                   one section, for programs
  riveg config explain engine.posts_in_flight           meaning, default, present value, variable
  riveg config explain telemetry                        a section and its keys
  riveg config diff --config config/cluster.toml        what differs from the defaults
  riveg config diff --config new.toml --against old.toml")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the effective settings, each with the file and line, variable or flag that it comes from.
    #[command(after_help = "Examples:\n  riveg config show kafka --config config/cluster.toml")]
    Show {
        /// A section or a key; without it, all settings are printed.
        #[arg(value_name = "KEY")]
        key: Option<String>,
        #[command(flatten)]
        format: FormatArgument,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print what a setting means: its comment, default, present value, environment variable, and whether SIGHUP reloads it.
    #[command(
        after_help = "Examples:\n  riveg config explain ingest.start\n  riveg config explain llm.local.timeout"
    )]
    Explain {
        /// The key, such as `engine.posts_in_flight`, or a section, such as `engine`.
        #[arg(value_name = "KEY")]
        key: String,
        #[command(flatten)]
        format: FormatArgument,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the settings whose values differ from the defaults, or from those of other files.
    #[command(
        after_help = "Examples:\n  riveg config diff --config config/gpu.toml --against config/local.toml"
    )]
    Diff(diff::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.what {
        What::Show { key, format, settings } => show(key.as_deref(), *format, settings),
        What::Explain { key, format, settings } => explanation::run(key, *format, settings),
        What::Diff(arguments) => diff::run(arguments),
    }
}

fn show(key: Option<&str>, format: FormatArgument, settings: &Settings) -> Result<(), Failure> {
    let mut effective = settings.load()?;
    if let Some(key) = key {
        explain(key).map_err(|unknown| UsageError(unknown.to_string()))?;
        effective = effective.narrowed(key);
    }
    if format.is_json() { print_json(&effective.entries()) } else { print(&effective.to_string()) }
}
