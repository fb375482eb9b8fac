//! `riveg ingest bluesky`: events of Jetstream's WebSocket into a Kafka topic, none lost, repeats under the same key.
//!
//! Read `reader` first (connections one after another), then `unacknowledged` (how far the topic has everything) and
//! `position` (where a run begins).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use tokio::task::block_in_place;
use tracing::info;

use super::{Exit, Failure, Settings, TopicReader, UsageError, moment, run_async, stop_signal};
use crate::config::Config;
use crate::engine::Monitoring;

mod event;
mod position;
mod producer;
mod progress;
mod reader;
mod repeats;
mod socket;
mod subscription;
mod unacknowledged;

use producer::TopicWriter;
use reader::Reader;
use subscription::Subscription;

/// Read posts of Bluesky into a topic, until a signal.
///
/// The key of a record is the post's address, at://DID/COLLECTION/RKEY, so that all changes of a post are in one partition
/// in their order; its value is Jetstream's event. Events of accounts are counted and left out. Each record says in a
/// header up to which time the topic has everything; the next run begins some seconds before the latest such time.
/// Events that Jetstream repeats are dropped while they are remembered; a run that follows a crash may write the last
/// events again, under the same keys.
///
/// Metrics and probes are served at `telemetry.address` if --set gives it. Compressed streams are not used.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg ingest bluesky --out posts --brokers localhost:9092
  riveg ingest bluesky --out posts --since 2h --limit 1000
  riveg ingest bluesky --out posts --dids did:plc:z72i7hdynmk6r22z27h6tvur
  riveg run --set ingest.topic=posts --set fetch.hosts='[\"cdn.bsky.app\",\"video.bsky.app\"]'")]
pub(super) struct Arguments {
    /// The topic to write to.
    #[arg(long, value_name = "TOPIC")]
    out: String,
    /// The brokers, instead of kafka.bootstrap.
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// A server of Jetstream; may be given several times, which are asked in turn.
    #[arg(long, value_name = "URL", default_values = subscription::PUBLIC)]
    url: Vec<String>,
    /// The collections of records, or `PREFIX.*`; with commas or given several times.
    #[arg(long, value_name = "NSID", value_delimiter = ',', default_value = "app.bsky.feed.post")]
    collections: Vec<String>,
    /// Accounts; without any, all of the network.
    #[arg(long, value_name = "DID", value_delimiter = ',')]
    dids: Vec<String>,
    /// Keep the time up to which the topic has everything in this file too, for a topic with several writers.
    #[arg(long, value_name = "FILE")]
    cursor_file: Option<PathBuf>,
    /// Begin at a time such as 2026-01-31T08:00:00Z, so long ago, such as 2h, or at Jetstream's microseconds. Jetstream keeps
    /// about a day [default: where the last run ended, else now].
    #[arg(long, value_name = "TIME", value_parser = position::parse)]
    since: Option<u64>,
    /// End after this many records.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The longest event; longer ones are skipped and counted.
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    max_event: ByteSize,
    /// Connect again after so long without an event; with --dids, without an event or an answer to a ping.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    silence: Duration,
    #[command(flatten)]
    settings: Settings,
}

/// A third of it is between two pings.
const SHORTEST_SILENCE: Duration = Duration::from_millis(100);

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let config = arguments.config()?;
    let subscription = arguments.subscription()?;
    run_async(ingest(arguments, &config, subscription, exit))
}

impl Arguments {
    fn config(&self) -> Result<Config, Failure> {
        let mut settings = self.settings.clone();
        // The settings of an engine on the same machine name an address that the engine uses.
        settings.set.insert(0, "telemetry.address=".to_owned());
        if let Some(brokers) = &self.brokers {
            settings.set.push(format!("kafka.bootstrap={brokers}"));
        }
        Ok(settings.load()?.config)
    }

    fn subscription(&self) -> Result<Subscription, Failure> {
        let Self { url, collections, dids, max_event, silence, .. } = self;
        if *silence < SHORTEST_SILENCE || max_event.as_u64() == 0 {
            let least = "--silence must be at least 100ms, and --max-event 1B";
            return Err(UsageError(least.to_owned()).into());
        }
        Ok(Subscription::new(url, collections, dids, max_event.as_u64()).map_err(UsageError)?)
    }
}

async fn ingest(
    arguments: &Arguments,
    config: &Config,
    subscription: Subscription,
    exit: &Exit,
) -> Result<(), Failure> {
    let stop = stop_signal(exit)?;
    let monitoring = Monitoring::start(config).await?;
    let metrics = monitoring.metrics().feed("bluesky");
    let begin = block_in_place(|| arguments.begin(config))?;
    let file = arguments.cursor_file.as_deref();
    let writer = TopicWriter::new(&config.kafka, &arguments.out, metrics.clone())?;
    let mut reader = Reader {
        subscription,
        writer: &writer,
        metrics,
        health: Arc::clone(monitoring.health()),
        silence: arguments.silence,
        limit: arguments.limit.unwrap_or(u64::MAX),
        report_every: config.telemetry.progress,
        cursor_file: file,
        state: reader::State::beginning(begin),
    };
    let read = reader.run(&stop).await;
    // What was read is written before the failure is told.
    let flushed = block_in_place(|| writer.flush());
    if let (Some(file), Some(cursor)) = (file, writer.cursor()) {
        position::write_file(file, cursor)?;
    }
    let written = writer.written();
    read?;
    flushed?;
    info!(records = written, cursor = writer.cursor(), "ended");
    Ok(())
}

impl Arguments {
    /// Where the first connection begins: at the time of the arguments, else before that of the file or of the topic.
    fn begin(&self, config: &Config) -> Result<Option<u64>, Failure> {
        // Opening tells whether the topic exists, whatever the arguments say.
        let topic = TopicReader::open(&config.kafka, &self.out, "riveg-ingest")?;
        if let Some(since) = self.since {
            return Ok(Some(since));
        }
        let kept = match &self.cursor_file {
            Some(file) => position::read_file(file)?,
            None => position::of_topic(&topic)?,
        };
        match kept {
            Some(cursor) => info!(cursor, "goes on where the last run ended"),
            None => info!("no earlier run is known: begins with new events"),
        }
        Ok(kept.map(reader::rewound))
    }
}
