//! Rolling bench: how late posts are answered while three engines of one group are replaced one after another.
//!
//! Networks answer at once: what is measured is the group. Lateness is the time from a post's record to its answer's. Every
//! post is counted: none may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;

use super::broker::{Broker, INPUTS};
use super::feed::id;
use super::soak::spawned;

/// Engines of the group.
const ENGINES: usize = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Posts a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds before the first engine is replaced, and after each new one is ready.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Folder of the report, the broker's data and the logs.
    #[arg(long, default_value = "target/rolling")]
    out: PathBuf,
}

/// A way to replace an engine.
struct Way {
    name: &'static str,
    signal: &'static str,
    /// Whether an engine keeps its name in the group, and then how long the group waits for it.
    keeps_name: bool,
}

/// How late the answers of a run are, in milliseconds.
struct Late {
    posts: usize,
    median: i64,
    p99: i64,
    most: i64,
    lost: usize,
    doubled: usize,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let ways = [
        Way { name: "nothing is replaced", signal: "", keeps_name: false },
        Way { name: "SIGTERM", signal: "TERM", keeps_name: false },
        Way { name: "SIGTERM, ingest.instance", signal: "TERM", keeps_name: true },
        Way { name: "SIGKILL, session of 4 s", signal: "KILL", keeps_name: false },
    ];
    let out = std::path::absolute(&arguments.out).unwrap();
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();
    println!(
        "{:<28}{:>8}{:>9}{:>9}{:>9}{:>7}{:>9}",
        "late in ms", "posts", "p50", "p99", "most", "lost", "doubled"
    );
    let (mut report, mut holds) = (Vec::new(), true);
    for way in ways {
        let Late { posts, median, p99, most, lost, doubled } = replace(arguments, &way, &out);
        println!("{:<28}{posts:>8}{median:>9}{p99:>9}{most:>9}{lost:>7}{doubled:>9}", way.name);
        // An engine that is killed may have written answers whose offsets it could not commit any more.
        holds &= lost == 0 && (doubled == 0 || way.signal == "KILL");
        report.push(json!({
            "way": way.name, "posts": posts, "p50_ms": median, "p99_ms": p99, "most_ms": most, "lost": lost, "doubled": doubled,
        }));
    }
    fs::write(out.join("report.json"), format!("{:#}\n", json!(report))).unwrap();
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Replaces each engine in turn while posts come.
fn replace(arguments: &Arguments, way: &Way, out: &Path) -> Late {
    let broker = Broker::start(out);
    broker.create_topics();
    let _ = fs::remove_dir_all(out.join("state"));
    let quiet = Duration::from_secs(arguments.seconds);
    let mut engines: Vec<Child> = (0..ENGINES).map(|number| engine(&broker, way, number, out)).collect();
    // All are in the group before the first post comes: joining is not what is measured.
    broker.wait_for_members(ENGINES);
    let is_over = Arc::new(AtomicBool::new(false));
    let feed = {
        let (over, bootstrap, rate) = (Arc::clone(&is_over), broker.bootstrap.clone(), arguments.rate);
        std::thread::spawn(move || send(&bootstrap, rate, &over))
    };
    sleep(quiet);
    for (number, running) in engines.iter_mut().enumerate().filter(|_| !way.signal.is_empty()) {
        let signal = format!("-{}", way.signal);
        assert!(Command::new("kill").args([&signal, &running.id().to_string()]).status().unwrap().success());
        running.wait().unwrap();
        *running = engine(&broker, way, number, out);
        broker.wait_for_members(ENGINES);
        sleep(quiet);
    }
    if way.signal.is_empty() {
        sleep(quiet * 3);
    }
    is_over.store(true, Ordering::Relaxed);
    let posts = feed.join().unwrap();
    assert!(broker.wait_until_all_answered(Duration::from_secs(120)), "the group answers all posts");
    let late = late(posts, &broker.posts(), &broker.annotations());
    for running in &mut engines {
        let _ = Command::new("kill").args(["-TERM", &running.id().to_string()]).status();
        assert!(running.wait().unwrap().success());
    }
    broker.stop();
    late
}

/// An engine whose networks answer at once.
fn engine(broker: &Broker, way: &Way, number: usize, out: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["worker", "--mode", "at-least-once", "--bootstrap", &broker.bootstrap]);
    command
        .args(["--number", &number.to_string()])
        .arg("--state")
        .arg(out.join("state").join(number.to_string()));
    command.args(["--set", "publish.timestamp=now"]);
    if way.keeps_name {
        command.args([
            "--set",
            &format!("ingest.instance=engine-{number}"),
            "--set",
            "ingest.session_timeout=45s",
        ]);
    }
    spawned(command, &out.join(format!("engine-{number}.log")))
}

/// Sends posts evenly until told otherwise; returns their number.
fn send(bootstrap: &str, rate: u32, is_over: &AtomicBool) -> usize {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let (started, mut number) = (Instant::now(), 0);
    while !is_over.load(Ordering::Relaxed) {
        let (key, value) = (id(number), json!({ "id": id(number), "text": "" }).to_string());
        producer
            .send(BaseRecord::to(INPUTS[0]).key(&key).payload(&value))
            .map_err(|(error, _)| error)
            .unwrap();
        number += 1;
        let due = started + Duration::from_secs(1) / rate * u32::try_from(number).unwrap();
        producer.poll(due.saturating_duration_since(Instant::now()));
        sleep(due.saturating_duration_since(Instant::now()));
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    number
}

/// How late answers are, by the timestamps of records. Of two answers to a post the first counts.
fn late(posts: usize, records: &[OwnedMessage], answers: &[OwnedMessage]) -> Late {
    let at = |record: &OwnedMessage| record.timestamp().to_millis().unwrap();
    let sent: BTreeMap<&[u8], i64> =
        records.iter().map(|record| (record.key().unwrap(), at(record))).collect();
    assert_eq!(sent.len(), posts);
    let mut first: BTreeMap<&[u8], i64> = BTreeMap::new();
    for answer in answers {
        let moment = first.entry(answer.key().unwrap()).or_insert(i64::MAX);
        *moment = at(answer).min(*moment);
    }
    let mut late: Vec<i64> = first.iter().map(|(key, moment)| moment - sent[key]).collect();
    late.sort_unstable();
    let quantile = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
    let lost = sent.keys().copied().collect::<BTreeSet<_>>().len() - first.len();
    Late {
        posts,
        median: quantile(0.5),
        p99: quantile(0.99),
        most: quantile(1.0),
        lost,
        doubled: answers.len() - first.len(),
    }
}
