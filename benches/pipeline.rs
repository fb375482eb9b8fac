//! Pipeline bench: posts a second through the engine, compared with the sum of its networks run raw.
//!
//! `cargo bench --bench pipeline -- --help`. Raw is every request that the pipeline makes of the same posts, in batches
//! of the best size, back to back, in this process, on one executor. The limit is raw on every executor at once: what no
//! scheduling can beat. Each figure is the best of the rounds; processor time is that of the threads that run networks,
//! which other programs on the machine do not change.

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use riveg::config::{Config, Sources};
use riveg::domain::Stage;
use riveg::networks::blocks::device::{Layout, cores, find, use_threads};
use riveg::networks::bundle::{Bundle, Precision};
use serde_json::{Value, json};
use support::bundles;
use support::clock::Spent;
use support::posts::{self, Feed};
use support::raw::{Plan, Recorded, plans, sum};
use support::served::{Input, Served, decode, serve};
use support::stages::StageRates;
use tch::Device;

/// The pipeline beside its networks.
#[derive(Debug, Parser)]
struct Arguments {
    /// The bundle; else bundles/pocket, else an untrained one of its sizes.
    #[arg(long)]
    bundle: Option<PathBuf>,
    /// Posts of each feed.
    #[arg(long, default_value_t = 64)]
    posts: usize,
    /// Batches that are computed at one time; 0: one for each core that the threads leave.
    #[arg(long, default_value_t = 0)]
    executors: usize,
    /// Threads of an operator; 0: the cores, divided among the executors.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Where the networks run.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// How often raw and pipeline take turns.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Only the stages by themselves, on so many requests of typical size for each: for published sizes.
    #[arg(long, value_name = "REQUESTS")]
    typical: Option<usize>,
    /// Requests in a batch of typical ones.
    #[arg(long, default_value_t = 4)]
    batch: usize,
    /// What all networks compute in, instead of what the manifest says.
    #[arg(long, value_enum)]
    precision: Option<Precision>,
    /// Write the figures to this file as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Any other setting, as `section.key=value`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

const IN_FLIGHT: [usize; 4] = [1, 8, 64, 128];

/// Posts in flight where their number is not the question: enough for every stage.
const ENOUGH: usize = 64;

fn main() {
    let arguments = Arguments::parse();
    let bundle = bundles::find(arguments.bundle.clone());
    let bundle = arguments.precision.iter().fold(bundle, |bundle, &all| bundle.all_in_precision(all));
    let config = settings(&arguments);
    let device = find(config.device.name.first()).unwrap_or_else(|error| panic!("{error}"));
    let layout = config.device.layout(cores());
    use_threads(layout.threads);
    println!(
        "device      {}, {}, {} executors of {} threads; {} posts a feed",
        config.device.name,
        processor(),
        layout.executors,
        layout.threads,
        arguments.posts
    );
    let bench = Bench { bundle, config, layout, device, rounds: arguments.rounds.max(1) };
    let figures = match arguments.typical {
        Some(count) => bench.typical(count.max(1), arguments.batch.max(1)),
        None => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.expect("the machine has room for threads").block_on(bench.run(arguments.posts))
        }
    };
    if let Some(path) = &arguments.json {
        let figures = json!({
            "device": bench.config.device.name.to_string(), "processor": processor(), "cores": cores(),
            "executors": layout.executors, "threads": layout.threads, "figures": figures,
        });
        fs::write(path, format!("{figures:#}\n"))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// What the system calls this machine's processor.
fn processor() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| "an unknown processor".to_owned(), |(_, name)| name.to_owned())
}

fn settings(arguments: &Arguments) -> Config {
    let mut sets = vec![
        format!("device.executors={}", arguments.executors),
        format!("device.threads={}", arguments.threads),
        format!("device.name={}", arguments.device),
    ];
    sets.extend(arguments.settings.iter().cloned());
    let sources = Sources { sets, ..Sources::default() };
    Config::load(&sources).unwrap_or_else(|faults| panic!("{faults}")).config
}

struct Bench {
    bundle: Bundle,
    config: Config,
    layout: Layout,
    device: Device,
    rounds: usize,
}

impl Bench {
    /// The stages by themselves, each on typical requests in batches of one size.
    fn typical(&self, count: usize, batch: usize) -> Value {
        let recorded = Recorded::typical(&self.bundle, count);
        let plans = [Plan::of_batches(batch); 4];
        let mut raw: Option<[Spent; 4]> = None;
        for _ in 0..self.rounds {
            raw = Some(less(raw, sum(&self.bundle, self.device, &recorded, &plans)));
        }
        let raw = raw.unwrap_or_else(|| unreachable!("there is at least one round"));
        let rates = StageRates::of(&self.bundle, self.device, &recorded, (&plans, &raw));
        rates.print();
        json!({ "typical_requests": count, "stages": rates.json() })
    }

