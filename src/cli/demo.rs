//! `riveg demo`: see it work, with a broker of its own.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::block_in_place;

use crate::config::Config;
use crate::engine::runtime::{self, Expansions, Variant};
use crate::engine::{Monitoring, Summary, annotate_topic};
use crate::kafka::client::Connection;
use crate::kafka::publish::EmbeddedBroker;
use crate::lab::eval::dataset::{self, Example};
use crate::lab::world::{Split, World, write_dataset};
use crate::networks::bundle::{self, Bundle};
use crate::stages::expand::Lexicon;

use super::open::open;
use super::{Ending, Failure, Settings, run_to_end, stop_signal};

mod answers;
mod exchange;
mod figures;
mod results;
mod sheet;

use exchange::{Ahead, Exchange, ExchangeError, Sent, Topics, exchange};
use results::{Demonstration, PicturesRead};

/// Stream posts of the pocket world through Kafka and the engine, and show what came of it.
///
/// Everything runs in this process: a broker, the engine as `riveg run` has it, a producer of posts with names that
/// training never saw, and a consumer that reads the answers back. It ends with a table of rates, latencies, batches,
/// caches and scores against the truth, and a contact sheet of twelve posts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg demo                        300 posts, figures and contact sheet in target/demo
  riveg demo --keep                 stay up afterwards, for other producers and consumers
  riveg demo --posts 2000 --seed 7 --set engine.posts_in_flight=128")]
pub struct Arguments {
    /// How many posts.
    #[arg(long, value_name = "N", default_value = "300", value_parser = clap::value_parser!(u64).range(1..))]
    posts: u64,
    /// Which pocket world.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where posts, answers, figures and contact sheet go.
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    out: PathBuf,
    /// The bundle, instead of that of the settings.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Go on afterwards, until SIGINT or SIGTERM.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Partitions of each topic.
const PARTITIONS: i32 = 3;

/// How often it is looked whether partitions are assigned.
const READY_AGAIN: Duration = Duration::from_millis(20);

/// Bytes sent ahead of the answers: the broker keeps 5 MiB of a partition, and chance may put all posts into one.
const AHEAD: usize = 4 << 20;

pub(super) fn run(arguments: &Arguments, ending: &Ending) -> Result<(), Failure> {
    let config = arguments.config()?;
    let bundle = open_bundle(&config.bundle)?;
    run_to_end(demonstrate(arguments, config, &bundle, ending))
}

impl Arguments {
    /// Where posts, pictures, gold and lexicon are written.
    fn world(&self) -> PathBuf {
        self.out.join("world")
    }

