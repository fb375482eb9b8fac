//! Soak test of memory: a backlog of many posts through one engine, whose resident memory is measured from outside.
//!
//! With echoing networks it measures the engine alone, whose memory must stay flat. With the pocket bundle and a new
//! picture in each post it measures networks and caches, whose memory must end at the plan of the settings.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use riveg::lab::world::{Split, World};
use serde_json::json;

use super::broker::{Broker, INPUTS};

/// Maximum relative deviation of memory at the end from memory after the warm-up, or from the plan of the settings.
const TOLERANCE: f64 = 0.05;
/// Shares of the posts between which memory after the warm-up is measured. By a tenth every buffer and cache is in use.
const WARM_SHARES: (f64, f64) = (0.10, 0.20);
/// Share of the posts from which on memory at the end is measured.
const END_SHARE: f64 = 0.90;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Posts through echoing networks.
    #[arg(long, default_value_t = 200_000)]
    echo: usize,
    /// Posts of the pocket world through the pocket bundle.
    #[arg(long, default_value_t = 20_000)]
    pocket: usize,
    /// Folder of the report, the broker's data and the logs.
    #[arg(long, default_value = "target/soak")]
    out: PathBuf,
}

/// Result of one engine.
struct Measurement {
    name: &'static str,
    posts: usize,
    took: Duration,
    /// Resident memory after the warm-up, in bytes.
    warm: u64,
    end: u64,
    /// The engine's planned memory, in bytes.
    planned: Option<u64>,
}

impl Measurement {
    /// Relative deviation of memory at the end from its expected value.
    fn deviation(&self) -> f64 {
        self.end as f64 / self.planned.unwrap_or(self.warm) as f64 - 1.0
    }

