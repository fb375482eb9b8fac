//! Command `riveg dlq`: dead letters are listed, shown and replayed, against a real Kafka.

use std::collections::BTreeSet;

use serde_json::Value;

use rdkafka::message::{Header, Headers, Message, OwnedHeaders};

use crate::kafka::{EchoPipeline, RunningEngine, TestTopics, post};
use crate::support::{
    Writer, create_topic, create_topic_with, header, read, riveg, write_with_unreadable_header,
};

/// Sends three posts that become dead letters and one that does not; the three have a header of their own.
fn set_aside(names: &TestTopics) {
    for topic in [&names.input, &names.output, &names.dead] {
        create_topic(&names.bootstrap, topic, 1);
    }
    let writer = Writer::new(&names.bootstrap);
    let trace = OwnedHeaders::new().insert(Header { key: "trace", value: Some("1") });
    for (key, value) in
        [("a", b"{".to_vec()), ("b", br#"{"name":1}"#.to_vec()), ("c", vec![0xff, 0x1b]), ("d", post("d"))]
    {
        writer.send_with(&names.input, 0, (Some(key), Some(&value)), trace.clone());
    }
    writer.flush();
    let engine = RunningEngine::start(names.settings(8), &EchoPipeline::open());
    read(&names.bootstrap, &names.output, 1).at_least(1);
    read(&names.bootstrap, &names.dead, 1).at_least(3);
    engine.stop().unwrap();
}

fn dlq(names: &TestTopics, arguments: &[&str]) -> (Option<i32>, String, String) {
    let sets = [
        format!("kafka.bootstrap={}", names.bootstrap),
        format!("ingest.topic={}", names.input),
        format!("publish.topic={}", names.output),
        format!("publish.dead_letter_topic={}", names.dead),
    ];
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let arguments: Vec<&str> = ["dlq"].into_iter().chain(arguments.iter().copied()).chain(sets).collect();
    let finished = riveg(&arguments, b"");
    (finished.code, finished.stdout, finished.stderr)
}

#[test]
fn dead_letters_are_listed_by_filter_and_shown_in_full() {
    let names = TestTopics::new(crate::support::broker());
    set_aside(&names);
    let (code, all, _) = dlq(&names, &["list"]);
    assert_eq!(code, Some(0));
    assert_eq!(all.lines().count(), 4, "{all}");
    assert!(all.ends_with(&format!("3 dead letters of `{}`: 3 malformed\n", names.dead)), "{all}");
    let (code, chosen, error) =
        dlq(&names, &["list", "--json", "--contains", "`id` is missing", "--since", "1h"]);
    assert_eq!(code, Some(0), "{error}");
    let lines: Vec<Value> = chosen.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{chosen}");
    assert_eq!((&lines[0]["key"], &lines[0]["source"]["offset"]), (&"b".into(), &1.into()));
    let (_, none, _) = dlq(&names, &["list", "--class", "poison"]);
    assert!(none.starts_with("0 dead letters"), "{none}");
    let (_, whole, _) = dlq(&names, &["show", "0:1"]);
    for part in ["trace: 1\n", "riveg.error.stage: decode\n", "key: b\n", "value, 10 bytes:\n{\"name\":1}\n"]
    {
        assert!(whole.contains(part), "{part} is not in {whole}");
    }
    let (_, hostile, _) = dlq(&names, &["show", "0:2"]);
    assert!(!hostile.contains('\u{1b}'), "a post took over the terminal");
    let (code, _, error) = dlq(&names, &["show", "0:77"]);
    assert!(
        code == Some(1) && error.contains("there is no dead letter at partition 0, offset 77"),
        "{error}"
    );
    let (code, _, error) = dlq(&names, &["show", "77"]);
    assert!(code == Some(2) && error.contains("PARTITION:OFFSET"), "{error}");
}

#[test]
fn replayed_dead_letters_equal_the_original_records() {
    let names = TestTopics::new(crate::support::broker());
    set_aside(&names);
    let (_, would, _) = dlq(&names, &["replay", "--dry-run"]);
    assert_eq!(would, format!("3 malformed\n3 would be written to `{}`\n", names.input));
    let (code, written, error) = dlq(&names, &["replay", "--contains", "`id` is missing"]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(written, format!("1 malformed\n1 were written to `{}`\n", names.input));
    let mut input = read(&names.bootstrap, &names.input, 1);
    let messages = input.all(&names.bootstrap, &names.input);
    assert_eq!(messages.len(), 5, "the dry run wrote nothing");
    let (first, again) = (&messages[1], &messages[4]);
    assert_eq!((first.key(), first.payload()), (again.key(), again.payload()));
    assert_eq!(again.headers().unwrap().count(), 4);
    assert_eq!(header(again, "trace"), Some("1"));
    assert_eq!(header(again, "riveg.replayed.from"), Some(&*format!("{}/0/1", names.dead)));
    assert_eq!(header(again, "riveg.replayed.origin"), Some(&*format!("{}/0/1", names.input)));
    assert_eq!(header(again, "riveg.replayed.attempts"), Some("1"));
}

#[test]
fn three_replays_of_a_permanent_fault_leave_one_letter_with_four_attempts() {
    let names = TestTopics::new(crate::support::broker());
    set_aside(&names);
    let engine = RunningEngine::start(names.settings(8), &EchoPipeline::open());
    let mut dead = read(&names.bootstrap, &names.dead, 1);
    for round in 1..=3 {
        let (code, written, error) = dlq(&names, &["replay", "--contains", "`id` is missing"]);
        assert_eq!(code, Some(0), "{error}");
        assert_eq!(written, format!("1 malformed\n1 were written to `{}`\n", names.input), "round {round}");
        // Three letters at first, then a marker and a returned letter per replay.
        dead.at_least(3 + 2 * round);
    }
    engine.stop().unwrap();
    let (_, live, _) = dlq(&names, &["list", "--json"]);
    let letters: Vec<Value> = live.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(letters.len(), 3, "{live}");
    let letter = letters.iter().find(|letter| letter["key"] == "b").unwrap();
    assert_eq!((&letter["attempts"], &letter["state"]), (&4.into(), &"live".into()));
    assert_eq!(letter["origin"], format!("{}/0/1", names.input));
    let (_, list, _) = dlq(&names, &["list", "--contains", "`id` is missing"]);
    assert!(list.contains(" [attempt 4]\n3 more were replayed since: --all lists them too\n"), "{list}");
    let (_, all, _) = dlq(&names, &["list", "--all"]);
    assert!(all.ends_with(&format!("6 dead letters of `{}`: 6 malformed\n", names.dead)), "{all}");
    let (_, tired, _) = dlq(&names, &["replay", "--dry-run", "--max-attempts", "3"]);
    assert_eq!(tired, format!("2 malformed\n2 would be written to `{}`\n", names.input));

    // Without an engine no letter returns, as after a successful replay.
    let (_, written, _) = dlq(&names, &["replay", "--limit", "2"]);
    assert!(written.ends_with(&format!("2 were written to `{}`\n", names.input)), "{written}");
    let (_, rest, _) = dlq(&names, &["replay", "--dry-run"]);
    let skipped = "2 were replayed before and have not come back: --again takes them too\n";
    assert_eq!(rest, format!("1 malformed\n{skipped}1 would be written to `{}`\n", names.input));
    let (_, again, _) = dlq(&names, &["replay", "--dry-run", "--again"]);
    assert_eq!(again, format!("3 malformed\n3 would be written to `{}`\n", names.input));
    // The last of nine letters and markers is at 8.
    let (code, _, error) = dlq(&names, &["show", "0:9"]);
    assert!(code == Some(1) && error.contains("there is no dead letter"), "a marker is no letter: {error}");
}

#[test]
fn a_truncated_letter_is_marked_and_a_record_header_cannot_fake_the_mark() {
    let names = TestTopics::new(crate::support::broker());
    for topic in [&names.input, &names.output] {
        create_topic(&names.bootstrap, topic, 1);
    }
    create_topic_with(&names.bootstrap, &names.dead, 1, &[("max.message.bytes", "20000")]);
    let writer = Writer::new(&names.bootstrap);
    let liar = OwnedHeaders::new().insert(Header { key: "riveg.error.value-omitted", value: Some("9") });
    writer.send_with(&names.input, 0, (Some("liar"), Some(b"{")), liar);
    // Random enough to be incompressible.
    let noise: String = (0..5_000_u64)
        .map(|number| blake3::hash(&number.to_le_bytes()).to_hex())
        .map(|hex| hex[..8].to_owned())
        .collect();
    writer.send(&names.input, 0, Some("large"), Some(noise.as_bytes()));
    writer.flush();
    let engine = RunningEngine::start(names.settings(8), &EchoPipeline::open());
    let mut dead = read(&names.bootstrap, &names.dead, 1);
    dead.at_least(2);
    engine.stop().unwrap();
    let (_, list, _) = dlq(&names, &["list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert!(!lines[0].contains("[without") && lines[1].ends_with("[without value]"), "{list}");
    let (_, whole, _) = dlq(&names, &["show", "0:1"]);
    assert!(whole.contains("no room for all of the record: value left out"), "{whole}");
    let (code, written, error) = dlq(&names, &["replay"]);
    assert_eq!(code, Some(0), "{error}");
    let bare = "1 cannot go round again: parts of them were too large for the topic of dead letters\n";
    assert_eq!(written, format!("1 malformed\n{bare}1 were written to `{}`\n", names.input));
    let mut input = read(&names.bootstrap, &names.input, 1);
    let again = &input.all(&names.bootstrap, &names.input)[2];
    assert_eq!(
        header(again, "riveg.error.value-omitted"),
        Some("9"),
        "its own header has its own name again"
    );
}

#[test]
fn a_record_without_a_key_is_dead_lettered_on_a_compacted_topic_and_replayed_without_one() {
    let names = TestTopics::new(crate::support::broker());
    for topic in [&names.input, &names.output] {
        create_topic(&names.bootstrap, topic, 1);
    }
    create_topic_with(&names.bootstrap, &names.dead, 1, &[("cleanup.policy", "compact")]);
    let writer = Writer::new(&names.bootstrap);
    for (key, value) in [(None, b"{".to_vec()), (Some("keyed"), b"[".to_vec()), (Some("good"), post("good"))]
    {
        writer.send(&names.input, 0, key, Some(&value));
    }
    writer.flush();
    let engine = RunningEngine::start(names.settings(8), &EchoPipeline::open());
    let mut dead = read(&names.bootstrap, &names.dead, 1);
    let keys: BTreeSet<_> = dead.at_least(2).iter().map(|letter| letter.key().unwrap().to_vec()).collect();
    engine.stop().unwrap();
    assert_eq!(keys, BTreeSet::from([b"keyed".to_vec(), format!("{}/0/0", names.input).into_bytes()]));
    let (_, written, _) = dlq(&names, &["replay"]);
    assert!(written.ends_with(&format!("2 were written to `{}`\n", names.input)), "{written}");
    let mut input = read(&names.bootstrap, &names.input, 1);
    let again: Vec<_> = input.all(&names.bootstrap, &names.input)[3..].iter().map(Message::key).collect();
    assert!(again.contains(&None) && again.contains(&Some(b"keyed")), "{again:?}");
}

#[test]
fn a_header_with_a_non_utf8_name_is_dropped_and_reported() {
    let names = TestTopics::new(crate::support::broker());
    for topic in [&names.input, &names.output, &names.dead] {
        create_topic(&names.bootstrap, topic, 1);
    }
    for (key, value) in [("bad", b"{".to_vec()), ("a", post("a"))] {
        write_with_unreadable_header(&names.bootstrap, &names.input, key.as_bytes(), &value);
    }
    let engine = RunningEngine::start(names.settings(8), &EchoPipeline::open());
    let mut output = read(&names.bootstrap, &names.output, 1);
    assert_eq!(header(&output.at_least(1)[0], "riveg.source.headers-omitted"), Some("1"));
    let mut dead = read(&names.bootstrap, &names.dead, 1);
    assert_eq!(header(&dead.at_least(1)[0], "riveg.error.headers-omitted"), Some("1"));
    engine.stop().unwrap();
    let (code, list, error) = dlq(&names, &["list"]);
    assert!(code == Some(0) && list.contains(" [without headers]\n1 dead letters"), "{list}{error}");
}
