//! `riveg serve`: posts over HTTP, without Kafka.

use std::sync::Arc;

use tracing::info;

use crate::config::Config;
use crate::engine::runtime::Variant;
use crate::engine::{HttpServer, Monitoring, serve_http};

use super::open::open;
use super::{Exit, Failure, lexicon, run_async, stop_signal};

/// The address where neither argument nor settings have one.
const ADDRESS: &str = "127.0.0.1:8080";

/// Annotate posts that come over HTTP, without Kafka, until a signal.
///
/// `POST /v1/annotate` takes a post or a batch in any format and answers with annotations; `GET /v1/openapi.json` describes
/// it. At an address that others reach, http.token must be set. SIGTERM, SIGINT and SIGHUP end it cleanly: requests in
/// flight are answered within `engine.drain_deadline`. A second SIGTERM or SIGINT ends it at once.
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

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let settings = match &arguments.http {
        Some(address) => arguments.settings.clone().with("http.address", address),
        None => arguments.settings.clone(),
    };
    let mut config = settings.load()?.config;
    if !config.http.is_on() {
        ADDRESS.clone_into(&mut config.http.address);
    }
    arguments.lexicon.apply(&mut config)?;
    run_async(until_stopped(&config, exit))
}

async fn until_stopped(config: &Config, exit: &Exit) -> Result<(), Failure> {
    let stop = stop_signal(exit)?;
    let monitoring = Monitoring::start(config).await?;
    let metrics = Arc::clone(monitoring.metrics());
    let Some(http) = HttpServer::start(config, &metrics).await? else { unreachable!("it has an address") };
    let annotator = tokio::select! {
        annotator = open(config, Variant::default(), metrics, exit) => Arc::new(annotator?),
        () = stop.cancelled() => return Ok(()),
    };
    lexicon::log_in_use(&annotator.runtime().pipeline.expander, None);
    serve_http(config, annotator, (&monitoring, http), stop).await?;
    info!("stopped");
    Ok(())
}
