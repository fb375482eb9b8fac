//! `riveg demo`: a demonstration with a broker inside the process.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::ProgressDrawTarget;
use tokio::task::block_in_place;

use crate::config::Config;
use crate::engine::runtime::{self, Expansions, Variant};
use crate::engine::{Monitoring, Summary, annotate_topic};
use crate::kafka::client::Connection;
use crate::kafka::publish::EmbeddedBroker;
use crate::lab::dataset::Example;
use crate::networks::bundle::Bundle;
use crate::stages::lexicon::Lexicon;

use super::failure::StdoutError;
use super::open::open;
use super::{Exit, Failure, Settings, progress, run_async, stop_signal, view};

mod cards;
mod exchange;
mod feed;
mod language_model;
mod outcome;
mod posts;
mod progress_line;
mod report;
mod triples;

use exchange::{Exchange, ExchangeError, InputRecord, SendWindow, Topics, WINDOW_BYTES, exchange};
use feed::{Feed, PictureServer};
use language_model::LanguageModel;
use outcome::{DemoRun, PicturesRead};
use posts::Posts;
use progress_line::{print_line, seconds};

/// Stream posts of the pocket world through Kafka and the engine, and show the results.
///
/// Everything runs in this process: a broker, the engine of `riveg run`, a producer of posts with names that training
/// never saw, a stand-in for a language model that expands the names, and a consumer of the answers. The output is a table
/// of rates, latencies, batches, caches, questions and scores against gold, and a contact sheet of twelve posts.
///
/// With --feed-file the posts are those of a file, and there are no scores. The stand-in then knows the names of a
/// lexicon.jsonl beside the file, as `riveg world generate` writes it, and is left out where there is none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg demo                        300 posts, figures and contact sheet in target/demo
  riveg demo --view                 the posts on a page as they are answered
  riveg demo --keep                 keep running afterwards, for other producers and consumers
  riveg demo --no-llm               phrases from a lexicon, without a language model
  riveg demo --feed jetstream --triples   Bluesky's events in, triples out as they come
  riveg demo --feed-file posts.jsonl      posts of a file, with its pictures
  riveg demo --posts 2000 --seed 7 --set engine.posts_in_flight=128")]
pub struct Arguments {
    /// The number of posts [default: 300; of a file: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    posts: Option<u64>,
    /// The seed of the pocket world.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The folder of posts, annotations, report and contact sheet.
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    out: PathBuf,
    /// The bundle, instead of that of the settings.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// The form of the posts.
    #[arg(long, value_enum, default_value = "riveg", value_name = "FORMAT")]
    feed: Feed,
    /// A file of posts, one a line, instead of the pocket world: in any format that `riveg run` reads.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "feed"])]
    feed_file: Option<PathBuf>,
    /// Print each triple of a post, entity and region as it comes, from an output of its own.
    #[arg(long)]
    triples: bool,
    /// Take expansions from a lexicon of the posts, without a language model.
    #[arg(long)]
    no_llm: bool,
    /// Keep running afterwards, until SIGINT or SIGTERM.
    #[arg(long)]
    keep: bool,
    /// Show the posts on a page as they are answered, and keep it running afterwards. It is opened where there is a
    /// desktop.
    #[arg(long)]
    view: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Posts of the pocket world where nobody says how many.
const POSTS: u64 = 300;

/// Partitions of each topic.
const PARTITIONS: i32 = 3;

/// Between two checks whether partitions are assigned.
const READY_POLL: Duration = Duration::from_millis(20);

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let config = arguments.config()?;
    let bundle = open_bundle(&config)?;
    run_async(demonstrate(arguments, config, &bundle, exit))
}

impl Arguments {
    /// The folder of posts, pictures, gold and lexicon.
    fn world(&self) -> PathBuf {
        self.out.join("world")
    }

    /// The posts that are streamed.
    fn posts(&self, config: &Config) -> Result<Posts, Failure> {
        match &self.feed_file {
            Some(file) => {
                let most =
                    self.posts.map_or(usize::MAX, |posts| usize::try_from(posts).unwrap_or(usize::MAX));
                let posts = Posts::of_file(file, most, config)?;
                fs::create_dir_all(&self.out)
                    .map_err(|error| format!("failed to create `{}`: {error}", self.out.display()))?;
                Ok(posts)
            }
            None => Posts::of_world(self.seed, self.posts.unwrap_or(POSTS), &self.world()),
        }
    }

