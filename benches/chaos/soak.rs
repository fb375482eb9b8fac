//! Does memory stay flat? A backlog of many posts through one engine, whose resident memory is watched from outside.
//!
//! With networks that echo it shows what the engine itself keeps, with the pocket bundle what networks and caches keep.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use riveg::world::{Split, World, write_dataset};
use serde_json::{Value, json};

use super::broker::{Broker, DEAD, GROUP, INPUT, OUTPUT};

/// The most that memory may differ between the end and the time after the warm-up.
const FLAT: f64 = 0.05;
/// Shares of the posts: memory is taken from the first to the second for the warm-up, and from the last on for the end.
/// By a tenth every buffer and cache has been used, with what a post of this feed fills it with.
const WARM: (f64, f64) = (0.10, 0.20);
const END: f64 = 0.90;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Posts through networks that echo.
    #[arg(long, default_value_t = 200_000)]
    echo: usize,
    /// Posts of the pocket world through the pocket bundle.
    #[arg(long, default_value_t = 20_000)]
    pocket: usize,
    /// Where the report, the broker's data and the logs go.
    #[arg(long, default_value = "target/soak")]
    out: PathBuf,
}

/// What one engine came to.
struct Soaked {
    name: &'static str,
    posts: usize,
    took: Duration,
    /// Bytes.
    warm: u64,
    end: u64,
}

impl Soaked {
    fn growth(&self) -> f64 {
        self.end as f64 / self.warm as f64 - 1.0
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let out = std::path::absolute(&arguments.out).unwrap();
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();
    let echo = |number: usize| format!(r#"{{"id":"post-{number}"}}"#);
    let mut soaked = Vec::new();
    if arguments.echo > 0 {
        soaked.push(soak("echo", arguments.echo, &echo, &|broker| worker(broker, &out), &out));
    }
    if arguments.pocket > 0 {
        let posts = pocket_posts(&out);
        // The same pictures come again with every round, as reposts do; ids do not.
        let pocket = |number: usize| posts[number % posts.len()].replace("\u{0}", &number.to_string());
        soaked.push(soak("pocket", arguments.pocket, &pocket, &|broker| engine(broker, &out), &out));
    }
    let mut report = json!({});
    println!(
        "\n{:<8}{:>9}{:>11}{:>14}{:>14}{:>9}",
        "engine", "posts", "posts/s", "warm MiB", "end MiB", "growth"
    );
    for one in &soaked {
        let rate = one.posts as f64 / one.took.as_secs_f64();
        let [warm, end] = [one.warm, one.end].map(|bytes| bytes as f64 / f64::from(1 << 20));
        println!(
            "{:<8}{:>9}{rate:>11.1}{warm:>14.1}{end:>14.1}{:>8.1}%",
            one.name,
            one.posts,
            one.growth() * 100.0
        );
        report[one.name] =
            json!({ "posts": one.posts, "posts_per_second": rate, "warm_mib": warm, "end_mib": end });
    }
    fs::write(out.join("report.json"), format!("{report:#}\n")).unwrap();
    let flat = soaked.iter().all(|one| one.growth() <= FLAT);
    println!("{}", if flat { "memory is flat" } else { "MEMORY GROWS" });
    if flat { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn soak(
    name: &'static str,
    posts: usize,
    post: &dyn Fn(usize) -> String,
    start: &dyn Fn(&Broker) -> Child,
    out: &Path,
) -> Soaked {
    println!("{name}: writing {posts} posts");
    let broker = Broker::start(out);
    broker.create_topics();
    write(&broker, posts, post);
    let begun = Instant::now();
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
    let took = begun.elapsed();
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
        assert!(
            !found.is_empty(),
            "{name} was done before its memory could be looked at: more posts are needed"
        );
        found[found.len() / 2]
    };
    Soaked { name, posts, took, warm: between(WARM.0, WARM.1), end: between(END, 1.0) }
}

fn write(broker: &Broker, posts: usize, post: &dyn Fn(usize) -> String) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &broker.bootstrap)
        .set("linger.ms", "20")
        .create()
        .unwrap();
    for number in 0..posts {
        let (key, value) = (number.to_string(), post(number));
        let mut record = BaseRecord::to(INPUT).key(&key).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            producer.poll(Duration::from_millis(50));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
}

/// An engine that echoes: one of the chaos run's.
fn worker(broker: &Broker, out: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["worker", "--mode", "at-least-once", "--number", "0", "--bootstrap", &broker.bootstrap]);
    command.arg("--state").arg(out.join("state"));
    spawned(command, &out.join("echo.log"))
}

/// The engine as it is shipped, with the bundle that ships.
fn engine(broker: &Broker, out: &Path) -> Child {
    let own = std::env::current_exe().unwrap();
    let binary = own.parent().and_then(Path::parent).unwrap().join("riveg");
    let mut command = Command::new(binary);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("run");
    let state = out.join("state");
    let sets = [
        format!("kafka.bootstrap={}", broker.bootstrap),
        format!("ingest.topic={INPUT}"),
        format!("ingest.group={GROUP}"),
        format!("publish.topic={OUTPUT}"),
        format!("publish.dead_letter_topic={DEAD}"),
        format!("engine.state={}", state.display()),
        "telemetry.address=".to_owned(),
    ];
    for set in sets {
        command.args(["--set", &set]);
    }
    spawned(command, &out.join("pocket.log"))
}

fn spawned(mut command: Command, log: &Path) -> Child {
    let log = File::create(log).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// Posts of the pocket world as JSON, with a NUL where the number goes that makes ids differ.
fn pocket_posts(out: &Path) -> Vec<String> {
    let (world, folder) = (World::new(0, Split::Test), out.join("world"));
    write_dataset(&world, 1000, &folder, || ()).unwrap();
    let feed = fs::read_to_string(folder.join("feed.jsonl")).unwrap();
    let numbered = |line: &str| {
        let mut post: Value = serde_json::from_str(line).unwrap();
        let mut id = post["id"].as_str().unwrap().to_owned();
        let _ = write!(id, "-\u{1}"); // writing to a string cannot fail
        post["id"] = Value::String(id);
        post.to_string().replace("\\u0001", "\u{0}")
    };
    feed.lines().map(numbered).collect()
}

/// The resident memory of a process, in bytes.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
