//! Worker process: one engine, real with an echoing pipeline, or broken on purpose.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use riveg::cli::{Exit, Failure};
use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, Rejection};
use riveg::engine::{self, EventAnswer, Settings};
use riveg::input::decode::Decoder;
use riveg::input::formats::InputRecord;
use riveg::kafka::ingest::{self, SourceRecord};
use riveg::kafka::publish::Annotated;
use riveg::telemetry::{Health, Metrics};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::Mode;
use super::broker::{DEAD_LETTERS, GROUP, INPUTS, OUTPUT};

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
    /// One more setting of the engine, as `section.key=value`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) sets: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    // RUST_LOG=riveg=debug logs every step, and the Kafka client's own log.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let exit = Exit::default();
    let ended = riveg::cli::run_async(async {
        let stop = riveg::cli::stop_signal(&exit).unwrap();
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
    let mut sets = vec![
        format!("kafka.bootstrap={}", arguments.bootstrap),
        format!(r"ingest.topic=['{0}', '^{0}\..*']", INPUTS[0]),
        format!("ingest.group={GROUP}"),
        "ingest.commit_interval=200ms".to_owned(),
        "ingest.revoke_deadline=5s".to_owned(),
        format!("publish.topic={OUTPUT}"),
        format!("publish.dead_letter_topic={DEAD_LETTERS}"),
        "engine.posts_in_flight=16".to_owned(),
        "engine.drain_deadline=20s".to_owned(),
        format!("engine.state={}", arguments.state.display()),
        "telemetry.progress=0s".to_owned(),
        // Short timeouts: the group notices dead engines within seconds, so that a run of minutes includes many rebalances.
        "ingest.session_timeout=4s".to_owned(),
    ];
    let mut properties = vec![("heartbeat.interval.ms", "500")];
    if arguments.mode == Mode::ExactlyOnce {
        sets.push("publish.delivery=exactly-once".to_owned());
        sets.push(format!("publish.transactional_id=chaos-{}", arguments.number));
        properties.extend([("transaction.timeout.ms", "20000"), ("message.timeout.ms", "10000")]);
    }
    sets.extend(arguments.sets.iter().cloned());
    let config =
        Config::load(&Sources { sets, ..Sources::default() }).expect("these settings are valid").config;
    let mut settings = Settings::new(&config, "chaos");
    let owned = properties.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    settings.kafka.properties.extend(owned);
    settings
}

/// Decodes a record as the engine does, waits as long as the post requests, and aborts the process if it requests that.
async fn echo(decoder: Decoder, record: InputRecord) -> Vec<EventAnswer> {
    vec![echo_post(decoder, record.payload).await.into()]
}

async fn echo_post(decoder: Decoder, value: Bytes) -> Result<Annotated, Rejection> {
    let post = decoder.decode(value.clone()).await?;
    // The decoder has accepted it, so it is JSON.
    let request: Value = serde_json::from_slice(&value).unwrap_or_default();
    if let Some(takes) = request["takes"].as_u64() {
        tokio::time::sleep(Duration::from_millis(takes)).await;
    }
    if request["kills"] == true {
        std::process::abort();
    }
    Ok(Annotated::new(&post, Annotation { triples: vec![], degraded: vec![] }, &[]))
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
    let bounds = (settings.max_posts(), settings.offsets_by());
    let mut reading = ingest::start(&settings.kafka, settings.ingest, bounds, watch)?;
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
        .insert(Header { key: "riveg.source.topic", value: Some(&*source.topic) })
        .insert(Header { key: "riveg.source.partition", value: Some(&partition) })
        .insert(Header { key: "riveg.source.offset", value: Some(&offset) });
    let (key, value) = (source.key.clone().unwrap_or_default(), b"{}".as_slice());
    let record = BaseRecord::to(OUTPUT).key(&key[..]).payload(value).headers(headers);
    producer.send(record).map_err(|(error, _)| error)?;
    Ok(())
}
