//! Several topics and a pattern at once: nothing is lost, doubled or out of order, though partitions share numbers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::message::{Message, OwnedMessage};
use riveg::engine::Settings;
use riveg::kafka::ingest::GroupProtocol;
use serde_json::json;

use super::echo::{EchoPipeline, post};
use super::process::EngineProcess;
use super::running::{RunningEngine, TestTopics};
use crate::support::{
    Writer, broker, committed, create_topic, delete_topic, header, log_end, read_committed, riveg, unique,
    until,
};

const PARTITIONS: i32 = 2;

/// A topic that is read by its name, and `PREFIX.a` and `PREFIX.b`, which a pattern matches. It also matches the topics
/// that the engine writes.
struct Feed {
    prefix: String,
    named: String,
    names: TestTopics,
}

impl Feed {
    fn new() -> Self {
        let (prefix, named) = (unique("feed"), unique("named"));
        let names = TestTopics {
            input: format!(r"['{named}', '^{prefix}\..*']"),
            output: format!("{prefix}.out"),
            dead: format!("{prefix}.dead"),
            ..TestTopics::new(broker())
        };
        let feed = Self { prefix, named, names };
        for topic in [&feed.named, &feed.topic("a"), &feed.topic("b"), &feed.names.output, &feed.names.dead] {
            create_topic(broker(), topic, PARTITIONS);
        }
        feed
    }

    fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// Writes posts with these numbers to the topics in turn, to partition after partition; every tenth is bad.
    fn write(&self, topics: &[&str], numbers: Range<i32>) {
        let writer = Writer::new(broker());
        let count = topics.len() as i32;
        for number in numbers {
            let id = format!("post-{number}");
            let value = if number % 10 == 0 { b"{".to_vec() } else { post(&id) };
            let topic = topics[(number % count) as usize];
            writer.send(topic, number / count % PARTITIONS, Some(&id), Some(&value));
        }
        writer.flush();
    }

    /// Waits until the group has committed the end of each topic.
    fn is_settled(&self, topics: &[&str]) {
        for topic in topics {
            let end = log_end(broker(), topic, PARTITIONS);
            until(&format!("the group stands at the end of {topic}"), || {
                (committed(broker(), &self.names.group, topic, PARTITIONS) == end).then_some(())
            });
        }
    }

    /// How many posts of each topic are answered on an output. Each must come once, in the order of its partition.
    fn answered(&self, output: &str, headers: [&str; 3]) -> BTreeMap<String, usize> {
        let mut last: BTreeMap<(i32, [&str; 2]), i64> = BTreeMap::new();
        let mut count = BTreeMap::new();
        let messages = read_committed(broker(), output, PARTITIONS);
        let text = |message, place: usize| header(message, headers[place]).unwrap();
        for message in &messages {
            let (topic, offset) = (text(message, 0), text(message, 2).parse().unwrap());
            let lane = (message.partition(), [topic, text(message, 1)]);
            let is_next = last.insert(lane, offset).is_none_or(|before| before < offset);
            assert!(is_next, "offset {offset} of {lane:?} is out of order or doubled");
            *count.entry(topic.to_owned()).or_default() += 1;
        }
        count
    }
}

const SOURCE: [&str; 3] = ["riveg.source.topic", "riveg.source.partition", "riveg.source.offset"];
const ERROR: [&str; 3] = ["riveg.error.topic", "riveg.error.partition", "riveg.error.offset"];

