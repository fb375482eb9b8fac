//! `riveg run`: the engine between its Kafka topics.

use std::sync::Arc;

use tracing::info;

use crate::config::Config;
use crate::engine::runtime::Variant;
use crate::engine::{HttpServer, Monitoring, serve};
use crate::kafka::publish::SchemaIds;

use super::open::open;
use super::reload::{Reloader, apply_log_filter};
use super::view::{ADDRESS, EngineMetrics, View};
use super::{Exit, Failure, LogFilter, lexicon, run_async, stop_and_hang_up_signals};

/// Read posts from Kafka, annotate them and write the annotations back, until a signal.
///
/// SIGTERM and SIGINT end it cleanly: posts in flight are finished, written and committed within `engine.drain_deadline`.
/// A second one ends it at once; the next process reads again what was not committed. SIGHUP reloads the lexicon, the
/// wordings of questions, the log filter and the rates of language models; the log says what was reloaded and what was
/// not. The end of its terminal ends it as SIGTERM does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg run --config config/local.toml
  riveg run --set kafka.bootstrap=broker:9092 --set ingest.topic=posts --set ingest.group=try-out
  riveg run --config config/local.toml --http 127.0.0.1:8080
  riveg run --config config/local.toml --view
  RIVEG_KAFKA__BOOTSTRAP=broker:9092 riveg run --config config/cluster.toml --log-format json")]
pub struct Arguments {
    /// Take posts over HTTP too, at this address: stands for `--set http.address=ADDRESS`.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Serve a page with the live feed too, at this address: stands for `--set view.address=ADDRESS`.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = ADDRESS)]
    view: Option<String>,
    #[command(flatten)]
    settings: super::Settings,
}

pub(super) fn run(arguments: &Arguments, exit: &Exit, log: &LogFilter) -> Result<(), Failure> {
    let mut settings = arguments.settings.clone();
    for (key, address) in [("http.address", &arguments.http), ("view.address", &arguments.view)] {
        if let Some(address) = address {
            settings = settings.with(key, address);
        }
    }
    let effective = settings.load()?;
    apply_log_filter(&effective.config, log)?;
    let reloader = Reloader::new(settings, effective.clone(), log.clone());
    run_async(until_stopped(&effective.config, exit, reloader))
}

async fn until_stopped(config: &Config, exit: &Exit, reloader: Reloader) -> Result<(), Failure> {
    let (stop, hang_ups) = stop_and_hang_up_signals(exit)?;
    let monitoring = Monitoring::start(config).await?;
    let metrics = Arc::clone(monitoring.metrics());
    let http = HttpServer::start(config, &metrics).await?;
    let view = if config.view.is_on() {
        Some(View::of_topics(config, Some(EngineMetrics::Here(Arc::clone(&metrics)))).await?)
    } else {
        None
    };
    // Networks take minutes to load: a schema that is refused is told before. It is asked for again when they are warm.
    tokio::select! {
        registered = SchemaIds::register(&config.publish, &config.registry) => drop(registered?),
        () = stop.cancelled() => return Ok(()),
    }
    let annotator = tokio::select! {
        annotator = open(config, Variant::default(), Arc::clone(&metrics), exit) => Arc::new(annotator?),
        () = stop.cancelled() => return Ok(()),
    };
    lexicon::log_in_use(&annotator.runtime().pipeline.names.get().expander, None);
    tokio::spawn(reloader.follow(hang_ups, (Arc::clone(&annotator), metrics), stop.clone()));
    let served = serve(config, annotator, (&monitoring, http), stop).await;
    monitoring.close().await;
    served?;
    if let Some(view) = view {
        view.end().await;
    }
    info!("stopped");
    Ok(())
}
