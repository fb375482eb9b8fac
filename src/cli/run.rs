//! `riveg run`: the engine.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::domain::RejectionClass;
use crate::engine;
use crate::runtime::Variant;
use crate::scheduler::ModelError;
use crate::telemetry::{Health, Metrics, serve};

use super::running::Running;
use super::{Failure, Settings, runtime, stop_signal};

/// Read posts from Kafka, annotate them and write the annotations back, until told to stop.
///
/// SIGTERM and SIGINT end it cleanly: what has begun is finished, written and committed, for at most
/// `engine.drain_deadline`. A second signal ends it at once; what was not committed is read again by the next one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg run --config config/local.toml
  riveg run --set kafka.bootstrap=broker:9092 --set ingest.topic=posts --set ingest.group=try-out
  RIVEG_KAFKA__BOOTSTRAP=broker:9092 riveg run --config config/cluster.toml --log-format json")]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

/// Nobody can look at metrics and probes.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at telemetry.address `{address}`")]
struct Deaf {
    address: String,
    source: io::Error,
}

/// The networks will not answer again in this process.
#[derive(Debug, thiserror::Error)]
#[error("the device is lost; nothing more is committed, and a new process reads again what was under way")]
struct Lost(#[source] ModelError);

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let effective = arguments.settings.load()?;
    runtime()?.block_on(until_stopped(&effective.config))
}

async fn until_stopped(config: &Config) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::default()));
    metrics.know_dead_letter_classes(&RejectionClass::ALL.map(RejectionClass::as_str));
    metrics.know_output_topics(&[&config.publish.topic, &config.publish.dead_letter_topic]);
    // First of all, so that a probe learns that the networks are still warming up.
    let ended = CancellationToken::new();
    let _served_until = ended.clone().drop_guard();
    serve_telemetry(&config.telemetry.address, &metrics, &health, ended).await?;

    let running = tokio::select! {
        running = Running::open(config, Variant::default(), Arc::clone(&metrics)) => Arc::new(running?),
        () = stop.cancelled() => return Ok(()),
    };
    health.models_are_warm();
    let settings = engine::Settings::new(config, running.hash());
    let answering = Arc::clone(&running);
    let annotate = move |record| {
        let running = Arc::clone(&answering);
        async move {
            match running.annotate(record).await {
                Ok(answer) => answer,
                // No fault of the post: it stays unanswered, so that its offset is not committed.
                Err(_lost) => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        summary = engine::run(settings, (metrics, Arc::clone(&health)), annotate, stop.clone()) => {
            info!(summary = ?summary?, "stopped");
            Ok(())
        }
        lost = running.lost() => {
            health.is_lost(&lost.to_string());
            stop.cancel();
            Err(Lost(lost).into())
        }
    }
}

/// Answers metrics and probes until `ended`, if there is an address to do it at.
async fn serve_telemetry(
    address: &str,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    ended: CancellationToken,
) -> Result<(), Deaf> {
    if address.is_empty() {
        return Ok(());
    }
    let listener =
        TcpListener::bind(address).await.map_err(|source| Deaf { address: address.to_owned(), source })?;
    info!(address, "metrics and probes are served");
    let serving = serve(listener, Arc::clone(metrics), Arc::clone(health), ended.cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            warn!(%error, "metrics and probes are served no more");
        }
    });
    Ok(())
}