#[test]
fn topics_and_a_pattern_are_read_at_once_and_each_post_is_answered_once() {
    let feed = Feed::new();
    let (a, b, new) = (feed.topic("a"), feed.topic("b"), feed.topic("new"));
    let three = [feed.named.as_str(), &a, &b];
    feed.write(&three, 0..300);
    let engine = RunningEngine::start(feed.names.exactly_once(64, "a"), &EchoPipeline::open());
    feed.is_settled(&three);
    // A topic that begins to exist while the engine runs.
    create_topic(broker(), &new, PARTITIONS);
    feed.write(&[&new], 300..340);
    feed.is_settled(&[&new]);
    // The engine counts a commit after the broker knows it.
    let counted = ["0", "1"].map(|partition| {
        format!("riveg_commit_watermark_offset{{partition=\"{partition}\",topic=\"{new}\"}} ")
    });
    let metrics = until("the new topic is counted", || {
        Some(engine.metrics.render()).filter(|metrics| counted.iter().all(|line| metrics.contains(line)))
    });
    let first = engine.stop().unwrap();
    assert_eq!((first.posts_in, first.annotations, first.dead_letters, first.uncommitted), (340, 306, 34, 0));

    // Every topic is read on from where it was left.
    let four = [feed.named.as_str(), &a, &b, &new];
    feed.write(&four, 340..420);
    let second = RunningEngine::start(feed.names.exactly_once(64, "a"), &EchoPipeline::open());
    feed.is_settled(&four);
    let second = second.stop().unwrap();
    assert_eq!((second.posts_in, second.annotations, second.dead_letters), (80, 72, 8));

    let expected = |annotations: [usize; 4]| -> BTreeMap<String, usize> {
        four.iter().zip(annotations).map(|(topic, count)| ((*topic).to_owned(), count)).collect()
    };
    let ten = |numbers: Range<i32>, place: i32, count: i32| -> usize {
        numbers.filter(|number| number % 10 == 0 && number % count == place).count()
    };
    let bad = [0, 1, 2].map(|place| ten(0..300, place, 3) + ten(340..420, place, 4));
    let dead = [bad[0], bad[1], bad[2], 4 + ten(340..420, 3, 4)];
    let all = [120, 120, 120, 60];
    let good = [0, 1, 2, 3].map(|place| all[place] - dead[place]);
    assert_eq!(feed.answered(&feed.names.output, SOURCE), expected(good));
    let dead = expected(dead).into_iter().filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>();
    assert_eq!(feed.answered(&feed.names.dead, ERROR), dead);

    for topic in four {
        for partition in ["0", "1"] {
            let labels = format!("{{partition=\"{partition}\",topic=\"{topic}\"}}");
            for name in [
                "riveg_records_consumed_total",
                "riveg_consumer_lag_records",
                "riveg_commit_watermark_offset",
            ] {
                assert!(metrics.contains(&format!("{name}{labels} ")), "no {name}{labels} in\n{metrics}");
            }
        }
    }
    let own = format!("topic=\"{}\"", feed.names.output);
    let read = metrics.lines().find(|line| line.starts_with("riveg_records_consumed") && line.contains(&own));
    assert_eq!(read, None, "the engine reads its own answers");
}

#[test]
fn a_topic_that_is_deleted_goes_away_and_the_others_are_read_on() {
    deleted(|feed| feed.names.settings(32), 0);
}

#[test]
fn a_topic_that_is_deleted_does_not_block_transactions_of_the_others() {
    // Answers to posts of the deleted topic are in a transaction with others when it is gone.
    deleted(|feed| feed.names.exactly_once(32, "a"), 1_000);
}

/// `permits`: how many posts may finish before the partitions are revoked.
fn deleted(settings: impl Fn(&Feed) -> Settings, permits: usize) {
    let feed = Feed::new();
    let (a, b) = (feed.topic("a"), feed.topic("b"));
    feed.write(&[&a, &b], 0..8);
    let echo = EchoPipeline::gated();
    let mut settings = settings(&feed);
    settings.ingest.revoke_deadline = Duration::from_millis(200);
    let engine = RunningEngine::start(settings, &echo);
    until("posts of both topics are in progress", || (echo.under_way() == 7).then_some(()));
    delete_topic(broker(), &b);
    echo.gate.add_permits(permits);
    let series = format!("topic=\"{b}\"");
    until("the partitions of the deleted topic are revoked", || {
        let metrics = engine.metrics.render();
        let lag =
            metrics.lines().find(|line| line.starts_with("riveg_outstanding") && line.contains(&series));
        lag.is_none().then_some(())
    });
    echo.gate.add_permits(1_000);
    feed.write(&[&a], 8..20);
    feed.is_settled(&[&a]);
    until("the engine is ready", || engine.health.ready(Instant::now()).ok());
    engine.stop().unwrap();
    assert_eq!(feed.answered(&feed.names.output, SOURCE)[&a], 3 + 11);
}