    /// Without a plan, memory must not grow, and may shrink. With a plan it must match in both directions.
    fn is_within_tolerance(&self) -> bool {
        self.deviation() <= TOLERANCE && (self.planned.is_none() || self.deviation() >= -TOLERANCE)
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let out = std::path::absolute(&arguments.out).unwrap();
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();
    let echo = |number: usize| format!(r#"{{"id":"post-{number}","text":""}}"#);
    let mut measurements = Vec::new();
    if arguments.echo > 0 {
        measurements.push(soak("echo", arguments.echo, &echo, &|broker| worker(broker, &out), None, &out));
    }
    if arguments.pocket > 0 {
        let samples = samples(arguments.pocket);
        let pocket = |number: usize| samples[number % samples.len()].post(number);
        // A port that was free just now.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let start = |broker: &Broker| engine(broker, &address, &out);
        measurements.push(soak("pocket", arguments.pocket, &pocket, &start, Some(&address), &out));
    }
    let mut report = json!({});
    println!(
        "\n{:<8}{:>9}{:>11}{:>14}{:>14}{:>14}{:>9}",
        "engine", "posts", "posts/s", "10-20 % MiB", "end MiB", "planned MiB", "off"
    );
    for one in &measurements {
        let rate = one.posts as f64 / one.took.as_secs_f64();
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (warm, end, planned) = (mib(one.warm), mib(one.end), one.planned.map(mib));
        let shown = planned.map_or("-".to_owned(), |planned| format!("{planned:.1}"));
        println!(
            "{:<8}{:>9}{rate:>11.1}{warm:>14.1}{end:>14.1}{shown:>14}{:>8.1}%",
            one.name,
            one.posts,
            one.deviation() * 100.0
        );
        report[one.name] = json!({
            "posts": one.posts,
            "posts_per_second": rate,
            "warm_mib": warm,
            "end_mib": end,
            "planned_mib": planned,
        });
    }
    fs::write(out.join("report.json"), format!("{report:#}\n")).unwrap();
    let holds = measurements.iter().all(Measurement::is_within_tolerance);
    println!("{}", if holds { "memory is within its bounds" } else { "MEMORY IS OUT OF ITS BOUNDS" });
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn soak(
    name: &'static str,
    posts: usize,
    post: &dyn Fn(usize) -> String,
    start: &dyn Fn(&Broker) -> Child,
    metrics: Option<&str>,
    out: &Path,
) -> Measurement {
    println!("{name}: writing {posts} posts");
    let broker = Broker::start(out);
    broker.create_topics();
    write(&broker, posts, post);
    let started = Instant::now();
    let mut engine = start(&broker);
    let mut samples = Vec::new();
    let done = loop {
        let done = broker.answered();
        if let Some(bytes) = resident(engine.id()) {
            samples.push((done as f64 / posts as f64, bytes));
        }
        if done >= posts as i64 || engine.try_wait().unwrap().is_some() {
            break done;
        }
        std::thread::sleep(Duration::from_millis(250));
    };
    let took = started.elapsed();
    let metrics = metrics.map(metrics_of);
    let _ = Command::new("kill").args(["-TERM", &engine.id().to_string()]).status();
    let status = engine.wait().unwrap();
    broker.stop();
    assert!(status.success() && done >= posts as i64, "{name}: {done} of {posts} posts, {status}");
    let between = |from: f64, to: f64| {
        let mut found: Vec<u64> = samples
            .iter()
            .filter(|(share, _)| (from..=to).contains(share))
            .map(|(_, bytes)| *bytes)
            .collect();
        found.sort_unstable();
        assert!(!found.is_empty(), "{name} ended before its memory could be measured: more posts are needed");
        found[found.len() / 2]
    };
    let planned = metrics.map(|metrics| {
        metrics
            .lines()
            .filter(|line| line.starts_with("riveg_remembered_bytes"))
            .for_each(|line| println!("{line}"));
        let settled = "riveg_planned_memory_bytes{state=\"settled\"} ";
        let planned = metrics.lines().find_map(|line| line.strip_prefix(settled));
        planned.and_then(|bytes| bytes.parse().ok()).expect("the engine reports its planned memory")
    });
    Measurement {
        name,
        posts,
        took,
        warm: between(WARM_SHARES.0, WARM_SHARES.1),
        end: between(END_SHARE, 1.0),
        planned,
    }
}

pub(super) fn write(broker: &Broker, posts: usize, post: &dyn Fn(usize) -> String) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &broker.bootstrap)
        .set("linger.ms", "20")
        .create()
        .unwrap();
    for number in 0..posts {
        let (key, value) = (number.to_string(), post(number));
        let mut record = BaseRecord::to(INPUTS[0]).key(&key).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            producer.poll(Duration::from_millis(50));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
}

/// An echoing engine: a worker of the chaos test.
fn worker(broker: &Broker, out: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["worker", "--mode", "at-least-once", "--number", "0", "--bootstrap", &broker.bootstrap]);
    command.arg("--state").arg(out.join("state"));
    spawned(command, &out.join("echo.log"))
}

/// The shipped engine with the shipped bundle.
fn engine(broker: &Broker, address: &str, out: &Path) -> Child {
    let mut command = Command::new(binary());
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("run");
    let mut settings = broker.settings(&out.join("state"));
    settings.push(format!("telemetry.address={address}"));
    command.args(settings.iter().flat_map(|set| ["--set", set]));
    spawned(command, &out.join("pocket.log"))
}

/// The shipped engine, built beside this executable.
pub(super) fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().and_then(Path::parent).unwrap().join("riveg")
}

pub(super) fn spawned(mut command: Command, log: &Path) -> Child {
    let log = File::create(log).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// The engine's metrics.
fn metrics_of(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: riveg\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// A post of the pocket world from which many posts are made.
pub(super) struct Sample {
    text: String,
    jpeg: Vec<u8>,
}

/// Maximum number of samples: drawing one takes milliseconds.
const SAMPLES: usize = 1000;

pub(super) fn samples(posts: usize) -> Vec<Sample> {
    let world = World::new(0, Split::Test);
    let sample = |index: usize| {
        let sample = world.sample(index as u64);
        Sample { text: sample.text, jpeg: sample.picture.jpeg }
    };
    (0..posts.min(SAMPLES)).map(sample).collect()
}

impl Sample {
    /// A post with a unique picture: a JPEG comment makes its bytes differ from all others.
    pub(super) fn post(&self, number: usize) -> String {
        let (start, rest) = self.jpeg.split_at(2);
        let comment = format!("{number:012}");
        let marker = [&[0xFF, 0xFE, 0, 14], comment.as_bytes()].concat();
        let picture = STANDARD.encode([start, &marker, rest].concat());
        let media = json!([{ "key": "a", "type": "photo", "bytes": picture }]);
        let id = format!("post-{number}");
        json!({ "id": id, "text": self.text, "created_at": "2026-01-01T00:00:00Z", "media": media })
            .to_string()
    }
}

/// The resident memory of a process, in bytes.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
