//! `riveg serve`: posts over HTTP, without Kafka.

use std::sync::Arc;

use tracing::info;

use crate::config::Config;
use crate::engine::runtime::Variant;
use crate::engine::{HttpServer, Monitoring, serve_http};

use super::open::open;
use super::reload::{Reloader, apply_log_filter};
use super::{Exit, Failure, LogFilter, lexicon, run_async, stop_and_hang_up_signals};

/// The address where neither argument nor settings have one.
const ADDRESS: &str = "127.0.0.1:8080";

/// Annotate posts that come over HTTP, without Kafka, until a signal.
///
/// `POST /v1/annotate` takes a post or a batch in any format and answers with annotations; `GET /v1/openapi.json` describes
/// it. At an address that others reach, http.token must be set. SIGTERM and SIGINT end it cleanly: requests in flight are
/// answered within `engine.drain_deadline`. A second one ends it at once. SIGHUP reloads as with `riveg run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg serve --set bundle.path=bundles/pocket
  RIVEG_HTTP__TOKEN='${file:token}' riveg serve --http 0.0.0.0:8080 --config config/local.toml
  curl -H 'content-type: application/json' -d '{\"id\":\"1\",\"text\":\"Ada is in Oslo\"}' 127.0.0.1:8080/v1/annotate")]
pub struct Arguments {
    /// The address to listen at: stands for `--set http.address=ADDRESS` [default: http.address, or 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    #[command(flatten)]
    lexicon: lexicon::LexiconArgument,
    #[command(flatten)]
    settings: super::Settings,
}

pub(super) fn run(arguments: &Arguments, exit: &Exit, log: &LogFilter) -> Result<(), Failure> {
    let settings = match &arguments.http {
        Some(address) => arguments.settings.clone().with("http.address", address),
        None => arguments.settings.clone(),
    };
    let settings = arguments.lexicon.in_settings(settings)?;
    let effective = settings.load()?;
    let mut config = effective.config.clone();
    apply_log_filter(&config, log)?;
    let reloader = Reloader::new(settings, effective, log.clone());
    if !config.http.is_on() {
        ADDRESS.clone_into(&mut config.http.address);
    }
    arguments.lexicon.apply(&mut config)?;
    run_async(until_stopped(&config, exit, reloader))
}

async fn until_stopped(config: &Config, exit: &Exit, reloader: Reloader) -> Result<(), Failure> {
    let (stop, hang_ups) = stop_and_hang_up_signals(exit)?;
    let monitoring = Monitoring::start(config).await?;
    let metrics = Arc::clone(monitoring.metrics());
    let Some(http) = HttpServer::start(config, &metrics).await? else { unreachable!("it has an address") };
    let annotator = tokio::select! {
        annotator = open(config, Variant::default(), Arc::clone(&metrics), exit) => Arc::new(annotator?),
        () = stop.cancelled() => return Ok(()),
    };
    lexicon::log_in_use(&annotator.runtime().pipeline.names.get().expander, None);
    tokio::spawn(reloader.follow(hang_ups, (Arc::clone(&annotator), metrics), stop.clone()));
    let served = serve_http(config, annotator, (&monitoring, http), stop).await;
    monitoring.close().await;
    served?;
    info!("stopped");
    Ok(())
}