#[test]
fn a_topic_that_does_not_exist_yet_delays_no_other() {
    let (there, missing) = (unique("there"), unique("missing"));
    let names = TestTopics { input: format!("['{there}', '{missing}']"), ..TestTopics::with_topics(1) };
    create_topic(broker(), &there, 1);
    let writer = Writer::new(broker());
    writer.send(&there, 0, None, Some(&post("1")));
    writer.flush();
    let mut engine =
        EngineProcess::start(&names, &["kafka.properties.topic.metadata.refresh.interval.ms=300"]);
    let settled = |topic: &str| {
        until("the post is settled", || {
            (committed(broker(), &names.group, topic, 1).get(&0) == Some(&1)).then_some(())
        });
    };
    settled(&there);
    until("the engine is ready", || engine.is_ready().then_some(()));
    create_topic(broker(), &missing, 1);
    writer.send(&missing, 0, None, Some(&post("2")));
    writer.flush();
    settled(&missing);
    let (code, log) = engine.stop();
    assert_eq!(code, Some(0), "{log}");
    let told = log.lines().filter(|line| line.contains("a topic of ingest.topic does not exist"));
    assert!(told.clone().count() == 1 && told.clone().all(|line| line.contains(&missing)), "{log}");
}

#[test]
fn each_topic_has_its_own_format() {
    let names = TestTopics::with_topics(1);
    let prefix = unique("feed");
    let topics = ["x", "jetstream", "other"].map(|name| format!("{prefix}.{name}"));
    topics.iter().for_each(|topic| create_topic(broker(), topic, 1));
    let [x, jetstream, other] = &topics;
    let names = TestTopics { input: format!(r"['{x}', '{jetstream}', '^{prefix}\.o.*']"), ..names };
    let tweet = json!({ "data": { "id": "5", "text": "a", "edit_history_tweet_ids": ["5"] } }).to_string();
    let writer = Writer::new(broker());
    for topic in &topics {
        writer.send(topic, 0, None, Some(tweet.as_bytes()));
    }
    writer.send(other, 0, None, Some(json!({ "id": "6", "text": "b" }).to_string().as_bytes()));
    writer.flush();
    let formats =
        format!("ingest.formats={{ '{x}' = 'x', '{jetstream}' = 'jetstream', '{other}' = 'riveg' }}");
    let mut engine = EngineProcess::start(&names, &[&formats]);
    for (topic, end) in [(x, 1), (jetstream, 1), (other, 2)] {
        until("every record is settled", || {
            (committed(broker(), &names.group, topic, 1).get(&0) == Some(&end)).then_some(())
        });
    }
    let (code, log) = engine.stop();
    assert_eq!(code, Some(0), "{log}");
    let told = |output: &str, name| -> Vec<(String, String)> {
        let messages: Vec<OwnedMessage> = read_committed(broker(), output, 1);
        let told = messages.iter().map(|message| {
            let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
            (header(message, name).unwrap().to_owned(), key)
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    };
    // The tweet is one in the topic of tweets only; a `data` object is no post of the other formats.
    let answered = [(other.clone(), "6".to_owned()), (x.clone(), "5".to_owned())];
    assert_eq!(told(&names.output, SOURCE[0]), answered);
    let dead: Vec<String> = told(&names.dead, ERROR[0]).into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(dead, [jetstream.clone(), other.clone()], "{log}");
}

#[test]
fn dead_letters_are_replayed_to_the_topics_that_they_came_from() {
    let feed = Feed::new();
    let (a, b) = (feed.topic("a"), feed.topic("b"));
    let writer = Writer::new(broker());
    for (topic, count) in [(&a, 1), (&b, 2), (&feed.named, 3)] {
        for _ in 0..count {
            writer.send(topic, 0, Some("k"), Some(b"{"));
        }
    }
    writer.flush();
    let engine = RunningEngine::start(feed.names.settings(8), &EchoPipeline::open());
    until("all are dead letters", || {
        (log_end(broker(), &feed.names.dead, PARTITIONS).values().sum::<i64>() == 6).then_some(())
    });
    engine.stop().unwrap();
    let replayed = |input: &str| {
        let sets = [
            format!("kafka.bootstrap={}", broker()),
            format!("ingest.topic={input}"),
            format!("publish.dead_letter_topic={}", feed.names.dead),
        ];
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let arguments: Vec<&str> = ["dlq", "replay"].into_iter().chain(sets).collect();
        let finished = riveg(&arguments, b"");
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished.stdout
    };
    // Those of a topic that these settings do not read stay.
    let said = replayed(&format!("['{a}', 'elsewhere']"));
    assert!(said.contains(&format!("2 are of `{b}`, which ingest.topic does not read: they stay")), "{said}");
    assert!(said.ends_with(&format!("1 were written to `{a}`\n")), "{said}");
    let said = replayed(&feed.names.input);
    assert!(said.ends_with(&format!("5 were written to `{b}`, `{}`\n", feed.named)), "{said}");
    let ends = [&a, &b, &feed.named].map(|topic| log_end(broker(), topic, PARTITIONS).values().sum::<i64>());
    assert_eq!(ends, [2, 4, 6]);
}

#[test]
fn a_check_looks_at_every_topic_and_a_command_for_one_topic_asks_which() {
    let feed = Feed::new();
    let run = |command: &[&str], input: &str| {
        let sets = [
            format!("kafka.bootstrap={}", broker()),
            format!("ingest.topic={input}"),
            format!("ingest.group={}", feed.names.group),
            format!("ingest.formats={{ '{}' = 'x', elsewhere = 'x' }}", feed.topic("a")),
            format!("publish.topic={}", feed.names.output),
            format!("publish.dead_letter_topic={}", feed.names.dead),
        ];
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        riveg(&command.iter().copied().chain(sets).collect::<Vec<_>>(), b"")
    };
    let skips = ["bundle", "telemetry", "state", "llm"].map(|part| ["--skip", part]).concat();
    let check = |input: &str| run(&[&["check"], &skips[..]].concat(), input);
    let (a, b) = (feed.topic("a"), feed.topic("b"));
    let Feed { prefix, named, names } = &feed;
    let found = check(&names.input);
    assert_eq!(found.code, Some(0), "{}{}", found.stdout, found.stderr);
    let row = |what: &str| -> String {
        let row = found.stdout.lines().find(|row| row.split("  ").next() == Some(what));
        row.unwrap_or_else(|| panic!("no `{what}` in {}", found.stdout)).to_owned()
    };
    for topic in [named, &a, &b, &names.output, &names.dead] {
        assert!(row(&format!("topic {topic}")).contains("2 partitions"));
        let right = if [named, &a, &b].contains(&topic) { "read" } else { "write to" };
        assert!(row(&format!("right to {right} {topic}")).contains("granted"));
    }
    let pattern = row(&format!(r"topics ^{prefix}\..*"));
    let expected = format!(
        "2 topics match: {a}, {b}; not read, because the engine writes them: {}, {}",
        names.dead, names.output
    );
    assert!(pattern.contains("ok") && pattern.ends_with(&expected), "{pattern}");
    assert!(row("ingest.formats.\"elsewhere\"").contains("WARN"));
    assert!(!found.stdout.contains(&format!("ingest.formats.\"{a}\"")), "{}", found.stdout);

    let found = check(&format!("['{named}', 'missing-{named}', '^nothing-{prefix}']"));
    assert_eq!(found.code, Some(1), "{}", found.stdout);
    let missing = found.stdout.lines().find(|row| row.starts_with(&format!("topic missing-{named}")));
    assert!(missing.is_some_and(|row| row.contains("it does not exist")), "{}", found.stdout);
    assert!(found.stdout.contains("no topic matches yet"), "{}", found.stdout);

    let asks = run(&["tap", "posts", "--once"], &names.input);
    assert!(asks.code == Some(2) && asks.stderr.contains("by --topic"), "{}", asks.stderr);
    let writer = Writer::new(broker());
    writer.send(&b, 1, Some("k"), Some(&post("7")));
    writer.flush();
    let shown = run(&["tap", "posts", "--once", "--json", "--topic", &b], &names.input);
    assert!(
        shown.code == Some(0) && shown.stdout.contains(r#"{"id":"7"}"#),
        "{}{}",
        shown.stdout,
        shown.stderr
    );
}

#[test]
fn the_brokers_match_patterns_where_they_assign_partitions() {
    let prefix = unique("feed");
    let names = TestTopics { input: format!(r"['^{prefix}\.[ab]']"), ..TestTopics::with_topics(1) };
    let (a, b) = (format!("{prefix}.a"), format!("{prefix}.b"));
    let writer = Writer::new(broker());
    for topic in [&a, &b, &format!("{prefix}.bc")] {
        create_topic(broker(), topic, 1);
        writer.send(topic, 0, None, Some(&post("1")));
    }
    writer.flush();
    let mut settings = names.exactly_once(8, "a");
    settings.ingest.protocol = GroupProtocol::Consumer;
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    for topic in [&a, &b] {
        until("the post is settled", || {
            (committed(broker(), &names.group, topic, 1).get(&0) == Some(&1)).then_some(())
        });
    }
    let summary = engine.stop().unwrap();
    assert_eq!((summary.posts_in, summary.annotations), (2, 2), "a name that matches in part is read");
}