    async fn run(&self, count: usize) -> Value {
        let feed = posts::distinct(count);
        let first = self.serve(Input::Posts(&feed.posts), ENOUGH).await;
        let recorded = Recorded::of(&self.bundle, &feed.posts, &first.annotations);
        let plans = plans(&self.bundle, self.device, &recorded);

        let mut raw: Option<[Spent; 4]> = None;
        let mut served: Vec<Option<Served>> = IN_FLIGHT.map(|_| None).into();
        let mut wide: Option<Served> = None;
        for _ in 0..self.rounds {
            raw = Some(less(raw, sum(&self.bundle, self.device, &recorded, &plans)));
            for (best, in_flight) in served.iter_mut().zip(IN_FLIGHT) {
                let again = self.serve(Input::Posts(&feed.posts), in_flight).await;
                *best = Some(better(best.take(), again));
            }
            wide = Some(better(wide.take(), self.serve_wide(&feed).await));
        }
        let raw = raw.unwrap_or_else(|| unreachable!("there is at least one round"));
        let rates = StageRates::of(&self.bundle, self.device, &recorded, (&plans, &raw));
        rates.print();
        println!();
        println!(
            "{:20}{:>9}{:>9}{:>9}{:>11}{:>7}{:>9}{:>9}{:>9}",
            "", "posts/s", "/ limit", "target", "device ms", "/ raw", "running", "between", "nothing"
        );
        let limit = self.limit(total(&raw));
        line("raw, one executor", count, (total(&raw), total(&raw)), (limit, ""));
        println!();
        line("limit", count, (Spent { wall: limit, ..total(&raw) }, total(&raw)), (limit, ""));
        println!();
        for (served, in_flight) in served.iter().flatten().zip(IN_FLIGHT) {
            // Fewer cannot fill every stage's batches.
            let target = if in_flight >= ENOUGH { ">= 0.92" } else { "" };
            line(&format!("{in_flight} in flight"), count, (served.spent, total(&raw)), (limit, target));
            shares(served);
        }
        if let Some(wide) = &wide {
            line(&format!("one of {}, {ENOUGH}", cores()), count, (wide.spent, total(&raw)), (limit, ""));
            shares(wide);
        }
        if let Some(Some(served)) = served.last() {
            print_batches(served);
        }
        println!();
        println!(
            "{:20}{:>8}{:>9}{:>12}{:>12}{:>12}{:>12}",
            "what is shared", "posts", "saved", "raw alone", "raw shared", "pipeline", "/ raw alone"
        );
        for feed in [&feed, &posts::with_reposts(count), &posts::of_three_entities(count.div_ceil(2))] {
            self.print_shared(feed, &plans).await;
        }
        self.print_decoding(&feed).await;
        let in_flight = served.iter().flatten().zip(IN_FLIGHT);
        let engine = in_flight.map(|(served, in_flight)| {
            let rate = count as f64 / served.spent.wall.as_secs_f64();
            json!({ "posts_in_flight": in_flight, "posts_a_second": rate })
        });
        json!({
            "posts": count,
            "limit_posts_a_second": count as f64 / limit.as_secs_f64(),
            "raw_posts_a_second": count as f64 / total(&raw).wall.as_secs_f64(),
            "stages": rates.json(),
            "engine": engine.collect::<Value>(),
        })
    }

    async fn serve(&self, input: Input<'_>, in_flight: usize) -> Served {
        serve(&self.bundle, &self.config, input, in_flight).await
    }

    /// One executor whose operators use all cores.
    async fn serve_wide(&self, feed: &Feed) -> Served {
        let mut config = self.config.clone();
        (config.device.executors, config.device.threads) = (1, 0);
        serve(&self.bundle, &config, Input::Posts(&feed.posts), ENOUGH).await
    }

    /// The least time of the feed on all executors.
    fn limit(&self, raw: Spent) -> Duration {
        raw.processor_or_wall() / u32::try_from(self.layout.executors).unwrap_or(u32::MAX)
    }

