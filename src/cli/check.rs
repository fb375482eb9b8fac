//! `riveg check`: would it run?

use std::io::Write;

use super::{Failure, Settings};

/// Prints the settings that hold, each with the layer it comes from and secrets blotted out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg check                                   the defaults
  riveg check --config config/cluster.toml
  RIVEG_KAFKA__BOOTSTRAP=broker:9092 riveg check --set ingest.topic=posts")]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let effective = arguments.settings.load()?;
    write!(std::io::stdout().lock(), "{effective}")?;
    Ok(())
}
