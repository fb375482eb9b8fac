//! Secrecy of the API key: it is in one header, and in no log, error or metric.

use std::io::Write;
use std::sync::{Arc, Mutex};

use riveg::llm::client::Config;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::{config, endpoint, question};
use crate::support::llm::{LlmServer, Reply};

const CANARY: &str = "canary-in-the-mine";

/// Collects the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_key_appears_nowhere_whatever_the_server_sends() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(log.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    // tracing caches the interest in each call site at its first use, which may be in a test without a log: so each call site
    // is visited once, and the cache is rebuilt.
    drop(provoked().await);
    tracing::callsite::rebuild_interest_cache();
    log.0.lock().unwrap().clear();
    let said = provoked().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in ["is asked again", "is not asked for a while", "hyper_util"] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    assert!(said.contains("Incorrect API key provided: [redacted]. [2J You [redacted]!"), "{said}");
    for text in [log, said] {
        // Nor a part of it, where the server's message was cut.
        assert!(!text.contains("canary"), "{text}");
    }
}

/// All output about an endpoint whose server quotes the key in several ways.
async fn provoked() -> String {
    let quoting = format!("Incorrect API key provided: {CANARY}.\n\u{1b}[2J You {CANARY}!");
    let status = |code| Reply::Status(code, Vec::new(), quoting.clone());
    let bytes = |text: String| Reply::Bytes(text.into_bytes());
    let long = format!("{}{CANARY}", "x".repeat(190));
    let replies = [
        status(400),
        status(401),
        status(500),
        Reply::Status(403, Vec::new(), long),
        bytes(format!("{{\"error\": \"{CANARY}\"}}")),
        bytes(format!("{{\"error\": \"\\u0063{}\"}}", &CANARY[1..])),
        bytes(format!("{{\"{CANARY}")),
        bytes(CANARY.to_owned()),
        Reply::Status(
            302,
            vec![("location", format!("http://{CANARY}@127.0.0.1:1/?{CANARY}"))],
            String::new(),
        ),
        Reply::Reset,
        Reply::CutOff,
    ];
    let mut said = String::new();
    for reply in replies {
        let answered = reply.clone();
        let server = LlmServer::start(move |asked| {
            assert_eq!(asked.authorization.as_deref(), Some("Bearer canary-in-the-mine"));
            assert!(!asked.parameters.to_string().contains(CANARY) && !asked.text.contains(CANARY));
            answered.clone()
        });
        server.list_models(reply);
        let config = Config { api_key: CANARY.into(), retries: 1, breaker_failures: 1, ..config(&server) };
        let (endpoint, metrics) = endpoint(&config);
        let error = endpoint.ask(&question("Who?")).await.unwrap_err();
        said += &format!("{error} {error:?} {config:?} {endpoint:?} {}", endpoint.parameters());
        if let Err(error) = endpoint.reachable().await {
            said += &format!("{error} {error:?}");
        }
        if let Err(why) = endpoint.health() {
            let refused = endpoint.ask(&question("Who?")).await.unwrap_err();
            said += &format!("{why} {refused} {refused:?}");
        }
        said += &metrics.render();
    }
    said
}
