//! Traces, with a collector that this test runs and reads as the protocol says: `riveg run` between its topics, and a
//! collector that is away or refuses spans.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rdkafka::message::{Header, Message, OwnedHeaders};
use riveg::kafka::publish::EmbeddedBroker;
use riveg::lab::world::{Split, World, write_dataset};
use riveg::telemetry::Metrics;
use riveg::telemetry::traces::{Kind, Traces};
use serde_json::Value;

use crate::support::{Process, WITHIN, Writer, binary, header, pocket_bundle, read, until};

/// A span as the collector read it.
#[derive(Debug, Clone)]
struct Span {
    trace: String,
    span: String,
    parent: String,
    name: String,
    kind: u64,
    begun: u128,
    ended: u128,
    attributes: BTreeMap<String, String>,
    links: Vec<(String, String)>,
    status: u64,
}

/// Statuses and bodies.
type Answers = &'static [(u16, &'static str)];

/// A collector of OTLP over HTTP on this machine.
struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Span>>>,
    requests: Arc<AtomicUsize>,
}

impl Collector {
    /// Answers each request with the next of these statuses and bodies, and the last one for ever.
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let (spans, requests) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (kept, counted) = (Arc::clone(&spans), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let (status, body) = answers[number.min(answers.len() - 1)];
                let sent = answer(stream.unwrap(), status, body);
                if status == 200 {
                    kept.lock().unwrap().extend(spans_of(&sent));
                }
            }
        });
        Self { url, spans, requests }
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }
}

/// Reads one request to `/v1/traces` and answers it.
fn answer(stream: TcpStream, status: u16, body: &str) -> Value {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    reader.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "POST /v1/traces HTTP/1.1");
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap()
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-type") => {
                assert_eq!(value, "application/json");
            }
            Some(_) => {}
        }
    }
    let mut sent = vec![0; length];
    reader.read_exact(&mut sent).unwrap();
    let mut stream = reader.into_inner();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // A client that does not read the answer is none of the collector's concern.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
    serde_json::from_slice(&sent).unwrap()
}

/// The spans of a request, each held against the protocol.
fn spans_of(request: &Value) -> Vec<Span> {
    let resources = request["resourceSpans"].as_array().unwrap();
    let resource = attributes(&resources[0]["resource"]["attributes"]);
    assert_eq!((resources.len(), resource["service.name"].as_str()), (1, "riveg"));
    let scopes = resources[0]["scopeSpans"].as_array().unwrap();
    assert_eq!(scopes[0]["scope"]["name"], "riveg");
    scopes.iter().flat_map(|scope| scope["spans"].as_array().unwrap()).map(span_of).collect()
}

fn span_of(span: &Value) -> Span {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let id = |value: &Value, length: usize| {
        let id = text(value);
        let is_hex = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(id.len() == length && is_hex && id.bytes().any(|byte| byte != b'0'), "{span}");
        id
    };
    let moment = |value: &Value| text(value).parse::<u128>().unwrap();
    let parent = text(&span["parentSpanId"]);
    let links = span["links"].as_array().unwrap().iter();
    let read = Span {
        trace: id(&span["traceId"], 32),
        span: id(&span["spanId"], 16),
        parent: if parent.is_empty() { parent } else { id(&span["parentSpanId"], 16) },
        name: text(&span["name"]),
        kind: span["kind"].as_u64().unwrap(),
        begun: moment(&span["startTimeUnixNano"]),
        ended: moment(&span["endTimeUnixNano"]),
        attributes: attributes(&span["attributes"]),
        links: links.map(|link| (id(&link["traceId"], 32), id(&link["spanId"], 16))).collect(),
        status: span["status"]["code"].as_u64().unwrap(),
    };
    assert!(read.begun > 0 && read.ended >= read.begun && !read.name.is_empty(), "{span}");
    read
}

