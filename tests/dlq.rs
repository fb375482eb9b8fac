//! Dead letters are listed, shown and sent round again by the binary, against a real Kafka.

use serde_json::Value;

use rdkafka::message::{Header, Headers, Message, OwnedHeaders};

use crate::kafka::{Echo, Names, Running, post};
use crate::support::{Writer, create_topic, header, read, riveg};

/// Three posts that are set aside and one that is not; what is set aside has a header of its own.
fn set_aside(names: &Names) {
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
    let engine = Running::start(names.settings(8), &Echo::open());
    read(&names.bootstrap, &names.output, 1).at_least(1);
    read(&names.bootstrap, &names.dead, 1).at_least(3);
    engine.stop().unwrap();
}

fn dlq(names: &Names, arguments: &[&str]) -> (Option<i32>, String, String) {
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
fn dead_letters_are_listed_by_choice_and_shown_whole() {
    let names = Names::new(crate::support::broker());
    set_aside(&names);
    let (code, all, _) = dlq(&names, &["list"]);
    assert_eq!(code, Some(0));
    assert_eq!(all.lines().count(), 4, "{all}");
    assert!(all.ends_with(&format!("3 dead letters of `{}`: 3 malformed\n", names.dead)), "{all}");
    let (_, chosen, _) = dlq(&names, &["list", "--json", "--contains", "`id` is missing", "--since", "1h"]);
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
fn dead_letters_go_round_again_as_they_came() {
    let names = Names::new(crate::support::broker());
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
    assert_eq!(again.headers().unwrap().count(), 2);
    assert_eq!(header(again, "trace"), Some("1"));
    assert_eq!(header(again, "riveg.replayed.from"), Some(&*format!("{}/0/1", names.dead)));
}
