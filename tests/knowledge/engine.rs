//! The engine as a process: it works without its language model, and keeps answers across a kill.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rdkafka::message::{Message, OwnedMessage};
use riveg::kafka::publish::EmbeddedBroker;
use riveg::lab::world::{Split, World};
use serde_json::{Value, json};

use super::wired::{endpoint, knowing};
use crate::support::llm::LlmServer;
use crate::support::{Process, Redis, Writer, binary, get, header, pocket_bundle, read, until};

pub(super) const POSTS: u64 = 12;

pub(super) fn broker() -> EmbeddedBroker {
    let broker = EmbeddedBroker::start().unwrap();
    for topic in ["riveg.posts", "riveg.annotations", "riveg.dead-letters"] {
        broker.create_topic(topic, 1).unwrap();
    }
    broker
}

/// An address that was free a moment ago.
pub(super) fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The `riveg` binary with a model at this URL.
pub(super) fn engine(
    broker: &EmbeddedBroker,
    telemetry: &str,
    url: &str,
    answers: &Path,
    more: &[&str],
) -> Process {
    let mut sets = endpoint("pocket", url);
    sets.extend([
        format!("kafka.bootstrap={}", broker.bootstrap()),
        format!("bundle.path={}", pocket_bundle().display()),
        format!("telemetry.address={telemetry}"),
        format!("answers.disk_path={}", answers.display()),
        "expand.sources=[\"llm\"]".to_owned(),
        "expand.endpoints=[\"pocket\"]".to_owned(),
    ]);
    sets.extend(more.iter().map(|&set| set.to_owned()));
    let mut command: Command = binary();
    command.arg("run").args(sets.iter().flat_map(|set| ["--set", set]));
    Process(command.stderr(Stdio::null()).spawn().unwrap())
}

/// Writes the first posts of the pocket world under these ids.
pub(super) fn write(broker: &EmbeddedBroker, round: &str) {
    let (world, writer) = (World::new(1, Split::Test), Writer::new(&broker.bootstrap()));
    for index in 0..POSTS {
        let sample = world.sample(index);
        let id = format!("{round}-{index}");
        let media = json!([{ "key": "a", "bytes": STANDARD.encode(&sample.picture.jpeg) }]);
        let post = json!({ "id": id, "text": sample.text, "media": media });
        writer.send("riveg.posts", 0, Some(&id), Some(post.to_string().as_bytes()));
    }
    writer.flush();
}

pub(super) fn json_of(message: &OwnedMessage) -> Value {
    serde_json::from_slice(message.payload().unwrap()).unwrap()
}

#[test]
fn without_its_model_an_engine_publishes_a_note_or_dead_letters_as_configured() {
    for (degrade, status) in [("publish-without", "HTTP/1.1 200"), ("dead-letter", "HTTP/1.1 503")] {
        let (broker, folder, telemetry) = (broker(), tempfile::tempdir().unwrap(), free());
        let degrade = format!("expand.degrade={degrade}");
        let away = format!("http://{}/v1", free());
        let _process = engine(&broker, &telemetry, &away, &folder.path().join("answers"), &[&degrade]);
        write(&broker, "away");
        let probe = until("the probe tells of the model", || {
            get(&telemetry, "/readyz")
                .filter(|answer| answer.contains("the language model `pocket` does not answer"))
        });
        assert!(probe.starts_with(status), "{degrade}: {probe}");
        let mut answers = read(&broker.bootstrap(), "riveg.annotations", 1);
        if status.ends_with("200") {
            let mut marked = 0;
            for answer in answers.at_least(POSTS as usize) {
                let answer = json_of(answer);
                for entity in answer["entities"].as_array().unwrap() {
                    assert_eq!(entity["expansion"], Value::Null);
                }
                marked += answer["provenance"]["degraded"].as_array().map_or(0, Vec::len);
            }
            assert!(marked > 0, "no answer says what it lacks");
        } else {
            let mut letters = read(&broker.bootstrap(), "riveg.dead-letters", 1);
            for letter in letters.at_least(POSTS as usize / 2) {
                assert_eq!(header(letter, "riveg.error.class"), Some("not-told"));
                assert_eq!(header(letter, "riveg.error.stage"), Some("expand"));
            }
        }
    }
}

#[test]
fn a_killed_engine_asks_nothing_again() {
    let (broker, folder) = (broker(), tempfile::tempdir().unwrap());
    let model = knowing(POSTS);
    let server = LlmServer::start(move |asked| model.reply(asked));
    let answers = folder.path().join("answers.redb");
    let mut written = read(&broker.bootstrap(), "riveg.annotations", 1);

    let mut first = engine(&broker, &free(), &server.url(), &answers, &[]);
    write(&broker, "before");
    let before: Vec<Value> = written.at_least(POSTS as usize).iter().map(json_of).collect();
    let asked = server.asked();
    assert!(asked > 0);
    // SIGKILL: nothing is flushed or closed.
    first.0.kill().unwrap();
    first.0.wait().unwrap();

    let _second = engine(&broker, &free(), &server.url(), &answers, &[]);
    write(&broker, "after");
    // Posts that were not committed are answered again, under their own ids.
    let phrases = |answer: &Value| -> Vec<Value> {
        answer["entities"].as_array().unwrap().iter().map(|entity| entity["phrase"].clone()).collect()
    };
    let number = |answer: &Value| answer["post_id"].as_str().unwrap().rsplit('-').next().unwrap().to_owned();
    let is_after = |answer: &Value| answer["post_id"].as_str().unwrap().starts_with("after-");
    let mut seen = before.len();
    let all = loop {
        let all: Vec<Value> = written.at_least(seen).iter().map(json_of).collect();
        if all.iter().filter(|answer| is_after(answer)).count() == POSTS as usize {
            break all;
        }
        seen = all.len() + 1;
    };
    for answer in &all {
        let earlier = before.iter().find(|one| number(one) == number(answer)).unwrap();
        assert_eq!(phrases(answer), phrases(earlier), "post {}", number(answer));
    }
    assert_eq!(server.asked(), asked, "the second engine asked again");
}

#[test]
fn an_engine_whose_redis_dies_and_comes_back_loses_no_post_and_no_answer() {
    let (broker, folder, mut redis) = (broker(), tempfile::tempdir().unwrap(), Redis::start());
    let model = knowing(POSTS);
    let server = LlmServer::start(move |asked| model.reply(asked));
    let shared = format!("answers.redis={}", redis.address());
    let mut written = read(&broker.bootstrap(), "riveg.annotations", 1);
    let answers = folder.path().join("first.redb");
    let _engine = engine(&broker, &free(), &server.url(), &answers, &[&shared]);
    write(&broker, "with");
    written.at_least(POSTS as usize / 2);
    redis.kill();
    write(&broker, "without");
    written.at_least(2 * POSTS as usize - 2);
    redis.start_again();
    write(&broker, "again");
    let all = written.at_least(3 * POSTS as usize);
    let mut ids: Vec<String> =
        all.iter().map(|answer| json_of(answer)["post_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3 * POSTS as usize);
    for answer in all {
        assert_eq!(
            json_of(answer)["provenance"]["degraded"],
            json!([]),
            "Redis is no reason to answer worse"
        );
    }
}