    /// Whether a stand-in answers questions about names: the settings name neither a model nor a lexicon.
    fn asks_stand_in(&self, config: &Config) -> bool {
        let expand = &config.expand;
        // A vision model that reads whole posts needs no expansions.
        let has_own = !expand.endpoints.is_empty()
            || !expand.lexicon.as_os_str().is_empty()
            || !config.vision.post.is_empty();
        !self.no_llm && !has_own
    }

    /// The settings, with defaults of the demonstration.
    fn config(&self) -> Result<Config, Failure> {
        let mut settings = self.settings.clone();
        // Any free port: the default one may be taken.
        settings.set.insert(0, "telemetry.address=127.0.0.1:0".to_owned());
        let mut config = settings.load()?.config;
        if self.view && !config.view.is_on() {
            view::ADDRESS.clone_into(&mut config.view.address);
        }
        if let Some(folder) = &self.bundle {
            config.bundle.path.clone_from(folder);
        }
        Ok(config)
    }
}

fn open_bundle(settings: &Config) -> Result<Bundle, Failure> {
    if !settings.bundle.path.exists() {
        let folder = settings.bundle.path.display();
        return Err(format!(
            "there is no bundle of networks at `{folder}`. The pocket bundle comes with the repository, in \
             `bundles/pocket`: run this from the repository's folder, or name another bundle with --bundle DIR; `riveg \
             train pocket` makes one from nothing, in some hours on two cores"
        )
        .into());
    }
    Ok(runtime::open(settings)?)
}

async fn demonstrate(
    arguments: &Arguments,
    mut config: Config,
    bundle: &Bundle,
    exit: &Exit,
) -> Result<(), Failure> {
    let stop = stop_signal(exit)?;
    let mut posts = block_in_place(|| arguments.posts(&config))?;
    let _pictures = match arguments.feed {
        Feed::Riveg => None,
        Feed::Jetstream => {
            Some(PictureServer::start(feed::as_events(&mut posts.examples)?, &mut config).await?)
        }
    };
    let _language_model = match &posts.lexicon {
        Some(lexicon) if arguments.asks_stand_in(&config) => {
            Some(LanguageModel::start(lexicon, &mut config).await?)
        }
        _ => None,
    };
    let triples = arguments.triples.then(|| triples::add_output(&mut config));
    let (_broker, topics) = open_broker(&config, triples)?;
    // The broker inside this process needs no authentication.
    config.kafka = Connection::to(&topics.bootstrap);
    let monitoring = Arc::new(Monitoring::start(&config).await?);
    let view = if arguments.view {
        let metrics = view::EngineMetrics::Here(Arc::clone(monitoring.metrics()));
        let view = view::View::of_topics(&config, Some(metrics)).await?;
        print_line("page", &view.url())?;
        view::open_browser(&view.url());
        Some(view)
    } else {
        None
    };
    let began = Instant::now();
    let variant =
        Variant { expansions: expansions(posts.lexicon.as_deref(), &config)?, ..Variant::default() };
    let metrics = Arc::clone(monitoring.metrics());
    let annotator = tokio::select! {
        annotator = open(&config, variant, metrics, exit) => Arc::new(annotator?),
        () = stop.cancelled() => return Ok(()),
    };
    let (name, device) = (annotator.bundle().title(), &config.device.name);
    print_line("networks", &format!("bundle `{name}` on {device}, warm after {}", seconds(began.elapsed())))?;

    let engine_stop = stop.child_token();
    let mut engine = tokio::spawn({
        let (config, annotator, monitoring) =
            (config.clone(), Arc::clone(&annotator), Arc::clone(&monitoring));
        let stop = engine_stop.clone();
        async move { annotate_topic(&config, annotator, &monitoring, stop).await }
    });
    let is_over = || stop.is_cancelled() || engine.is_finished();
    // The group takes some seconds to form, which must not count as latency.
    while monitoring.health().ready(Instant::now()).is_err() && !is_over() {
        tokio::time::sleep(READY_POLL).await;
    }
    let demo_run = DemoRun {
        out: &arguments.out,
        seed: arguments.feed_file.is_none().then_some(arguments.seed),
        bundle,
        config: &config,
        posts: &posts,
        annotator: &annotator,
    };
    let mut shown = show(&demo_run, &topics, is_over).await;
    if (arguments.keep || arguments.view) && shown.is_ok() {
        shown = print_addresses(&topics, &monitoring, view.as_ref());
        tokio::select! {
            () = stop.cancelled() => {}
            // The engine ends by itself only after a fatal error.
            ended = &mut engine => return settled(ended??),
        }
    }
    if !arguments.view && shown.is_ok() {
        shown = print_line("to look at it", "make demo ARGS=--view").map_err(Into::into);
    }
    engine_stop.cancel();
    if let Some(view) = view {
        view.end().await;
    }
    // An error of the engine explains missing answers, so it comes first.
    let summary = engine.await??;
    monitoring.close().await;
    shown?;
    settled(summary)
}

