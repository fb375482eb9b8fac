//! `riveg ingest`: reads a feed from its source into a Kafka topic.

use super::{Exit, Failure, Settings, TopicReader, UsageError, moment, run_async, stop_signal};

mod bluesky;

/// Read a feed from its source into a topic, for `riveg run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg ingest bluesky --out posts")]
pub struct Arguments {
    #[command(subcommand)]
    feed: Feed,
}

// A comment on a feed would replace the help of its arguments.
#[derive(Debug, clap::Subcommand)]
enum Feed {
    Bluesky(bluesky::Arguments),
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    match &arguments.feed {
        Feed::Bluesky(arguments) => bluesky::run(arguments, exit),
    }
}
