//! Command `riveg ingest bluesky`: every event of a server that cuts, repeats, stalls and errs is in the topic, and none is
//! lost over a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::mocking::MockCluster;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::jetstream::{Jetstream, Plan, Timed};
use crate::support::{Finished, Process, binary, get, header, read, riveg, until};

/// The time of the first event, and microseconds from one to the next: five seconds are fifty events.
const BEGIN: u64 = 1_764_000_000_000_000;
const STEP: u64 = 100_000;

const PARTITIONS: i32 = 3;

/// A change of one of twenty posts.
fn change(number: u64) -> Timed {
    let operation = ["create", "update", "delete"][number as usize / 20 % 3];
    let event = json!({
        "did": format!("did:plc:{}", number % 4), "time_us": BEGIN + number * STEP, "kind": "commit",
        "commit": {
            "rev": format!("3l{number}"), "operation": operation, "collection": "app.bsky.feed.post",
            "rkey": format!("3k{}", number % 20), "record": {"text": "Ada in Oslo \u{1f309}"},
        },
    });
    (BEGIN + number * STEP, Message::text(event.to_string()))
}

fn changes(count: u64) -> Vec<Timed> {
    (0..count).map(change).collect()
}

/// Messages that are no changes, at the time of a change.
fn faults(number: u64) -> Vec<Timed> {
    let time = BEGIN + number * STEP;
    let account =
        json!({"did": "did:plc:1", "time_us": time, "kind": "account", "account": {"active": true}});
    let mut long: Value = serde_json::from_str(change(number).1.to_text().unwrap()).unwrap();
    long["commit"]["rkey"] = json!("3long");
    long["commit"]["record"]["text"] = json!("x".repeat(20_000));
    let messages = [
        Message::text(account.to_string()),
        Message::text("{\"did\":\"did:plc:1\u{1b}[2J"),
        Message::binary(vec![0xff; 40]),
        Message::text(long.to_string()),
    ];
    messages.into_iter().map(|message| (time, message)).collect()
}

/// A broker with the topic `posts`.
fn broker() -> MockCluster<'static, rdkafka::producer::DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("posts", PARTITIONS, 1).unwrap();
    cluster
}

fn arguments<'a>(brokers: &'a str, url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = ["ingest", "bluesky", "--out", "posts", "--brokers", brokers, "--url", url];
    [&base, more].concat()
}

fn ingest(brokers: &str, url: &str, more: &[&str]) -> Finished {
    riveg(&arguments(brokers, url, more), b"")
}

fn spawn(brokers: &str, url: &str, more: &[&str]) -> Process {
    let mut command = binary();
    Process(command.args(arguments(brokers, url, more)).stderr(Stdio::piped()).spawn().unwrap())
}

fn terminate(process: &mut Process) -> Option<i32> {
    assert!(Command::new("kill").arg(process.0.id().to_string()).status().unwrap().success());
    process.0.wait().unwrap().code()
}

/// Key and value of a record.
fn pair(message: &OwnedMessage) -> (String, String) {
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    (text(message.key()), text(message.payload()))
}

fn key_of(event: &str) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    let commit = &event["commit"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    format!("at://{}/{}/{}", text(&event["did"]), text(&commit["collection"]), text(&commit["rkey"]))
}

#[test]
fn every_change_is_written_once_in_order_although_the_server_cuts_repeats_stalls_and_errs() {
    let mut messages = changes(200);
    messages.extend([30, 90, 150].into_iter().flat_map(faults));
    messages.sort_by_key(|(time, _)| *time);
    let plans = [
        Plan::Refuse(503),
        Plan::Cut(50),
        Plan::Close(90),
        Plan::Stall(100),
        Plan::Cut(3),
        Plan::Refuse(429),
    ];
    let server = Jetstream::start(messages, &plans);
    let cluster = broker();
    let brokers = cluster.bootstrap_servers();
    let since = (BEGIN - 1_000_000_000).to_string();
    let more = ["--limit", "200", "--silence", "400ms", "--max-event", "10kB", "--since", &since];
    let finished = ingest(&brokers, &server.url(), &more);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);

    let mut reader = read(&brokers, "posts", PARTITIONS);
    let records = reader.at_least(200).to_vec();
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in records.iter().map(pair) {
        assert_eq!(key, key_of(&value));
        by_key.entry(key).or_default().push(value);
    }
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, message) in changes(200) {
        let event = message.to_text().unwrap().to_owned();
        expected.entry(key_of(&event)).or_default().push(event);
    }
    assert_eq!(by_key, expected, "all of a post's changes, unchanged, in their order, once");
    for key in expected.keys() {
        let at: BTreeSet<i32> = records
            .iter()
            .filter(|record| record.key() == Some(key.as_bytes()))
            .map(|record| record.partition())
            .collect();
        assert_eq!(at.len(), 1, "{key} is in one partition");
    }
    for part in
        ["answers 503", "answers 429", "nothing came for 400ms", "begins later", "no event of Jetstream"]
    {
        assert!(finished.stderr.contains(part), "`{part}`: {}", finished.stderr);
    }
    assert!(!finished.stderr.contains('\u{1b}'), "a server cannot steer a terminal");
    let asked = server.asked();
    let cursors: Vec<u64> =
        asked.iter().map(|query| query.split("cursor=").nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(cursors[..2], [BEGIN - 1_000_000_000; 2], "a refusal changes nothing");
    assert!(
        cursors[2] < BEGIN + 50 * STEP && cursors[2] > BEGIN - 6_000_000,
        "five seconds back: {cursors:?}"
    );
    assert!(
        asked[0].starts_with("wantedCollections=app.bsky.feed.post&maxMessageSizeBytes=10000"),
        "{asked:?}"
    );
}

