//! What does one engine of the crew do? The real engine, with a pipeline that echoes, or a broken one.

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
use riveg::input::fetch::Fetcher;
use riveg::kafka::ingest::{self, OffsetsBy, SourceRecord};
use riveg::kafka::publish::{self, Annotated, Delivery, Provenance};
use riveg::telemetry::{Health, Metrics};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::Mode;
use super::broker::{DEAD, GROUP, INPUT, OUTPUT};

/// Posts that are worked on at one time.
const IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// Posts that are read and not written.
const READ: NonZeroUsize = NonZeroUsize::new(64).unwrap();

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_enum)]
    pub(crate) mode: Mode,
    #[arg(long)]
    pub(crate) bootstrap: String,
    /// Which of the crew.
    #[arg(long)]
    pub(crate) number: usize,
    /// Where it writes down what it works on.
    #[arg(long)]
    pub(crate) state: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    // RUST_LOG=riveg=debug tells every step, and what the client says of itself.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let ending = Ending::default();
    let ended = riveg::cli::run_to_end(async {
        let stop = riveg::cli::stop_signal(&ending).unwrap();
        match arguments.mode {
            Mode::CommitFirst => commit_first(arguments, stop).await,
            Mode::AtLeastOnce | Mode::ExactlyOnce => {
                let told = (Arc::new(Metrics::new()), Arc::new(Health::default()));
                let decoder = decoder().unwrap();
                let echo = move |value| echo(decoder.clone(), value);
                engine::run(settings(arguments), told, echo, stop).await.map(drop).map_err(Failure::from)
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
    let mut ingest = ingest::Config::new(&arguments.bootstrap, INPUT, GROUP, READ);
    let mut publish = publish::Config::new(&arguments.bootstrap, OUTPUT, DEAD, READ);
    ingest.commit_interval = Duration::from_millis(200);
    ingest.revoke_deadline = Duration::from_secs(5);
    // The group gives up on the dead within seconds: a run of minutes is to see many of them.
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

/// Reads records as the engine does, takes as long as the post says, and does to the process what the post says.
async fn echo(decoder: Decoder, value: Bytes) -> Result<Annotated, Rejection> {
    let post = decoder.decode(value.clone()).await?;
    // What the decoder has read is JSON.
    let asked: Value = serde_json::from_slice(&value).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(asked["takes"].as_u64().unwrap_or(0))).await;
    if asked["kills"] == true {
        std::process::abort();
    }
    Ok(Annotated::new(&post, Annotation { triples: vec![], degraded: vec![] }))
}

/// The decoder as it is set up unless settings say otherwise.
fn decoder() -> Result<Decoder, Failure> {
    let config = Config::load(&Sources::default())?.config;
    let fetcher = Fetcher::new(&config.fetch, config.decode.max_picture.as_u64(), Metrics::new().fetches())?;
    Ok(Decoder::new(config.decode, fetcher))
}

/// An engine that says that it is done with a post before it is: what the real one must never do.
async fn commit_first(arguments: &Arguments, stop: CancellationToken) -> Result<(), Failure> {
    let settings = settings(arguments);
    let watch = ingest::Watch {
        metrics: Arc::new(Metrics::new()),
        health: Arc::new(Health::default()),
        stop: stop.clone(),
        abort: CancellationToken::new(),
    };
    let mut reading = ingest::start(settings.ingest, watch)?;
    let mut client = ClientConfig::new();
    let producer: ThreadedProducer<DefaultProducerContext> =
        client.set("bootstrap.servers", &arguments.bootstrap).create()?;
    let mut later = VecDeque::new();
    loop {
        // So long the offset may be committed, and the answer is nowhere.
        let due =
            later.front().map(|(taken, _): &(Instant, Arc<SourceRecord>)| *taken + Duration::from_secs(1));
        let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
        tokio::select! {
            delivery = reading.deliveries.recv() => {
                let Some(ingest::Delivery { source, ticket, is_gap }) = delivery else { break };
                reading.settled.send(ticket)?;
                if !is_gap {
                    later.push_back((Instant::now(), source));
                }
            }
            () = tokio::time::sleep_until(due.into()) => {
                if let Some((_, source)) = later.pop_front() {
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
