//! Overhead bench: posts a second of an engine whose networks answer at once, beside a plain loop of a Kafka client.
//!
//! Both read the same backlog from the same broker, in turns, and write records of the same size. What is left of the
//! plain loop's rate is what decoding, order, delivery and metrics of the engine cost. With `--flink`, a job of Apache Flink
//! that parses the same posts takes its turn too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::message::Message;
use serde_json::json;

use super::broker::{Broker, INPUTS, OUTPUT};
use super::soak::{samples, spawned, write};

/// The least share of the plain loop's posts a second, without pictures.
const TARGET: f64 = 0.8;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Posts without pictures.
    #[arg(long, default_value_t = 200_000)]
    texts: usize,
    /// Posts with a picture each.
    #[arg(long, default_value_t = 20_000)]
    pictures: usize,
    /// How often engine and loop take turns; the best of each counts.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Beside a job of Apache Flink, which `scripts/flink` fetches.
    #[arg(long)]
    flink: bool,
    /// Folder of the report, the broker's data and the logs.
    #[arg(long, default_value = "target/overhead")]
    out: PathBuf,
}

/// Makes the post of a number.
type PostOf<'a> = &'a dyn Fn(usize) -> String;

/// Posts a second; `None`: not measured.
#[derive(Clone, Copy, Default)]
struct Rates {
    engine: f64,
    plain: f64,
    flink: Option<f64>,
}

impl Rates {
    fn best(self, other: Self) -> Self {
        Self {
            engine: self.engine.max(other.engine),
            plain: self.plain.max(other.plain),
            flink: self.flink.zip(other.flink).map(|(one, other)| one.max(other)),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let out = std::path::absolute(&arguments.out).unwrap();
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();
    let text = |number: usize| {
        let text = "so good to see Ada Lovelace at the Analytical Engine Society in London today";
        json!({ "id": format!("post-{number}"), "text": text, "created_at": "2026-01-01T00:00:00Z" })
            .to_string()
    };
    let samples = samples(arguments.pictures);
    let picture = |number: usize| samples[number % samples.len()].post(number);
    let feeds: [(&str, usize, PostOf<'_>); 2] =
        [("without pictures", arguments.texts, &text), ("with a picture each", arguments.pictures, &picture)];
    println!(
        "{:<22}{:>9}{:>12}{:>14}{:>9}{:>9}{:>11}",
        "posts", "", "engine /s", "plain loop /s", "ratio", "target", "Flink /s"
    );
    let mut report = json!({});
    // None: posts without pictures, for which there is a target, were not measured.
    let mut is_met: Option<bool> = None;
    for (name, posts, post) in feeds.into_iter().filter(|(_, posts, _)| *posts > 0) {
        let rounds = (0..arguments.rounds.max(1)).map(|_| round(posts, post, arguments.flink, &out));
        let Rates { engine, plain, flink } = rounds.reduce(Rates::best).unwrap_or_default();
        let has_target = name == "without pictures";
        let target = if has_target { format!(">= {TARGET}") } else { String::new() };
        let flink_rate = flink.map_or_else(String::new, |rate| format!("{rate:.0}"));
        let ratio = engine / plain;
        println!("{name:<22}{posts:>9}{engine:>12.0}{plain:>14.0}{ratio:>9.2}{target:>9}{flink_rate:>11}");
        if has_target {
            is_met = Some(engine / plain >= TARGET);
        }
        report[name] = json!({
            "posts": posts, "engine_per_second": engine, "plain_loop_per_second": plain, "flink_per_second": flink,
        });
    }
    fs::write(out.join("report.json"), format!("{report:#}\n")).unwrap();
    match is_met {
        Some(true) => println!("the target is met"),
        Some(false) => println!("THE TARGET IS NOT MET"),
        None => {}
    }
    if is_met == Some(false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The rates of all on one broker.
fn round(posts: usize, post: PostOf<'_>, with_flink: bool, out: &Path) -> Rates {
    let broker = Broker::start(out);
    broker.create_topics();
    write(&broker, posts, post);
    let engine = engine(&broker, posts, out);
    let answers = broker.annotations();
    assert_eq!(answers.len(), posts, "every post has one answer");
    let bytes = answers.iter().map(|answer| answer.payload().map_or(0, <[u8]>::len)).sum::<usize>() / posts;
    drop(answers);
    let plain = plain_loop(&broker, posts, bytes);
    let flink = with_flink.then(|| flink(&broker, posts, bytes, out));
    broker.stop();
    Rates { engine, plain, flink }
}

/// From the first commit that is seen to the last.
fn engine(broker: &Broker, posts: usize, out: &Path) -> f64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["worker", "--mode", "at-least-once", "--number", "0", "--bootstrap", &broker.bootstrap]);
    command.args(["--set", "engine.posts_in_flight=256"]).arg("--state").arg(out.join("state"));
    let mut engine = spawned(command, &out.join("engine.log"));
    let mut first: Option<(Instant, i64)> = None;
    let rate = loop {
        let done = broker.answered();
        if done > 0 && first.is_none() {
            first = Some((Instant::now(), done));
        }
        if done >= posts as i64 {
            let (since, before) = first.unwrap();
            break (done - before) as f64 / since.elapsed().as_secs_f64();
        }
        assert!(
            engine.try_wait().unwrap().is_none(),
            "the engine ended: see {}",
            out.join("engine.log").display()
        );
        sleep(Duration::from_millis(50));
    };
    let _ = Command::new("kill").args(["-TERM", &engine.id().to_string()]).status();
    assert!(engine.wait().unwrap().success());
    rate
}

fn plain_loop(broker: &Broker, posts: usize, bytes: usize) -> f64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["plain-loop", "--bootstrap", &broker.bootstrap]);
    command.args(["--records", &posts.to_string(), "--bytes", &bytes.to_string()]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seconds: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    posts as f64 / seconds
}

/// From the first record that is seen to the last. The job reads with as many tasks as there are cores.
fn flink(broker: &Broker, posts: usize, bytes: usize, out: &Path) -> f64 {
    let before = broker.written();
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/flink"));
    let cores = std::thread::available_parallelism().unwrap();
    command.args(["run", &broker.bootstrap, INPUTS[0], OUTPUT, &bytes.to_string(), &cores.to_string()]);
    let log = out.join("flink.log");
    let mut job = spawned(command, &log);
    let mut first: Option<(Instant, i64)> = None;
    let rate = loop {
        let done = broker.written() - before;
        if done > 0 && first.is_none() {
            first = Some((Instant::now(), done));
        }
        if done >= posts as i64 {
            let (since, already) = first.unwrap();
            break (done - already) as f64 / since.elapsed().as_secs_f64();
        }
        let ended = job.try_wait().unwrap();
        assert!(ended.is_none_or(|status| status.success()), "the job failed: see {}", log.display());
        sleep(Duration::from_millis(50));
    };
    assert!(job.wait().unwrap().success());
    rate
}
