//! Limits of posts over HTTP: share, deadline, clients that go, and the end of the process, beside posts of Kafka.

use rdkafka::message::Message;
use riveg::kafka::publish::EmbeddedBroker;
use serde_json::Value;

use super::curl;
use super::pictures::Pictures;
use super::process::Engine;
use crate::support::{Writer, pictures, read, until};

const IN_FLIGHT: &str = "riveg_http_posts_in_flight";

/// An engine between its topics that takes two posts at a time over HTTP.
fn start() -> (Engine, Pictures, EmbeddedBroker, tempfile::TempDir) {
    let broker = EmbeddedBroker::start().unwrap();
    for topic in ["riveg.posts", "riveg.annotations", "riveg.dead-letters"] {
        broker.create_topic(topic, 1).unwrap();
    }
    let bundle = tempfile::tempdir().unwrap();
    crate::support::write_bundle(bundle.path(), 1).unwrap();
    let pictures = Pictures::serve(std::fs::read(pictures().path().join("picture.png")).unwrap());
    let mut settings = pictures.settings();
    settings.extend([
        format!("kafka.bootstrap={}", broker.bootstrap()),
        format!("bundle.path={}", bundle.path().display()),
        "http.posts_in_flight=2".to_owned(),
        "http.max_posts=2".to_owned(),
    ]);
    let engine = Engine::start("run", &settings);
    (engine, pictures, broker, bundle)
}

#[test]
fn posts_over_http_have_their_share_and_nothing_is_held_for_who_is_late_or_gone() {
    let (engine, pictures, broker, _bundle) = start();
    let held = pictures.post("held", true);
    let batch = |count: usize| format!("[{}]", vec![held.as_str(); count].join(","));

    // The time of a request is over: the rest of its work is dropped.
    for body in [held.clone(), batch(2)] {
        let late = engine.post("", &["-H", "x-server-timeout: 0.3"], body.as_bytes());
        assert_eq!((late.status, &late.json()["status"]), (504, &Value::from(504)), "{}", late.body);
        engine.until_metric(IN_FLIGHT, 0);
    }
    // A client that has gone.
    let mut gone = engine.begin("", &[], batch(2).as_bytes());
    engine.until_metric(IN_FLIGHT, 2);
    gone.kill().unwrap();
    gone.wait().unwrap();
    engine.until_metric(IN_FLIGHT, 0);
    engine.until_metric("riveg_http_requests_total{status=\"499\"}", 1);

    // The share is used up for further requests, and not for Kafka.
    let waiting = engine.begin("", &[], batch(2).as_bytes());
    engine.until_metric(IN_FLIGHT, 2);
    let refused = engine.post("", &[], pictures.post("quick", false).as_bytes());
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(refused.status == 429 && (1..=60).contains(&wait), "{}", refused.body);
    assert!(refused.body.contains("http.posts_in_flight"), "{}", refused.body);
    assert_eq!(engine.post("", &[], batch(3).as_bytes()).status, 413);
    let writer = Writer::new(&broker.bootstrap());
    writer.send("riveg.posts", 0, Some("k"), Some(pictures.post("of Kafka", false).as_bytes()));
    writer.flush();
    let mut annotations = read(&broker.bootstrap(), "riveg.annotations", 1);
    let answer: Value = serde_json::from_slice(annotations.at_least(1)[0].payload().unwrap()).unwrap();
    assert_eq!(answer["post_id"], "of Kafka");

    // The end: what has begun is answered, and nothing else.
    engine.terminate();
    let refused = until("the drain", || {
        let told = engine.post("", &[], pictures.post("quick", false).as_bytes());
        Some(told).filter(|told| told.status == 503)
    });
    assert!(refused.header("retry-after").is_some() && refused.header("connection") == Some("close"));
    pictures.release();
    let answered = curl::end(waiting);
    assert_eq!(answered.status, 200, "{}", answered.body);
    let answers = answered.json();
    assert!(answers.as_array().unwrap().iter().all(|answer| answer["media"][0]["key"] == "m1"), "{answers}");
    assert_eq!(engine.code(), Some(0));
}