fn attributes(list: &Value) -> BTreeMap<String, String> {
    let value = |value: &Value| {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        assert!(["stringValue", "intValue"].contains(&kind.as_str()), "{value}");
        value.as_str().unwrap().to_owned()
    };
    let list = list.as_array().unwrap().iter();
    list.map(|attribute| (attribute["key"].as_str().unwrap().to_owned(), value(&attribute["value"])))
        .collect()
}

/// Writes a record with a `traceparent`, if it has one.
fn send(writer: &Writer, value: &str, traceparent: Option<&str>) {
    let header = traceparent.map(|value| Header { key: "traceparent", value: Some(value) });
    let headers = header.into_iter().fold(OwnedHeaders::new(), OwnedHeaders::insert);
    writer.send_with("riveg.posts", 0, (None, Some(value.as_bytes())), headers);
}

/// An address that was free just now.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The response to a request without a body.
fn asked(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(WITHIN))?;
    write!(stream, "{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

const TRACED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNTRACED: &str = "00-5bf92f3577b34da6a3ce929d0e0e4736-10f067aa0ba902b7-00";
const REFUSED: &str = "00-6bf92f3577b34da6a3ce929d0e0e4736-20f067aa0ba902b7-01";

#[test]
fn a_post_is_a_trace_with_its_stages_and_its_batches_are_linked_to_them() {
    let folder = tempfile::tempdir().unwrap();
    write_dataset(&World::new(1, Split::Test), 3, folder.path(), || ()).unwrap();
    let feed = std::fs::read_to_string(folder.path().join("feed.jsonl")).unwrap();
    let posts: Vec<&str> = feed.lines().collect();
    let broker = EmbeddedBroker::start().unwrap();
    for topic in ["riveg.posts", "riveg.annotations", "riveg.dead-letters"] {
        broker.create_topic(topic, 1).unwrap();
    }
    // The first request is refused for now: it is sent again.
    let collector = Collector::start(&[(503, ""), (200, "{}")]);
    let (log, telemetry) = (folder.path().join("log"), free());
    let child = binary()
        .env("RIVEG_TELEMETRY__ADDRESS", &telemetry)
        .args(["run", "--log-format", "json", "--set", "telemetry.traces.sample=1.0"])
        .env("RIVEG_TELEMETRY__TRACES__ENDPOINT", &collector.url)
        .env("RIVEG_KAFKA__BOOTSTRAP", broker.bootstrap())
        .env("RIVEG_BUNDLE__PATH", pocket_bundle())
        .env("RIVEG_FETCH__FILE_ROOT", folder.path().canonicalize().unwrap())
        .stderr(std::fs::File::create(&log).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let writer = Writer::new(&broker.bootstrap());
    send(&writer, posts[0], None);
    send(&writer, posts[1], Some(TRACED));
    send(&writer, posts[2], Some(UNTRACED));
    send(&writer, "no JSON", Some(REFUSED));
    writer.flush();

    let mut annotations = read(&broker.bootstrap(), "riveg.annotations", 1);
    let parents: Vec<String> = annotations
        .at_least(3)
        .iter()
        .map(|answer| header(answer, "traceparent").unwrap().to_owned())
        .collect();
    let mut letters = read(&broker.bootstrap(), "riveg.dead-letters", 1);
    let letter = letters.at_least(1)[0].clone();
    assert_eq!((header(&letter, "traceparent"), letter.payload()), (Some(REFUSED), Some(&b"no JSON"[..])));
    let scrape = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text; version=1.0.0";
    let exemplars = until("the exemplar of the dead letter, the last of the records", || {
        let page = asked(&telemetry, scrape).ok()?;
        let lines = page.lines().filter(|line| line.contains("trace_id="));
        Some(lines.map(str::to_owned).collect::<Vec<_>>()).filter(|lines| !lines.is_empty())
    });
    let pid = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = until("the process ends", || process.0.try_wait().unwrap());
    let logged = std::fs::read_to_string(&log).unwrap();
    assert_eq!(status.code(), Some(0), "{logged}");

    let spans = collector.spans();
    let roots: Vec<&Span> = spans.iter().filter(|span| span.name == "process riveg.posts").collect();
    assert_eq!(roots.len(), 3, "{spans:#?}");
    for root in &roots {
        assert_eq!((root.kind, root.attributes["messaging.system"].as_str()), (5, "kafka"));
        let own: Vec<&Span> =
            spans.iter().filter(|span| span.trace == root.trace && span.span != root.span).collect();
        assert!(own.iter().all(|span| span.parent == root.span), "{own:#?}");
        assert!(own.iter().all(|span| span.begun >= root.begun && span.ended <= root.ended), "{own:#?}");
        let offset = root.attributes["messaging.kafka.offset"].as_str();
        let stages: &[&str] = match offset {
            "3" => &["decode", "publish"],
            _ => &["decode", "pictures", "recognise", "link", "expand", "entail", "publish"],
        };
        for stage in stages {
            let of_stage = own.iter().filter(|span| span.name == *stage).count();
            assert_eq!(of_stage, 1, "{stage} of {offset}: {own:#?}");
        }
        assert_eq!(root.status, if offset == "3" { 2 } else { 0 }, "{root:?}");
        let position: usize = offset.parse().unwrap();
        if position < 3 {
            assert_eq!(parents[position], format!("00-{}-{}-01", root.trace, root.span));
        }
    }
    for line in exemplars {
        let is_of_a_root =
            roots.iter().any(|root| line.contains(&format!("# {{trace_id=\"{}\"}} ", root.trace)));
        assert!(line.starts_with("riveg_end_to_end_seconds_bucket{le=\"") && is_of_a_root, "{line}");
    }
    // What was traced before goes on under the same id; what was not is passed on as it was.
    let followed = roots.iter().find(|root| TRACED.contains(&root.trace)).unwrap();
    assert_eq!(followed.parent, "00f067aa0ba902b7");
    assert_eq!(parents[2], UNTRACED);
    assert!(!spans.iter().any(|span| UNTRACED.contains(&span.trace)), "{spans:#?}");

    // Every stage that a network answers is linked from a batch.
    let batches: Vec<&Span> = spans.iter().filter(|span| span.name.starts_with("batch ")).collect();
    let is_linked = |span: &Span| {
        let name = format!("batch {}", span.name);
        let link = (span.trace.clone(), span.span.clone());
        batches.iter().any(|batch| batch.name == name && batch.links.contains(&link))
    };
    let by_networks =
        spans.iter().filter(|span| ["recognise", "entail", "ground", "segment"].contains(&&*span.name));
    let by_networks: Vec<&Span> = by_networks.collect();
    assert!(by_networks.len() >= 4 && by_networks.iter().all(|span| is_linked(span)), "{spans:#?}");
    for batch in &batches {
        let requests: usize = batch.attributes["riveg.batch.requests"].parse().unwrap();
        assert!(batch.parent.is_empty() && batch.links.len() <= requests, "{batch:?}");
    }
    // The log has the ids of the trace and of no text.
    let letter = logged.lines().find(|line| line.contains("a post has become a dead letter")).unwrap();
    let letter: Value = serde_json::from_str(letter).unwrap();
    assert!(REFUSED.contains(letter["trace_id"].as_str().unwrap()), "{letter}");
}

#[test]
fn a_request_over_http_continues_the_trace_of_its_client() {
    let collector = Collector::start(&[(200, "{}")]);
    let (posts, telemetry) = (free(), free());
    let child = binary()
        .args(["serve", "--log", "warn", "--http", &posts, "--set", "telemetry.traces.sample=0.0"])
        .env("RIVEG_TELEMETRY__TRACES__ENDPOINT", &collector.url)
        .env("RIVEG_TELEMETRY__ADDRESS", &telemetry)
        .env("RIVEG_BUNDLE__PATH", pocket_bundle())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    until("readiness", || {
        asked(&telemetry, "GET /readyz HTTP/1.1").ok().filter(|told| told.starts_with("HTTP/1.1 200"))
    });
    let body = r#"{"id":"1","text":"Ada is in Oslo","created_at":"2026-01-01T00:00:00Z"}"#;
    let post = |traceparent: &str| {
        let mut stream = TcpStream::connect(&posts).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /v1/annotate HTTP/1.1\r\nHost: {posts}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             {traceparent}Connection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    };
    // None of these three is traced: the client does not record it, the header is no such header, nobody asks for it.
    for header in [&*format!("traceparent: {UNTRACED}\r\n"), "traceparent: 00-ff-1\r\n", ""] {
        post(header);
    }
    post(&format!("traceparent: {TRACED}\r\n"));
    let pid = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(until("the process ends", || process.0.try_wait().unwrap()).code(), Some(0));

    let spans = collector.spans();
    let roots: Vec<&Span> = spans.iter().filter(|span| span.name == "POST /v1/annotate").collect();
    let [root] = roots[..] else { panic!("one request was traced: {spans:#?}") };
    assert_eq!((root.kind, root.parent.as_str()), (2, "00f067aa0ba902b7"));
    assert!(TRACED.contains(&root.trace), "{root:?}");
    let stages: Vec<&str> =
        spans.iter().filter(|span| span.parent == root.span).map(|span| span.name.as_str()).collect();
    for stage in ["decode", "recognise"] {
        assert!(stages.contains(&stage), "{stage} is not in {stages:?}");
    }
}

fn traces(endpoint: &str) -> Traces {
    Traces { endpoint: endpoint.to_owned(), sample: 1.0, timeout: WITHIN }
}

fn counted(metrics: &Metrics, outcome: &str) -> Option<u64> {
    let (page, name) = (metrics.render(), format!("riveg_spans_total{{outcome=\"{outcome}\"}} "));
    page.lines().find_map(|line| line.strip_prefix(&name)).map(|count| count.parse().unwrap())
}

#[tokio::test]
async fn spans_that_nobody_takes_are_dropped_and_counted_and_the_queue_is_bounded() {
    // Nobody listens at the first port. Closing leaves one retry.
    let metrics = Metrics::new();
    metrics.tracing().start(&traces("http://127.0.0.1:1/v1/traces")).unwrap();
    let tracer = metrics.tracing().tracer();
    // The exporter has no turn before the first wait, so that the queue fills.
    for _ in 0..1_500 {
        drop(tracer.begin(None, Kind::Consumer, || "process posts".to_owned()));
    }
    assert_eq!(counted(&metrics, "dropped"), Some(1_500 - 1_024));
    tracer.close().await;
    assert_eq!((counted(&metrics, "dropped"), counted(&metrics, "sent")), (Some(1_500), Some(0)));
}

#[tokio::test]
async fn a_collector_may_reject_some_spans_and_what_it_refuses_for_now_is_sent_again() {
    let cases: [(Answers, (u64, u64), usize); 5] = [
        // Closing begins before the first request: the batch is sent again all the same, once.
        (&[(503, ""), (200, "{}")], (3, 0), 2),
        (&[(503, "")], (0, 3), 2),
        (&[(200, r#"{"partialSuccess": {"rejectedSpans": "1"}}"#)], (2, 1), 1),
        (&[(400, "what is this")], (0, 3), 1),
        (&[(200, "<html>")], (3, 0), 1),
    ];
    for (answers, (sent, dropped), requests) in cases {
        let collector = Collector::start(answers);
        let metrics = Metrics::new();
        metrics.tracing().start(&traces(&collector.url)).unwrap();
        let tracer = metrics.tracing().tracer();
        let trace = tracer.begin(Some(TRACED.as_bytes()), Kind::Server, || "POST".to_owned());
        trace.stage("decode").during(async {}).await;
        trace.publishing();
        drop(trace);
        tracer.close().await;
        let found = (counted(&metrics, "sent"), counted(&metrics, "dropped"));
        assert_eq!(found, (Some(sent), Some(dropped)), "{answers:?}");
        assert_eq!(collector.requests.load(Ordering::SeqCst), requests, "{answers:?}");
    }
}