#[test]
fn a_run_after_a_kill_begins_before_what_the_topic_lacks_and_a_signal_ends_it_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cursor");
    let cluster = broker();
    let brokers = cluster.bootstrap_servers();
    let half = Jetstream::start(changes(300), &[Plan::Stall(150)]);
    let mut killed = spawn(&brokers, &half.url(), &[]);
    let mut reader = read(&brokers, "posts", PARTITIONS);
    reader.at_least(100);
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();

    let server = Jetstream::start(changes(300), &[]);
    let kept = file.to_str().unwrap();
    let mut second = spawn(&brokers, &server.url(), &["--set", "telemetry.progress=1s"]);
    let distinct = |messages: &[OwnedMessage]| {
        messages.iter().map(pair).map(|(_, value)| value).collect::<BTreeSet<_>>().len()
    };
    until("all changes are there", || {
        let count = reader.messages.len();
        reader.at_least(count + 1);
        (distinct(&reader.messages) == 300).then_some(())
    });
    let cursor = |query: &str| query.split("cursor=").nth(1).unwrap().parse::<u64>().unwrap();
    let begun = cursor(&server.asked()[0]);
    let told = reader.messages.iter().filter_map(|message| header(message, "riveg.jetstream.cursor"));
    let times: Vec<u64> = told.map(|text| text.parse().unwrap()).collect();
    assert_eq!(times.len(), reader.messages.len(), "every record tells it");
    assert!((BEGIN - 5_000_001..=BEGIN + 145 * STEP).contains(&begun), "{begun}");
    assert_eq!(terminate(&mut second), Some(0), "SIGTERM is how it ends");

    // What is in the file counts more than the topic, and is written at the end.
    std::fs::write(&file, (BEGIN + 280 * STEP).to_string()).unwrap();
    let third = ingest(&brokers, &server.url(), &["--cursor-file", kept, "--limit", "70"]);
    assert_eq!(third.code, Some(0), "{}", third.stderr);
    assert_eq!(cursor(&server.asked()[1]), BEGIN + 230 * STEP);
    let end: u64 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    assert_eq!(end, BEGIN + 299 * STEP);
}

#[test]
fn a_broker_that_is_away_stops_reading_until_it_is_back_and_confirms_every_record() {
    let long = |number: u64| {
        let (time, message) = change(number);
        let text = message.to_text().unwrap().replace("Ada", &"Ada ".repeat(1_000));
        (time, Message::text(text))
    };
    let count = 9_000;
    let server = Jetstream::start_closed((0..count).map(long).collect(), &[]);
    let cluster = broker();
    let brokers = cluster.bootstrap_servers();
    let mut process =
        spawn(&brokers, &server.url(), &["--limit", "9000", "--set", "telemetry.address=127.0.0.1:0"]);
    let mut log = std::io::BufReader::new(process.0.stderr.take().unwrap());
    let address = loop {
        let mut line = String::new();
        assert!(std::io::BufRead::read_line(&mut log, &mut line).unwrap() > 0, "it ended early");
        if let Some(rest) = line.split("address=").nth(1) {
            break rest.trim().to_owned();
        }
    };
    let rest = std::thread::spawn(move || std::io::read_to_string(log).unwrap());
    until("it has connected", || (!server.asked().is_empty()).then_some(()));
    cluster.broker_down(1).unwrap();
    server.open();
    let has = |part: &str| get(&address, "/metrics").is_some_and(|page| page.contains(part));
    until("no more may wait", || has("riveg_feed_unacknowledged{feed=\"bluesky\"} 4096\n").then_some(()));
    assert!(server.sent() < count as usize, "a slow broker slows the server");
    cluster.broker_up(1).unwrap();
    let code = process.0.wait().unwrap().code();
    assert_eq!(code, Some(0), "{}", rest.join().unwrap());
}

#[test]
fn what_cannot_work_is_told_at_once() {
    let cluster = broker();
    let brokers = cluster.bootstrap_servers();
    let refusing = Jetstream::start(changes(1), &[Plan::Refuse(404), Plan::Refuse(404)]);
    let refused = ingest(&brokers, &refusing.url(), &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("answers 404") && refused.stderr.contains("is the address right?"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains('\u{1b}'), "{}", refused.stderr);
    let other = Jetstream::start(changes(1), &[]);
    let both = ingest(&brokers, &refusing.url(), &["--url", &other.url(), "--limit", "1"]);
    assert_eq!(both.code, Some(0), "the next server is asked: {}", both.stderr);
    for (more, code, said) in [
        (&["--url", "https://a.example"][..], 2, "wss://HOST/subscribe"),
        (&["--since", "12"], 2, "microseconds"),
        (&["--silence", "1ms"], 2, "100ms"),
        (&["--out", "nowhere"], 1, "does not exist"),
    ] {
        let url = other.url();
        let given: Vec<&str> = arguments(&brokers, &url, &[]);
        // An option that is given twice is an error of its own.
        let base: Vec<&str> = if more[0] == "--out" { [&given[..2], &given[4..]].concat() } else { given };
        let failed = riveg(&[&base[..], more].concat(), b"");
        assert_eq!(failed.code, Some(code), "{more:?}: {}", failed.stderr);
        assert!(failed.stderr.contains(said), "{more:?}: {}", failed.stderr);
    }
}