    /// The settings, with what a demonstration needs otherwise unless the command line says more.
    fn config(&self) -> Result<Config, Failure> {
        let mut settings = self.settings.clone();
        // A port that is taken must not be in the way.
        settings.set.insert(0, "telemetry.address=127.0.0.1:0".to_owned());
        let mut config = settings.load()?.config;
        if let Some(folder) = &self.bundle {
            config.bundle.path.clone_from(folder);
        }
        Ok(config)
    }
}

fn open_bundle(settings: &bundle::Config) -> Result<Bundle, Failure> {
    if !settings.path.exists() {
        let folder = settings.path.display();
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
    ending: &Ending,
) -> Result<(), Failure> {
    let stop = stop_signal(ending)?;
    let posts = block_in_place(|| make_posts(arguments))?;
    let (_broker, topics) = open_broker(&config)?;
    // The broker inside this process lets everyone in.
    config.kafka = Connection::to(&topics.bootstrap);
    let monitoring = Arc::new(Monitoring::start(&config).await?);
    let began = Instant::now();
    let variant = Variant { expansions: expansions(arguments, &config)?, ..Variant::default() };
    let metrics = Arc::clone(monitoring.metrics());
    let annotator = tokio::select! {
        annotator = open(&config, variant, metrics, ending) => Arc::new(annotator?),
        () = stop.cancelled() => return Ok(()),
    };
    let (name, device) = (annotator.bundle().title(), &config.device.name);
    say("networks", &format!("bundle `{name}` on {device}, warm after {}", seconds(began.elapsed())))?;

    let engine_stop = stop.child_token();
    let mut engine = tokio::spawn({
        let (config, annotator, monitoring) =
            (config.clone(), Arc::clone(&annotator), Arc::clone(&monitoring));
        let stop = engine_stop.clone();
        async move { annotate_topic(&config, annotator, &monitoring, stop).await }
    });
    let is_over = || stop.is_cancelled() || engine.is_finished();
    // The group takes some seconds to form; it would have formed long ago where posts come all day.
    while monitoring.health().ready(Instant::now()).is_err() && !is_over() {
        tokio::time::sleep(READY_AGAIN).await;
    }
    let demonstration = Demonstration {
        out: &arguments.out,
        seed: arguments.seed,
        bundle,
        config: &config,
        posts: &posts,
        annotator: &annotator,
    };
    let mut shown = show(&demonstration, &topics, is_over).await;
    if arguments.keep && shown.is_ok() {
        shown = say_where(&topics, &monitoring);
        tokio::select! {
            () = stop.cancelled() => {}
            // It ends by itself only where something is broken for good.
            ended = &mut engine => return settled(ended??),
        }
    }
    engine_stop.cancel();
    // Where it failed, its error says why answers stayed out.
    let summary = engine.await??;
    shown?;
    settled(summary)
}

/// Streams the posts through the engine, prints and writes what came of it.
async fn show(
    demonstration: &Demonstration<'_>,
    topics: &Topics,
    is_over: impl Fn() -> bool,
) -> Result<(), Failure> {
    let warm = PicturesRead::so_far(demonstration.annotator.runtime());
    let ahead = Ahead { posts: 2 * demonstration.config.engine.posts_in_flight, bytes: AHEAD };
    let exchange = block_in_place(|| stream(topics, demonstration.posts, ahead, is_over))?;
    demonstration.conclude(&warm, &exchange, ahead.posts).await
}

fn stream(
    topics: &Topics,
    posts: &[Example],
    ahead: Ahead,
    is_over: impl Fn() -> bool,
) -> Result<Exchange, ExchangeError> {
    let progress = bar(posts.len() as u64, "{bar:40} {pos} of {len} posts answered, {elapsed} gone");
    let posts: Vec<Sent<'_>> =
        posts.iter().map(|post| Sent { id: &post.gold.id, value: &post.record }).collect();
    let exchange = exchange(topics, &posts, ahead, is_over, |settled| progress.set_position(settled as u64));
    progress.finish_and_clear();
    exchange
}

/// Makes posts that name nobody known from training, and reads them back with the truth about them.
fn make_posts(arguments: &Arguments) -> Result<Vec<Example>, Failure> {
    let folder = arguments.world();
    let began = Instant::now();
    let progress = bar(arguments.posts, "{bar:40} {pos} of {len} posts drawn");
    let world = World::new(arguments.seed, Split::Test);
    write_dataset(&world, arguments.posts, &folder, || progress.inc(1))?;
    progress.finish_and_clear();
    let posts = dataset::read(&folder, world.split().as_str())?;
    let megabytes = posts.iter().map(|post| post.record.len()).sum::<usize>() as f64 / 1e6;
    say(
        "world",
        &format!(
            "{} posts with pictures, {megabytes:.1} MB, drawn in {}; `{}`",
            posts.len(),
            seconds(began.elapsed()),
            folder.display()
        ),
    )?;
    Ok(posts)
}

fn open_broker(config: &Config) -> Result<(EmbeddedBroker, Topics), Failure> {
    let broker = EmbeddedBroker::start()?;
    let topics = Topics {
        bootstrap: broker.bootstrap(),
        input: config.ingest.topic.clone(),
        output: config.publish.topic.clone(),
        dead_letters: config.publish.dead_letter_topic.clone(),
        partitions: PARTITIONS,
    };
    for topic in [&topics.input, &topics.output, &topics.dead_letters] {
        broker.create_topic(topic, PARTITIONS)?;
    }
    let bootstrap = &topics.bootstrap;
    say("broker", &format!("{bootstrap}, inside this process; {PARTITIONS} partitions a topic"))?;
    Ok((broker, topics))
}

/// The lexicon of these posts, unless the settings name another.
fn expansions(arguments: &Arguments, config: &Config) -> Result<Expansions, Failure> {
    if !config.expand.lexicon.as_os_str().is_empty() {
        return Ok(Expansions::Configured);
    }
    Ok(Expansions::Given(Lexicon::load(&arguments.world().join("lexicon.jsonl"))?))
}

fn say_where(topics: &Topics, monitoring: &Monitoring) -> Result<(), Failure> {
    writeln!(io::stdout())?;
    say("still up", "until Ctrl-C; posts in, annotations and dead letters out:")?;
    say("broker", &topics.bootstrap)?;
    say("posts", &topics.input)?;
    say("annotations", &topics.output)?;
    say("dead letters", &topics.dead_letters)?;
    if let Some(address) = monitoring.address() {
        say(
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

/// One line of what is going on.
fn say(what: &str, text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{what:<14}{text}")
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// A progress bar; it hides itself where standard error is no terminal.
fn bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
