//! Feeds: records of every format in one topic, as they arrive, and what becomes of each.

use rdkafka::message::{Message, OwnedMessage};
use riveg::lab::world::{Split, World};
use serde_json::{Value, json};

use super::process::EngineProcess;
use super::running::TestTopics;
use crate::support::{Writer, broker, committed, header, log_end, read_committed, until};

const X: &str = "1843000000000000017";
const X_EDITED: &str = "1843000000000000018";
const X_RETWEET: &str = "1843000000000000030";
const X_QUOTE: &str = "1843000000000000040";
const DID: &str = "did:plc:q5kd3vq6vbkvarntellmar22";
const CIDS: [&str; 2] = [
    "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy",
];
const BLUESKY: &str = "at://did:plc:q5kd3vq6vbkvarntellmar22/app.bsky.feed.post/3lbq2w5s7vc2k";
const MASTODON: &str = "115588011223344556";
const NOTE: &str = "https://social.example/users/kessa/statuses/115588011223344556";

/// A record as its feed publishes it, with its pictures at a file.
fn sample(path: &str, picture: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut text = std::fs::read_to_string(folder.join(path)).unwrap();
    for host in ["https://pbs.twimg.com/", "https://files.example/", "https://far.example/"] {
        while let Some(begin) = text.find(host) {
            let length = text[begin..].find(['"', '\\']).unwrap();
            text.replace_range(begin..begin + length, picture);
        }
    }
    text
}

fn key(message: &OwnedMessage) -> String {
    String::from_utf8(message.key().unwrap().to_vec()).unwrap()
}

/// The text of each entity is what stands at its span in the received text.
fn assert_spans(answer: &Value) {
    let text = answer["text"].as_str().unwrap();
    for entity in answer["entities"].as_array().unwrap() {
        let place = |name: &str| usize::try_from(entity["span"][name].as_u64().unwrap()).unwrap();
        assert_eq!(entity["text"], text[place("byte_start")..place("byte_end")], "{answer}");
    }
}

#[test]
fn one_topic_may_have_records_of_every_format() {
    let names = TestTopics::with_topics(1);
    let root = tempfile::tempdir().unwrap();
    let jpeg = World::new(1, Split::Test).sample(0).picture.jpeg;
    std::fs::write(root.path().join("a.jpg"), &jpeg).unwrap();
    std::fs::create_dir(root.path().join(DID)).unwrap();
    for cid in CIDS {
        std::fs::write(root.path().join(DID).join(cid), &jpeg).unwrap();
    }
    let picture = format!("file://{}/a.jpg", root.path().display());
    let sample = |path: &str| sample(path, &picture);
    let feed = [
        sample("x/single.json"),
        "\r\n".to_owned(),
        sample("x/list.json"),
        sample("x/delete.json"),
        sample("x/limit.json"),
        sample("jetstream/create.json"),
        sample("jetstream/like.json"),
        sample("jetstream/identity.json"),
        sample("jetstream/delete.json"),
        sample("mastodon/status.json"),
        sample("mastodon/edit.json"),
        sample("mastodon/filters.json"),
        sample("mastodon/delete.json"),
        sample("activitypub/create.json"),
        sample("activitypub/announce.json"),
        sample("activitypub/delete.json"),
        json!({ "data": [{ "id": "5", "text": "a" }, { "id": "6", "text": 7 }] }).to_string(),
        json!({ "id": "7", "text": "b" }).to_string(),
    ];
    let writer = Writer::new(broker());
    for record in &feed {
        writer.send(&names.input, 0, None, Some(record.as_bytes()));
    }
    writer.flush();
    let sets = [
        format!("fetch.file_root={}", root.path().display()),
        format!("ingest.bluesky_pictures=file://{}/{{did}}/{{cid}}", root.path().display()),
        "ingest.commit_interval=50ms".to_owned(),
        "publish.include=[\"text\", \"author\", \"lang\"]".to_owned(),
    ];
    let mut engine = EngineProcess::start(&names, &sets.each_ref().map(String::as_str));
    let end = log_end(broker(), &names.input, 1);
    until("every record is settled", || {
        (committed(broker(), &names.group, &names.input, 1) == end).then_some(())
    });
    let metrics = engine.get("/metrics");
    let (code, log) = engine.stop();
    assert_eq!(code, Some(0), "{log}");

    let written = read_committed(broker(), &names.output, 1);
    let told: Vec<(String, bool)> =
        written.iter().map(|message| (key(message), message.payload().is_some())).collect();
    let expected = [
        (X, true),
        (X_EDITED, true),
        (X_RETWEET, true),
        (X_QUOTE, true),
        (X_QUOTE, false),
        (BLUESKY, true),
        (BLUESKY, false),
        (MASTODON, true),
        (MASTODON, true),
        (MASTODON, false),
        (NOTE, true),
        (NOTE, false),
        ("5", true),
        ("7", true),
    ];
    assert_eq!(told, expected.map(|(key, is_answer)| (key.to_owned(), is_answer)), "{log}");

    let answers: Vec<Value> = written
        .iter()
        .filter_map(|message| Some(serde_json::from_slice(message.payload()?).unwrap()))
        .collect();
    answers.iter().for_each(assert_spans);
    let pictures = |answer: usize| answers[answer]["media"].as_array().unwrap().len();
    assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(pictures), [2, 1, 1, 0, 2, 3, 3, 2]);
    // An edited post is answered under the id of its first version, with its own id in the answer.
    assert_eq!(answers[1]["post_id"], "1843000000000000020");
    // The medium that the retweet's answer lacks is named in it.
    let lacks = answers[2]["provenance"]["degraded"][0].as_str().unwrap();
    assert!(lacks.contains("media `7_1845` is named in `attachments.media_keys`"), "{lacks}");
    assert_eq!(answers[6]["text"], "<p>Rill Ossen opens it</p>");
    assert_eq!(answers[7]["author"], "https://social.example/users/kessa");

    let dead = read_committed(broker(), &names.dead, 1);
    let classes: Vec<_> = dead.iter().map(|message| header(message, "riveg.error.class").unwrap()).collect();
    assert_eq!(classes, ["unknown-event", "malformed"]);
    for (format, event, count) in [
        ("x", "limit", 1),
        ("x", "post", 5),
        ("jetstream", "identity", 1),
        ("mastodon", "filters_changed", 1),
        ("activitypub", "Announce", 1),
        ("activitypub", "deletion", 1),
    ] {
        let line = metrics.lines().find(|line| {
            line.starts_with("riveg_events_total")
                && line.contains(&format!("\"{format}\""))
                && line.contains(&format!("\"{event}\""))
        });
        assert!(line.is_some_and(|line| line.ends_with(&format!(" {count}"))), "{format} {event}: {line:?}");
    }
}
