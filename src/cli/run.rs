//! `riveg run`: the engine.

use std::sync::Arc;

use tracing::info;

use crate::config::Config;
use crate::engine::runtime::Variant;
use crate::engine::{Monitoring, serve};

use super::open::open;
use super::{Ending, Failure, lexicon, run_to_end, stop_signal};

/// Read posts from Kafka, annotate them and write the annotations back, until told to stop.
///
/// SIGTERM, SIGINT and SIGHUP end it cleanly: what has begun is finished, written and committed, for at most
/// `engine.drain_deadline`. A second SIGTERM or SIGINT ends it at once; what was not committed is read again by the next
/// one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg run --config config/local.toml
  riveg run --set kafka.bootstrap=broker:9092 --set ingest.topic=posts --set ingest.group=try-out
  RIVEG_KAFKA__BOOTSTRAP=broker:9092 riveg run --config config/cluster.toml --log-format json")]
pub struct Arguments {
    #[command(flatten)]
    settings: super::Settings,
}

pub(super) fn run(arguments: &Arguments, ending: &Ending) -> Result<(), Failure> {
    let effective = arguments.settings.load()?;
    run_to_end(until_stopped(&effective.config, ending))
}

async fn until_stopped(config: &Config, ending: &Ending) -> Result<(), Failure> {
    let stop = stop_signal(ending)?;
    let monitoring = Monitoring::start(config).await?;
    let metrics = Arc::clone(monitoring.metrics());
    let annotator = tokio::select! {
        annotator = open(config, Variant::default(), metrics, ending) => Arc::new(annotator?),
        () = stop.cancelled() => return Ok(()),
    };
    lexicon::say_in_use(&annotator.runtime().pipeline.expander, None);
    serve(config, annotator, &monitoring, stop).await?;
    info!("stopped");
    Ok(())
}
