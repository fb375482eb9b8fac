//! Hostile stream: the delay of innocent posts in other partitions, through Kafka and one engine.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

use super::Arguments;
use super::broker::{Broker, INPUTS};
use super::engine::{idle_memory, peak_memory};
use super::posts::innocent;

/// The longest that a hostile post and the innocent ones beside it may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// The partition of hostile posts, and those of the others.
const HOSTILE: i32 = 0;
const INNOCENT: [i32; 2] = [1, 2];

/// A record of the input topic.
struct Record {
    name: &'static str,
    key: Vec<u8>,
    headers: OwnedHeaders,
    value: String,
}

/// Writes each hostile post among innocent ones, and prints what it took and how long they waited.
pub(crate) fn run(arguments: &Arguments, wanted: &dyn Fn(&str) -> bool) {
    let folder = std::path::absolute("target/hostile").unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let broker = Broker::start(&folder);
    broker.create_topics();
    let mut engine = engine(arguments, &broker, &folder);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &broker.bootstrap)
        .set("message.max.bytes", "8000000")
        .create()
        .unwrap();
    println!(
        "\nthrough Kafka\n{:<38}{:>10}{:>12}{:>19}  answer",
        "post", "kB", "MiB above", "innocents p50, max"
    );
    // The first round warms the engine up, the second tells how long posts wait that nobody is in front of.
    let mut next = 0;
    for hostile in [None, None].into_iter().chain(records(wanted).into_iter().map(Some)) {
        let idle = idle_memory(engine.id());
        let first = next;
        if let Some(record) = &hostile {
            send(&producer, HOSTILE, (&record.key, record.headers.clone()), &record.value);
        }
        while next - first < arguments.innocents {
            let partition = INNOCENT[next as usize % INNOCENT.len()];
            send(&producer, partition, (b"innocent", OwnedHeaders::new()), &innocent(next));
            next += 1;
            std::thread::sleep(Duration::from_millis(arguments.every));
        }
        producer.flush(PATIENCE).unwrap();
        assert!(broker.wait_until_all_answered(PATIENCE), "not all posts are answered: {}", folder.display());
        let above = peak_memory(engine.id()) - idle;
        let annotations = broker.annotations();
        let mut waits: Vec<f64> = annotations.iter().filter_map(|message| wait(message, first)).collect();
        waits.sort_by(f64::total_cmp);
        assert_eq!(waits.len() as u64, arguments.innocents, "an innocent post has no answer");
        let [name, kilobytes, answer] = match &hostile {
            None => ["none, innocent posts alone".to_owned(), String::new(), String::new()],
            Some(record) => [
                record.name.to_owned(),
                format!("{:.0}", (record.value.len() + record.key.len()) as f64 / 1e3),
                last_answer(&annotations, &broker.dead_letters()),
            ],
        };
        let waited = format!("{:.2}, {:.2} s", waits[waits.len() / 2], waits[waits.len() - 1]);
        println!("{name:<38}{kilobytes:>10}{above:>12.0}{waited:>19}  {answer}");
        assert!(engine.try_wait().unwrap().is_none(), "the engine has ended: {}", folder.display());
    }
    let _ = Command::new("kill").args(["-TERM", &engine.id().to_string()]).status();
    let status = engine.wait().unwrap();
    broker.stop();
    assert!(status.success(), "{status}: {}", folder.display());
}

/// The posts that `riveg annotate` is given too, and those that harm by key and headers.
fn records(wanted: &dyn Fn(&str) -> bool) -> Vec<Record> {
    let posts = super::hostile().map(|post| Record {
        name: post.name,
        key: b"hostile".to_vec(),
        headers: OwnedHeaders::new(),
        value: (post.record)(),
    });
    let noise = |bytes: u32| -> Vec<u8> {
        (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    };
    let header = noise(3_000_000);
    let headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some(&header) });
    let by_key = Record {
        name: "a key of a megabyte",
        key: noise(1_048_300),
        headers: OwnedHeaders::new(),
        value: "x".to_owned(),
    };
    let by_headers = Record {
        name: "headers of three megabytes",
        key: b"hostile".to_vec(),
        headers,
        value: "x".to_owned(),
    };
    posts.chain([by_key, by_headers]).filter(|record| wanted(record.name)).collect()
}

fn engine(arguments: &Arguments, broker: &Broker, folder: &Path) -> Child {
    let mut sets = broker.settings(&folder.join("state"));
    sets.extend([format!("bundle.path={}", arguments.bundle.display()), "telemetry.address=".to_owned()]);
    let mut command = Command::new(arguments.binary());
    command.arg("run").args(sets.iter().chain(&arguments.set).flat_map(|set| ["--set", set]));
    let log = File::create(folder.join("engine.log")).unwrap();
    let engine = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    // Partitions are assigned once it is warm.
    let begun = Instant::now();
    while !std::fs::read_to_string(folder.join("engine.log")).unwrap().contains("networks are warm") {
        assert!(begun.elapsed() < PATIENCE, "the engine does not start: {}", folder.display());
        std::thread::sleep(Duration::from_millis(100));
    }
    engine
}

fn send(producer: &BaseProducer, partition: i32, (key, headers): (&[u8], OwnedHeaders), value: &str) {
    let record = BaseRecord::to(INPUTS[0]).partition(partition).key(key).headers(headers).payload(value);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.poll(Duration::ZERO);
}

/// From when an innocent post of number `first` or later was written to when its answer was.
fn wait(message: &OwnedMessage, first: u64) -> Option<f64> {
    let answer: Value = serde_json::from_slice(message.payload()?).ok()?;
    let number: u64 = answer["post_id"].as_str()?.strip_prefix("innocent-")?.parse().ok()?;
    let published = humantime::parse_rfc3339(answer["published_at"].as_str()?).ok()?;
    let written = UNIX_EPOCH + Duration::from_millis(message.timestamp().to_millis()?.try_into().ok()?);
    (number >= first).then(|| published.duration_since(written).unwrap_or_default().as_secs_f64())
}

/// What the latest hostile post came to.
fn last_answer(annotations: &[OwnedMessage], dead_letters: &[OwnedMessage]) -> String {
    let all = annotations
        .iter()
        .map(|message| (message, false))
        .chain(dead_letters.iter().map(|message| (message, true)));
    let prefix = |is_dead| if is_dead { "riveg.error" } else { "riveg.source" };
    let number = |message: &OwnedMessage, name: String| {
        header(message, &name).and_then(|text| text.parse::<i64>().ok())
    };
    let hostile = all.filter(|(message, is_dead)| {
        number(message, format!("{}.partition", prefix(*is_dead))) == Some(i64::from(HOSTILE))
    });
    let last =
        hostile.max_by_key(|(message, is_dead)| number(message, format!("{}.offset", prefix(*is_dead))));
    let Some((message, is_dead)) = last else { return "none".to_owned() };
    if is_dead {
        return header(message, "riveg.error.class").unwrap_or_default();
    }
    super::told(&serde_json::from_slice(message.payload().unwrap_or_default()).unwrap_or_default())
}

/// The last header of that name: those of the engine stand behind those of the record.
fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    let found = message.headers()?.iter().filter(|header| header.key == name).last()?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}
