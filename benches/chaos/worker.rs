//! Worker process: one engine, real with an echoing pipeline, or broken on purpose.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use riveg::cli::{Ending, Failure};
use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, Rejection};
use riveg::engine::{self, Settings};
use riveg::input::decode::Decoder;
use riveg::kafka::ingest::{self, OffsetsBy, SourceRecord};
use riveg::kafka::publish::{self, Annotated, Delivery, Provenance};
use riveg::telemetry::{Health, Metrics};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::Mode;
use super::broker::{DEAD_LETTERS, GROUP, INPUT, OUTPUT};

/// Posts in flight.
const IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// Maximum of records that are read and not yet answered.
const MAX_RECORDS_READ: NonZeroUsize = NonZeroUsize::new(64).unwrap();

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_enum)]
    pub(crate) mode: Mode,
    #[arg(long)]
    pub(crate) bootstrap: String,
    /// Number of this engine.
    #[arg(long)]
    pub(crate) number: usize,
    /// Folder of the engine's state.
    #[arg(long)]
    pub(crate) state: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    // RUST_LOG=riveg=debug logs every step, and the Kafka client's own log.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let ending = Ending::default();
    let ended = riveg::cli::run_to_end(async {
        let stop = riveg::cli::stop_signal(&ending).unwrap();
        match arguments.mode {
            Mode::CommitFirst => commit_first(arguments, stop).await,
            Mode::AtLeastOnce | Mode::ExactlyOnce => {
                let observers = (Arc::new(Metrics::new()), Arc::new(Health::default()));
                let decoder = decoder().unwrap();
                let echo = move |value| echo(decoder.clone(), value);
                engine::run(settings(arguments), observers, echo, stop).await.map(drop).map_err(Failure::from)
            }
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn settings(arguments: &Arguments) -> Settings {
    let mut ingest = ingest::Config::new(&arguments.bootstrap, INPUT, GROUP, MAX_RECORDS_READ);
    let mut publish = publish::Config::new(&arguments.bootstrap, OUTPUT, DEAD_LETTERS, MAX_RECORDS_READ);
    ingest.commit_interval = Duration::from_millis(200);
    ingest.revoke_deadline = Duration::from_secs(5);
    // Short timeouts: the group notices dead engines within seconds, so that a run of minutes includes many rebalances.
    let quick = [("session.timeout.ms", "4000"), ("heartbeat.interval.ms", "500")];
    ingest.kafka.properties.extend(quick.map(|(name, value)| (name.to_owned(), value.to_owned())));
    if arguments.mode == Mode::ExactlyOnce {
        ingest.offsets_by = OffsetsBy::Transaction;
        publish.delivery = Delivery::ExactlyOnce {
            transactional_id: format!("chaos-{}", arguments.number),
            input: INPUT.to_owned(),
            interval: ingest.commit_interval,
        };
        let quick = [("transaction.timeout.ms", "20000"), ("message.timeout.ms", "10000")];
        publish.kafka.properties.extend(quick.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    Settings {
        ingest,
        publish,
        provenance: Provenance::of_bundle("chaos"),
        posts_in_flight: IN_FLIGHT,
        max_age: None,
        drain_deadline: Duration::from_secs(20),
        state: Some(arguments.state.clone()),
        progress: None,
    }
}

/// Decodes a record as the engine does, waits as long as the post requests, and aborts the process if it requests that.
async fn echo(decoder: Decoder, value: Bytes) -> Result<Annotated, Rejection> {
    let post = decoder.decode(value.clone()).await?;
    // The decoder has accepted it, so it is JSON.
    let request: Value = serde_json::from_slice(&value).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(request["takes"].as_u64().unwrap_or(0))).await;
    if request["kills"] == true {
        std::process::abort();
    }
    Ok(Annotated::new(&post, Annotation { triples: vec![], degraded: vec![] }))
}

/// The decoder with default settings.
fn decoder() -> Result<Decoder, Failure> {
    let config = Config::load(&Sources::default())?.config;
    Ok(engine::decoder(&config, &Metrics::new())?)
}

/// A broken engine that settles a post's ticket before its answer is written.
async fn commit_first(arguments: &Arguments, stop: CancellationToken) -> Result<(), Failure> {
    let settings = settings(arguments);
    let watch = ingest::IngestControl {
        metrics: Arc::new(Metrics::new()),
        health: Arc::new(Health::default()),
        stop: stop.clone(),
        abort: CancellationToken::new(),
    };
    let mut reading = ingest::start(settings.ingest, watch)?;
    let mut client = ClientConfig::new();
    let producer: ThreadedProducer<DefaultProducerContext> =
        client.set("bootstrap.servers", &arguments.bootstrap).create()?;
    let mut unanswered = VecDeque::new();
    loop {
        // For this second the offset may be committed while no answer exists.
        let due = unanswered
            .front()
            .map(|(taken, _): &(Instant, Arc<SourceRecord>)| *taken + Duration::from_secs(1));
        let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
        tokio::select! {
            delivery = reading.records.recv() => {
                let Some(ingest::TicketedRecord { source, ticket, is_gap }) = delivery else { break };
                reading.settled.send(ticket)?;
                if !is_gap {
                    unanswered.push_back((Instant::now(), source));
                }
            }
            () = tokio::time::sleep_until(due.into()) => {
                if let Some((_, source)) = unanswered.pop_front() {
                    answer(&producer, &source)?;
                }
            }
        }
    }
    producer.flush(Duration::from_secs(5))?;
    Ok(())
}

fn answer(producer: &ThreadedProducer<DefaultProducerContext>, source: &SourceRecord) -> Result<(), Failure> {
    let offset = source.offset.to_string();
    let partition = source.partition.to_string();
    let headers = OwnedHeaders::new()
        .insert(Header { key: "riveg.source.partition", value: Some(&partition) })
        .insert(Header { key: "riveg.source.offset", value: Some(&offset) });
    let (key, value) = (source.key.clone().unwrap_or_default(), b"{}".as_slice());
    let record = BaseRecord::to(OUTPUT).key(&key[..]).payload(value).headers(headers);
    producer.send(record).map_err(|(error, _)| error)?;
    Ok(())
}
