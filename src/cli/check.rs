//! `riveg check`: would it run?

use std::fmt::Write as _;
use std::io::Write as _;

use crate::bundle::Bundle;
use crate::config::Config;

use super::{Failure, Settings};

/// Look at settings, bundle, brokers and topics, and say what is wrong, without running.
///
/// Prints the settings that hold, each with the layer it comes from and secrets blotted out, then a table of what was
/// looked at. Exit code 1 if anything in it failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg check                                   the defaults
  riveg check --config config/cluster.toml
  riveg check --skip kafka                      where no broker is in reach
  RIVEG_KAFKA__BOOTSTRAP=broker:9092 riveg check --set ingest.topic=posts")]
pub struct Arguments {
    /// What not to look at; may be given several times.
    #[arg(long, value_enum, value_name = "PART")]
    skip: Vec<Part>,
    #[command(flatten)]
    settings: Settings,
}

/// What is looked at beside the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Manifest, hashes and weights of the bundle.
    Bundle,
    /// Brokers and topics.
    Kafka,
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    what: String,
    found: Result<String, String>,
}

/// Something in the table failed.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} checks failed")]
struct ChecksFailed {
    failed: usize,
    all: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let effective = arguments.settings.load()?;
    let mut out = std::io::stdout().lock();
    write!(out, "{effective}")?;
    let mut findings = Vec::new();
    if !arguments.skip.contains(&Part::Bundle) {
        findings.push(look_at_bundle(&effective.config));
    }
    out.write_all(table(&findings).as_bytes())?;
    match findings.iter().filter(|finding| finding.found.is_err()).count() {
        0 => Ok(()),
        failed => Err(ChecksFailed { failed, all: findings.len() }.into()),
    }
}

/// Opens the bundle as the engine would and lets go of it.
fn look_at_bundle(config: &Config) -> Finding {
    let path = &config.bundle.path;
    let found = match Bundle::open(path) {
        Ok(bundle) => {
            Ok(format!("{} {} {}", bundle.manifest().name, bundle.manifest().version, bundle.hash()))
        }
        Err(error) => Err(with_causes(&error)),
    };
    Finding { what: format!("bundle {}", path.display()), found }
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.what.chars().count()).max().unwrap_or_default();
    let mut table = String::new();
    for Finding { what, found } in findings {
        let (state, text) = match found {
            Ok(text) => ("ok    ", text),
            Err(text) => ("FAILED", text),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{what:width$}  {state}  {text}");
    }
    table
}