/// Streams the posts through the engine, prints and writes the results.
async fn show(demo_run: &DemoRun<'_>, topics: &Topics, is_over: impl Fn() -> bool) -> Result<(), Failure> {
    let warm = PicturesRead::so_far(demo_run.annotator.runtime());
    let window = SendWindow { posts: 2 * demo_run.config.engine.posts_in_flight, bytes: WINDOW_BYTES };
    let exchanged = block_in_place(|| stream(topics, &demo_run.posts.examples, window, is_over));
    let exchange = exchanged.map_err(|error| match error {
        ExchangeError::Print(source) => Failure::from(StdoutError(source)),
        other => other.into(),
    })?;
    demo_run.finish(&warm, &exchange, window.posts).await
}

fn stream(
    topics: &Topics,
    posts: &[Example],
    window: SendWindow,
    is_over: impl Fn() -> bool,
) -> Result<Exchange, ExchangeError> {
    let bar = progress::bar(posts.len() as u64, "{bar:40} {pos} of {len} posts answered, {elapsed} gone");
    if topics.triples.is_some() {
        // The lines of triples are the progress.
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let posts: Vec<InputRecord<'_>> =
        posts.iter().map(|post| InputRecord { id: &post.gold.id, value: &post.record }).collect();
    let exchange = exchange(topics, &posts, window, is_over, |settled| bar.set_position(settled as u64));
    bar.finish_and_clear();
    exchange
}

fn open_broker(config: &Config, triples: Option<String>) -> Result<(EmbeddedBroker, Topics), Failure> {
    let broker = EmbeddedBroker::start()?;
    let topics = Topics {
        bootstrap: broker.bootstrap(),
        input: config
            .ingest
            .topic
            .only()
            .ok_or("the demo reads one topic: set ingest.topic to its name")?
            .to_owned(),
        output: config.publish.topic.clone(),
        dead_letters: config.publish.dead_letter_topic.clone(),
        triples,
        partitions: PARTITIONS,
    };
    for topic in [&topics.input, &topics.output, &topics.dead_letters].into_iter().chain(&topics.triples) {
        broker.create_topic(topic, PARTITIONS)?;
    }
    let bootstrap = &topics.bootstrap;
    print_line("broker", &format!("{bootstrap}, inside this process; {PARTITIONS} partitions a topic"))?;
    Ok((broker, topics))
}

/// The sources of the settings, or the lexicon of these posts, if they have one, where the settings name neither a lexicon
/// nor a model.
fn expansions(lexicon: Option<&Path>, config: &Config) -> Result<Expansions, Failure> {
    let has_own = !config.expand.lexicon.as_os_str().is_empty() || !config.expand.endpoints.is_empty();
    match lexicon.filter(|_| !has_own) {
        Some(lexicon) => Ok(Expansions::Given(Lexicon::load(lexicon)?)),
        None => Ok(Expansions::Configured),
    }
}

fn print_addresses(
    topics: &Topics,
    monitoring: &Monitoring,
    view: Option<&view::View>,
) -> Result<(), Failure> {
    writeln!(io::stdout())?;
    print_line("still up", "until Ctrl-C; posts in, annotations and dead letters out:")?;
    print_line("broker", &topics.bootstrap)?;
    print_line("posts", &topics.input)?;
    print_line("annotations", &topics.output)?;
    print_line("dead letters", &topics.dead_letters)?;
    if let Some(topic) = &topics.triples {
        print_line("triples", topic)?;
    }
    if let Some(view) = view {
        print_line("page", &view.url())?;
    }
    if let Some(address) = monitoring.address() {
        print_line(
            "metrics",
            &format!("http://{address}/metrics, http://{address}/livez, http://{address}/readyz"),
        )?;
    }
    Ok(())
}

fn settled(summary: Summary) -> Result<(), Failure> {
    match summary.uncommitted {
        0 => Ok(()),
        posts => Err(format!("{posts} posts were read and not settled when the engine ended").into()),
    }
}
