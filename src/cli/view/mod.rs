//! `riveg view`: a page with the live feed: posts with their entities, pictures with boxes and masks, figures, dead letters.
//!
//! Read `server` first, then `router` (addresses and headers), `access` (who may open it), `window` and `feed` (what all
//! pages share), `events` (the stream of a page). `topics` and `lines` write to the window; `source_post`, `post_buffer` and
//! `posts_file` find the post of an answer, and `shown_post` joins both. `watch_engine` and `figures` read metrics. The
//! folder `page` is what the browser gets, as it is.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tracing::info;

use crate::common::http_util::TextClient;
use crate::config::Config;

use super::failure::StdoutError;
use super::{Exit, Failure, UsageError, run_async, stop_signal};

mod access;
mod assets;
mod browser;
mod events;
mod exposition;
mod feed;
mod figures;
mod letter;
mod lines;
mod pictures;
mod plain_file;
mod post_buffer;
mod posts_file;
mod router;
mod server;
mod service;
mod shown_post;
mod source_post;
mod topics;
mod watch_engine;
mod window;

pub(super) use browser::open as open_browser;
use lines::AnswersFile;
use posts_file::PostsFile;
use server::PageServer;
use service::About;
use source_post::PostReader;
use topics::TopicFeed;
pub(super) use watch_engine::EngineMetrics;

/// The address where neither argument nor settings have one.
pub(super) const ADDRESS: &str = "127.0.0.1:8090";

/// Show the live feed on a page: posts with their entities, pictures with boxes and masks, figures and dead letters.
///
/// It reads the topics of the settings without a consumer group and commits nothing; or a file of answers, which may grow.
/// The page is served at a loopback address, unless view.token is set. It needs nothing from other servers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg view --config config/local.toml             the topics of a running engine
  riveg view --metrics http://engine:9090/metrics   with its figures
  riveg view annotations.jsonl --posts posts.jsonl  answers of a file, with the texts and pictures of their posts
  riveg annotate posts.jsonl | riveg view - --posts posts.jsonl
  RIVEG_VIEW__TOKEN='${file:token}' riveg view --address 0.0.0.0:8090")]
pub struct Arguments {
    /// A file of answers, one a line; `-` is standard input [default: the topics of the settings].
    #[arg(value_name = "ANSWERS")]
    answers: Option<PathBuf>,
    /// The file of the posts that these answers are of, for their texts and pictures.
    #[arg(long, value_name = "FILE", requires = "answers")]
    posts: Option<PathBuf>,
    /// The address to listen at: stands for `--set view.address=ADDRESS` [default: view.address, or 127.0.0.1:8090].
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The metrics of the engine whose figures are drawn.
    #[arg(long, value_name = "URL")]
    metrics: Option<String>,
    /// Let the page send dead letters again: stands for `--set view.replay=true`.
    #[arg(long)]
    allow_replay: bool,
    /// Open the page in a browser.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    settings: super::Settings,
}

/// A page that is served, and what writes to its window.
pub(super) struct View {
    server: PageServer,
    writers: Vec<JoinHandle<()>>,
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let mut settings = arguments.settings.clone();
    if let Some(address) = &arguments.address {
        settings = settings.with("view.address", address);
    }
    if arguments.allow_replay {
        settings = settings.with("view.replay", "true");
    }
    let mut config = settings.load()?.config;
    if !config.view.is_on() {
        ADDRESS.clone_into(&mut config.view.address);
    }
    let metrics = arguments.metrics.as_deref().map(TextClient::new).transpose();
    let metrics = metrics.map_err(|fault| UsageError(format!("--metrics: {fault}")))?;
    run_async(until_stopped(arguments, &config, metrics.map(EngineMetrics::Behind), exit))
}

async fn until_stopped(
    arguments: &Arguments,
    config: &Config,
    metrics: Option<EngineMetrics>,
    exit: &Exit,
) -> Result<(), Failure> {
    let stop = stop_signal(exit)?;
    let view = match &arguments.answers {
        None => View::of_topics(config, metrics).await?,
        Some(path) => {
            let limit = config.decode.max_record.as_u64();
            let posts = arguments.posts.as_deref();
            let posts =
                posts.map(|path| PostsFile::open(path, PostReader::new(config), limit)).transpose()?;
            View::of_file(config, (path.clone(), posts), metrics).await?
        }
    };
    writeln!(io::stdout(), "the page is at {}", view.url()).map_err(StdoutError)?;
    if arguments.open {
        open_browser(&view.url());
    }
    stop.cancelled().await;
    view.end().await;
    info!("stopped");
    Ok(())
}

impl View {
    /// A page of the topics of an engine.
    pub(super) async fn of_topics(config: &Config, metrics: Option<EngineMetrics>) -> Result<Self, Failure> {
        let source = format!("{} at {}", config.publish.topic, config.kafka.bootstrap);
        let about = About { source, has_letters: true, has_metrics: metrics.is_some() };
        let server = PageServer::start(config, &about).await?;
        let (topics, closed) = (TopicFeed::new(config, Arc::clone(server.feed()))?, server.closed());
        let mut view = Self { server, writers: Vec::new() };
        view.writers.push(tokio::task::spawn_blocking(move || topics.run(&closed)));
        view.watch(metrics);
        Ok(view)
    }

    /// A page of a file of answers.
    async fn of_file(
        config: &Config,
        (path, posts): (PathBuf, Option<PostsFile>),
        metrics: Option<EngineMetrics>,
    ) -> Result<Self, Failure> {
        let about =
            About { source: path.display().to_string(), has_letters: false, has_metrics: metrics.is_some() };
        let server = PageServer::start(config, &about).await?;
        let (answers, closed) =
            (AnswersFile::open(&path, posts, Arc::clone(server.feed()))?, server.closed());
        let mut view = Self { server, writers: Vec::new() };
        view.writers.push(tokio::task::spawn_blocking(move || answers.run(&closed)));
        view.watch(metrics);
        Ok(view)
    }

    fn watch(&mut self, metrics: Option<EngineMetrics>) {
        if let Some(metrics) = metrics {
            let (feed, closed) = (Arc::clone(self.server.feed()), self.server.closed());
            self.writers.push(tokio::spawn(watch_engine::watch(metrics, feed, closed)));
        }
    }

    /// Where to look.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Ends the page and what writes to it.
    pub(super) async fn end(self) {
        self.server.end().await;
        for writer in self.writers {
            // A panic has been logged. Standard input may hold its thread: the runtime does not wait for it.
            if writer.is_finished() {
                let _ = writer.await;
            }
        }
    }
}