    /// What one trunk pass and one encoding a picture save on a feed, and that the pipeline gets it.
    async fn print_shared(&self, feed: &Feed, plans: &[Plan; 4]) {
        let served = self.serve(Input::Posts(&feed.posts), ENOUGH).await;
        let shared = Recorded::of(&self.bundle, &feed.posts, &served.annotations);
        let alone = shared.unshared();
        let (mut best, mut spent): (Option<[Spent; 4]>, Option<[Spent; 4]>) = (None, None);
        let mut pipeline = served.spent;
        for _ in 0..self.rounds {
            best = Some(less(best, sum(&self.bundle, self.device, &shared, plans)));
            spent = Some(less(spent, sum(&self.bundle, self.device, &alone, plans)));
            pipeline = pipeline.or_less(self.serve(Input::Posts(&feed.posts), ENOUGH).await.spent);
        }
        let (Some(shared), Some(alone)) = (best, spent) else { return };
        let posts = feed.posts.len() as f64;
        let ms = |spent: Spent| spent.processor_or_wall().as_secs_f64() * 1e3 / posts;
        let (shared, alone, pipeline) = (ms(total(&shared)), ms(total(&alone)), ms(pipeline));
        println!(
            "{:20}{:>8}{:>8.0}%{:>9.2} ms{:>9.2} ms{:>9.2} ms{:>12.2}",
            feed.name,
            posts,
            100.0 * (1.0 - shared / alone),
            alone,
            shared,
            pipeline,
            alone / pipeline
        );
    }

    /// From records to annotations.
    async fn print_decoding(&self, feed: &Feed) {
        let mut best: [Option<Spent>; 3] = [None; 3];
        for _ in 0..self.rounds {
            let again = [
                decode(&self.config, &feed.records).await,
                self.serve(Input::Posts(&feed.posts), ENOUGH).await.spent,
                self.serve(Input::Records(&feed.records), ENOUGH).await.spent,
            ];
            for (best, again) in best.iter_mut().zip(again) {
                *best = Some(best.map_or(again, |before| before.or_less(again)));
            }
        }
        let [Some(decoding), Some(decoded), Some(whole)] = best else { return };
        let ms = |time: Duration| time.as_secs_f64() * 1e3 / feed.posts.len() as f64;
        println!();
        println!(
            "from JSON to annotation {:.1} posts/s, {:.1} of posts decoded ahead: {:.2}",
            1e3 / ms(whole.wall),
            1e3 / ms(decoded.wall),
            decoded.wall.as_secs_f64() / whole.wall.as_secs_f64()
        );
        println!(
            "decoding alone {:.2} ms a post on {} threads, {:.1} % of the {:.2} ms that the device computes",
            ms(decoding.wall),
            self.config.decode.threads,
            100.0 * ms(decoding.wall) / ms(whole.processor_or_wall()),
            ms(whole.processor_or_wall())
        );
    }
}

/// A run's posts a second beside the limit, and the device's time a post beside raw.
fn line(name: &str, posts: usize, (spent, raw): (Spent, Spent), (limit, target): (Duration, &str)) {
    let posts = posts as f64;
    let (wall, limit) = (spent.wall.as_secs_f64(), limit.as_secs_f64());
    let (device, raw_device) = (spent.processor.as_secs_f64(), raw.processor.as_secs_f64());
    print!(
        "{name:20}{:>9.1}{:>9.2}{target:>9}{:>11.2}{:>7.2}",
        posts / wall,
        limit / wall,
        device * 1e3 / posts,
        raw_device / device
    );
}

/// What the device's threads did: run networks, something else while requests waited, nothing for want of requests.
fn shares(served: &Served) {
    let between = (1.0 - served.running - served.idle).max(0.0);
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    println!("{:>9}{:>9}{:>9}", percent(served.running), percent(between), percent(served.idle));
}

fn print_batches(served: &Served) {
    println!();
    println!(
        "{:20}{:>9}{:>9}{:>9}{:>13}",
        "batches at the last", "requests", "batches", "mean", "padded/real"
    );
    for stage in served.stages.iter().filter(|summary| summary.stage != Stage::Retrieve) {
        println!(
            "{:20}{:>9}{:>9}{:>9.2}{:>13.3}",
            stage.stage.as_str(),
            stage.requests,
            stage.batches,
            stage.mean_batch,
            stage.mean_padding
        );
    }
}

/// The faster of two runs.
fn better(before: Option<Served>, again: Served) -> Served {
    match before {
        Some(before) if before.spent.wall < again.spent.wall => before,
        _ => again,
    }
}

fn less(before: Option<[Spent; 4]>, again: [Spent; 4]) -> [Spent; 4] {
    let Some(before) = before else { return again };
    Stage::ALL.map(|stage| before[stage as usize].or_less(again[stage as usize]))
}

fn total(stages: &[Spent; 4]) -> Spent {
    let wall = stages.iter().map(|spent| spent.wall).sum();
    Spent { wall, processor: stages.iter().map(|spent| spent.processor).sum() }
}
