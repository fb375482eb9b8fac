//! A page of topics: answers joined to posts of another topic, dead letters, their replay, and figures of an engine.

use std::net::TcpListener;

use rdkafka::message::{Header, Message, OwnedHeaders};
use riveg::kafka::publish::EmbeddedBroker;
use riveg::telemetry::Metrics;
use serde_json::json;

use super::page::{Page, answer, post};
use crate::support::{Writer, read, until};

const GIF: &str = "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=";

/// Headers as the engine writes them.
fn dead_letter_headers() -> OwnedHeaders {
    let all = [
        ("riveg.error.topic", "riveg.posts"),
        ("riveg.error.partition", "0"),
        ("riveg.error.offset", "5"),
        ("riveg.error.stage", "decode"),
        ("riveg.error.class", "malformed"),
        ("riveg.error.message", "media[0]: <script>damaged</script>"),
    ];
    all.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(*value) })
    })
}

#[test]
fn answers_find_their_posts_and_a_dead_letter_is_sent_again_once() {
    let broker = EmbeddedBroker::start().unwrap();
    for topic in ["riveg.posts", "riveg.annotations", "riveg.dead-letters"] {
        broker.create_topic(topic, 1).unwrap();
    }
    let bootstrap = broker.bootstrap();
    let writer = Writer::new(&bootstrap);
    writer.send("riveg.posts", 0, Some("a"), Some(post("a", GIF).as_bytes()));
    writer.send("riveg.annotations", 0, Some("a"), Some(answer("a", true).as_bytes()));
    writer.send("riveg.annotations", 0, Some("gone"), None);
    writer.send("riveg.annotations", 0, Some("x"), Some(b"no json"));
    let set_aside = post("d", GIF);
    writer.send_with("riveg.dead-letters", 0, (Some("d"), Some(set_aside.as_bytes())), dead_letter_headers());
    writer.flush();
    // An engine's metrics, without the engine.
    let (listener, metrics) = (TcpListener::bind("127.0.0.1:0").unwrap(), Metrics::new());
    let metrics_url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let text = metrics.render();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::{Read, Write};
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let length = text.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
            );
        }
    });
    let kafka = format!("kafka.bootstrap={bootstrap}");
    let page = Page::start(&["--set", &kafka, "--allow-replay", "--metrics", &metrics_url]);
    let mut feed = page.feed("");
    let hello = feed.next("hello");
    assert_eq!(
        (&hello["replay"], &hello["letters"], &hello["metrics"]),
        (&json!(true), &json!(true), &json!(true))
    );
    let mut feed = page.feed("");
    let letters = feed.next("letters");
    assert_eq!(letters[0]["class"], "malformed");
    assert_eq!(letters[0]["text"], "Ada is here");
    assert_eq!(letters[0]["message"], "media[0]: <script>damaged</script>");
    let posts = page.feed("").posts_until("a");
    assert_eq!(posts[0]["answer"]["text"], "Ada is here");
    assert_eq!(posts[0]["place"], "riveg.annotations 0:0");
    // Records that come later, the answer before its post.
    writer.send("riveg.annotations", 0, Some("b"), Some(answer("b", false).as_bytes()));
    writer.flush();
    writer.send("riveg.posts", 0, Some("b"), Some(post("b", GIF).as_bytes()));
    writer.flush();
    let later = page.feed("").posts_until("b");
    assert_eq!(later.last().unwrap()["answer"]["text"], "Ada is here");
    let figures = page.feed("").next("figures");
    assert_eq!(figures["fault"], json!(null), "{figures}");

    let place = format!(r#"{{"partition":0,"offset":{}}}"#, letters[0]["offset"]);
    let replay = || page.post("/api/replay", "application/json", &place, "");
    let sent = replay();
    assert!(sent.status() == 200 && sent.text().contains("riveg.posts"), "{} {}", sent.status(), sent.text());
    let mut records = read(&bootstrap, "riveg.posts", 1);
    let records = records.at_least(3);
    assert_eq!(records.last().unwrap().payload(), Some(set_aside.as_bytes()));
    let again = replay();
    assert!(again.status() == 409 && again.text().contains("replayed before"), "{}", again.text());
}

#[test]
fn a_page_waits_for_topics_that_do_not_exist_yet() {
    let broker = EmbeddedBroker::start().unwrap();
    let kafka = format!("kafka.bootstrap={}", broker.bootstrap());
    let page = Page::start(&["--set", &kafka]);
    assert_eq!(page.feed("").next("hello")["metrics"], json!(false));
    for topic in ["riveg.posts", "riveg.annotations", "riveg.dead-letters"] {
        broker.create_topic(topic, 1).unwrap();
    }
    let writer = Writer::new(&broker.bootstrap());
    writer.send("riveg.annotations", 0, Some("a"), Some(answer("a", true).as_bytes()));
    writer.flush();
    // Without its post, which does not come, the answer is shown after a while.
    let post = until("the answer is shown", || page.feed("").posts_until("a").pop());
    assert_eq!(post["answer"].get("text").and_then(|text| text.as_str()).unwrap_or_default(), "");
}
