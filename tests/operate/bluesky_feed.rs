//! Feed of Bluesky: the panels about it have data while the real `riveg ingest bluesky` reads a feed.

use std::process::Stdio;

use rdkafka::mocking::MockCluster;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::dashboards::{OF_A_FEED, expressions};
use super::site::free_address;
use crate::support::jetstream::{Jetstream, Timed};
use crate::support::{Process, Prometheus, Sample, binary, until};

/// A post, some days ago.
fn event(number: u64) -> Timed {
    let time = 1_764_000_000_000_000 + number;
    let record = json!({ "text": "Ada in Oslo" });
    let commit = json!({
        "rev": format!("3l{number}"), "operation": "create", "collection": "app.bsky.feed.post", "rkey": format!("3k{number}"),
        "record": record,
    });
    let event = json!({ "did": "did:plc:a", "time_us": time, "kind": "commit", "commit": commit });
    (time, Message::text(event.to_string()))
}

#[test]
fn panels_of_a_feed_have_data_while_it_is_read() {
    let server = Jetstream::start_closed((0..50).map(event).collect(), &[]);
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("posts", 1, 1).unwrap();
    let (brokers, address) = (cluster.bootstrap_servers(), free_address());
    let mut command = binary();
    command.args(["ingest", "bluesky", "--out", "posts", "--brokers", &brokers, "--url", &server.url()]);
    command.args(["--since", "1763999999000000", "--set", &format!("telemetry.address={address}")]);
    let _ingest = Process(command.stderr(Stdio::null()).spawn().unwrap());
    let prometheus = Prometheus::watching(&[&address]);
    // Scraped once before the first event, so that the events are an increase.
    until("it is scraped", || (!prometheus.query("riveg_feed_connections_total").is_empty()).then_some(()));
    server.open();
    until("events are counted", || {
        let written = prometheus.query("riveg_feed_events_total{outcome=\"written\"} == 50");
        (!written.is_empty()).then_some(())
    });
    let of_a_feed: Vec<_> =
        expressions("15s").into_iter().filter(|(_, expression)| expression.contains(OF_A_FEED)).collect();
    assert!(of_a_feed.len() >= 4, "{of_a_feed:?}");
    for (place, expression) in of_a_feed {
        until(&format!("{place}: {expression}"), || {
            let has_number = |(_, value): &Sample| value.is_finite();
            prometheus.query(&expression).iter().any(has_number).then_some(())
        });
    }
}
