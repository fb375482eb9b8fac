//! Planted answers: texts that others write to the stores are not used. Through the real binary.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redis::Commands;
use riveg::lab::world::{Split, World};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::wired::{Wired, endpoint, knowing, settings};
use crate::support::llm::{LlmServer, Reply};
use crate::support::{Finished, Redis, WITHIN, pocket_bundle, pocket_posts, riveg};

const POSTS: u64 = 3;
/// A text that the validator rejects.
const EVIL: &str = "see https://evil.example <script>\u{1b}[31m";

/// The first posts, annotated by the binary with a model at this URL and these settings of the cache.
fn annotated(url: &str, more: &[String]) -> Finished {
    let mut sets = endpoint("pocket", url);
    sets.push(format!("bundle.path={}", pocket_bundle().display()));
    sets.extend(["expand.sources=[\"llm\"]", "expand.endpoints=[\"pocket\"]"].map(str::to_owned));
    sets.extend_from_slice(more);
    let world = World::new(1, Split::Test);
    let posts: Vec<String> = (0..POSTS)
        .map(|index| {
            let sample = world.sample(index);
            let media = json!([{ "key": "a", "bytes": STANDARD.encode(&sample.picture.jpeg) }]);
            json!({ "id": index.to_string(), "text": sample.text, "media": media }).to_string()
        })
        .collect();
    let arguments: Vec<&str> =
        ["annotate", "-"].into_iter().chain(sets.iter().flat_map(|set| ["--set", set])).collect();
    let finished = riveg(&arguments, posts.join("\n").as_bytes());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished
}

fn phrases(finished: &Finished) -> Vec<Value> {
    let answers = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entities = answers.flat_map(|answer| answer["entities"].as_array().unwrap().clone());
    entities.map(|entity| entity["phrase"].clone()).collect()
}

/// The same record with another text and a valid checksum.
fn with_text(kind_and_key: &[u8], value: &[u8], text: &str) -> Vec<u8> {
    let mut record: Value = serde_json::from_slice(&value[17..]).unwrap();
    record["text"] = json!(text);
    let body = record.to_string().into_bytes();
    let checksum = blake3::hash(&[kind_and_key, &body].concat());
    [&[1], &checksum.as_bytes()[..16], &body].concat()
}

fn in_redis(redis: &Redis) -> Vec<String> {
    vec!["answers.disk_path=none".to_owned(), format!("answers.redis={}", redis.address())]
}

#[test]
fn planted_texts_in_redis_become_no_phrase_and_no_post_waits_for_a_planted_lease() {
    let redis = Redis::start();
    let model = knowing(POSTS);
    let server = LlmServer::start(move |asked| model.reply(asked));
    let before = phrases(&annotated(&server.url(), &in_redis(&redis)));
    let mut client = redis.client();
    let mut keys: Vec<String> = client.keys("riveg:1:expansion:*").unwrap();
    keys.sort();
    assert!(keys.len() >= 3, "{keys:?}");
    let asked = server.asked();
    for (index, key) in keys.iter().enumerate() {
        let value: Vec<u8> = client.get(key).unwrap();
        let hex = key.rsplit(':').next().unwrap();
        let of = [&[0][..], blake3::Hash::from_hex(hex).unwrap().as_bytes()].concat();
        match index % 3 {
            0 => client.set::<_, _, ()>(key, with_text(&of, &value, EVIL)).unwrap(),
            1 => client.set::<_, _, ()>(key, with_text(&of, &value, &"a ".repeat(11 << 20))).unwrap(),
            _ => {
                client.del::<_, ()>(key).unwrap();
                client.set::<_, _, ()>(format!("{key}:lease"), "for ever").unwrap();
            }
        }
    }
    let after = annotated(&server.url(), &in_redis(&redis));
    assert_eq!(phrases(&after), before);
    assert!(after.stderr.contains("a kept answer is refused"), "{}", after.stderr);
    assert!(!(after.stdout + &after.stderr).contains("evil.example"));
    assert_eq!(server.asked() - asked, keys.len(), "each is a miss");
    for key in keys {
        let value: Vec<u8> = client.get(key).unwrap();
        assert!(value.len() < 1024 && !String::from_utf8_lossy(&value).contains("evil"), "it is replaced");
    }
}

#[test]
fn planted_texts_on_disk_become_no_phrase() {
    let folder = tempfile::tempdir().unwrap();
    let model = knowing(POSTS);
    let server = LlmServer::start(move |asked| model.reply(asked));
    let on_disk = |path: &Path| format!("answers.disk_path={}", path.display());
    let (first, second) = (on_disk(&folder.path().join("first")), on_disk(&folder.path().join("second")));
    let before = phrases(&annotated(&server.url(), std::slice::from_ref(&first)));
    let exported = riveg(&["cache", "export", "--set", &first], b"");
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    let harmed = exported.stdout.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["text"] = json!(EVIL);
        format!("{line}\n")
    });
    let lines = folder.path().join("lines");
    std::fs::write(&lines, harmed.collect::<String>()).unwrap();
    let imported = riveg(&["cache", "import", lines.to_str().unwrap(), "--set", &second], b"");
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let after = annotated(&server.url(), &[second]);
    assert_eq!(phrases(&after), before);
    assert!(after.stderr.contains("a kept answer is refused"), "{}", after.stderr);
    assert!(!after.stdout.contains("evil.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_another_replicas_lease_is_within_the_models_patience() {
    let redis = Redis::start();
    let server = LlmServer::start(|_| Reply::text("a man in one colour"));
    let shared = format!("answers.redis={}", redis.address());
    // Without that limit a lease of an hour would be waited for ten hours.
    let sets = [&shared, "answers.lease=1h", "llm.pocket.patience=3s", "expand.endpoints=[\"pocket\"]"];
    let config = settings(&server.url(), &sets);
    let post = &pocket_posts(1)[0];
    let first = Wired::new(&config).await.annotate(post).await.unwrap();
    let mut client = redis.client();
    let keys: Vec<String> = client.keys("riveg:1:expansion:*").unwrap();
    assert!(!keys.is_empty());
    for key in &keys {
        client.del::<_, ()>(key).unwrap();
        client.pset_ex::<_, _, ()>(format!("{key}:lease"), "another", 3_600_000).unwrap();
    }
    let asked = server.asked();
    let wired = Wired::new(&config).await;
    let again = timeout(WITHIN, wired.annotate(post)).await;
    let again = again.expect("the post does not wait for the lease").unwrap();
    assert_eq!(again.degraded, []);
    let phrases = |answer: &riveg::domain::Annotation| {
        answer.triples.iter().map(|one| one.phrase.clone()).collect::<Vec<_>>()
    };
    assert_eq!(phrases(&again), phrases(&first));
    assert_eq!(server.asked() - asked, keys.len());
}
