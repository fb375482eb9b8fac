//! Hostile bench: the cost of hostile posts, and the delay of other posts. Run `scripts/hostile`.
//!
//! Each post is given to a `riveg annotate` of its own, twice: alone, for memory and time of the device; and with
//! innocent posts that arrive while it is worked on, for their waits. With `--kafka` all are given to one `riveg run`.
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the run, with a word where it happened")]

#[path = "../chaos/broker.rs"]
#[expect(dead_code, reason = "only the chaos run makes it crash")]
mod broker;
mod engine;
mod pictures;
mod posts;
mod stream;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::Value;

use engine::Engine;
use posts::{Hostile, innocent};

#[derive(Debug, Parser)]
struct Arguments {
    /// Parts of the names of posts; without any, all posts.
    posts: Vec<String>,
    /// Print the records, one a line, and ask nobody.
    #[arg(long)]
    print: bool,
    /// Write all posts to a Kafka of their own, hostile and innocent ones to different partitions, for one `riveg run`.
    #[arg(long)]
    kafka: bool,
    /// The binary; without one, that beside this executable.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The bundle.
    #[arg(long, default_value = "bundles/pocket")]
    bundle: PathBuf,
    /// Innocent posts that arrive while a hostile one is worked on.
    #[arg(long, default_value_t = 20)]
    innocents: u64,
    /// Between two of them, in milliseconds.
    #[arg(long, default_value_t = 50)]
    every: u64,
    /// Further settings of the engine.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// What one post took.
struct Taken {
    /// MiB above an idle engine.
    memory: f64,
    /// Seconds that processors spent on the networks.
    device: f64,
    /// From the record to its answer.
    seconds: f64,
    answer: Value,
}

fn main() {
    let arguments = Arguments::parse();
    let wanted = |name: &str| {
        arguments.posts.is_empty() || arguments.posts.iter().any(|part| name.contains(part.as_str()))
    };
    if arguments.kafka {
        return stream::run(&arguments, &wanted);
    }
    let hostile = || hostile().filter(|post| wanted(post.name));
    if arguments.print {
        hostile().for_each(|post| println!("{}", (post.record)()));
        return;
    }
    let (waits, usual) = (waits(&arguments, None), alone(&arguments, &innocent(0)));
    println!(
        "{:<38}{:>10}{:>12}{:>11}{:>10}{:>19}  answer",
        "post", "kB", "MiB above", "device s", "s", "innocents p50, max"
    );
    line("none, innocent posts alone", &innocent(0), &usual, &waits);
    for post in hostile() {
        let record = (post.record)();
        let taken = alone(&arguments, &record);
        line(post.name, &record, &taken, &self::waits(&arguments, Some(&record)));
        if let Some(tame) = post.tame {
            let record = tame();
            line("  the same, tame", &record, &alone(&arguments, &record), &[]);
        }
    }
}

impl Arguments {
    fn binary(&self) -> PathBuf {
        let beside = || std::env::current_exe().unwrap().parent().unwrap().with_file_name("riveg");
        let binary = self.binary.clone().unwrap_or_else(beside);
        assert!(binary.exists(), "`{}` is not there: cargo build", binary.display());
        binary
    }
}

/// All hostile posts.
fn hostile() -> impl Iterator<Item = Hostile> {
    posts::all().into_iter().chain(pictures::all())
}

/// An engine that has answered innocent posts, so that all it needs for them is there.
fn engine(arguments: &Arguments) -> Engine {
    let set: Vec<&str> = arguments.set.iter().map(String::as_str).collect();
    let mut engine = Engine::start(Command::new(arguments.binary()), Path::new(&arguments.bundle), &set);
    for number in 0..3 {
        engine.give(&innocent(10_000 + number));
        engine.answer();
    }
    engine
}

/// What a post takes from an engine that has nothing else to do.
fn alone(arguments: &Arguments, record: &str) -> Taken {
    let mut engine = engine(arguments);
    let (idle, before, begun) = (engine.idle_memory(), engine.device_seconds(), Instant::now());
    engine.give(record);
    let answer = engine.answer();
    let seconds = begun.elapsed().as_secs_f64();
    let (memory, device) = (engine.peak_memory() - idle, engine.device_seconds() - before);
    engine.end();
    Taken { memory, device, seconds, answer }
}

/// How long innocent posts take that arrive while a post is worked on, in seconds, from the shortest.
fn waits(arguments: &Arguments, record: Option<&str>) -> Vec<f64> {
    let mut engine = engine(arguments);
    if let Some(record) = record {
        engine.give(record);
    }
    for number in 0..arguments.innocents {
        std::thread::sleep(Duration::from_millis(arguments.every));
        engine.give(&innocent(number));
    }
    if record.is_some() {
        engine.answer();
    }
    // Answers come in the order of the records; when each was ready is written in it.
    let mut waits: Vec<f64> = (0..arguments.innocents).map(|_| wait(&engine.answer())).collect();
    waits.sort_by(f64::total_cmp);
    engine.end();
    waits
}

/// From when a post was read to when its answer was ready.
fn wait(answer: &Value) -> f64 {
    let time = |key: &str| {
        let text = answer[key].as_str().unwrap_or_else(|| panic!("no {key} in {answer}"));
        humantime::parse_rfc3339(text).unwrap()
    };
    time("published_at").duration_since(time("ingested_at")).unwrap_or_default().as_secs_f64()
}

fn line(name: &str, record: &str, taken: &Taken, waits: &[f64]) {
    let waited = match waits {
        [] => String::new(),
        waits => format!("{:.2}, {:.2} s", waits[waits.len() / 2], waits[waits.len() - 1]),
    };
    println!(
        "{name:<38}{:>10.0}{:>12.0}{:>11.2}{:>10.2}{waited:>19}  {}",
        record.len() as f64 / 1e3,
        taken.memory,
        taken.device,
        taken.seconds,
        told(&taken.answer)
    );
}

/// An answer in short: what it holds, or why there is none, and what it says of limits.
fn told(answer: &Value) -> String {
    if let Some(class) = answer["error"]["class"].as_str() {
        return class.to_owned();
    }
    let entities = answer["entities"].as_array().unwrap();
    let regions: usize = entities.iter().map(|entity| entity["regions"].as_array().unwrap().len()).sum();
    let degraded = answer["provenance"]["degraded"].as_array().unwrap().iter();
    let degraded: String = degraded.map(|said| format!("; {}", said.as_str().unwrap())).collect();
    format!("{} entities, {regions} regions{degraded}", entities.len())
}
