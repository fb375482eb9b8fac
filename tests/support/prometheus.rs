//! Prometheus server that scrapes one engine every second; on its own port and folder, stopped with the test.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Process, until};

/// One server.
pub(crate) struct Prometheus {
    address: String,
    _process: Process,
    _folder: tempfile::TempDir,
}

/// One element of an answer: its labels and its value.
pub(crate) type Sample = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Starts a server that reads metrics at `target`, `host:port`, and waits until it answers.
    ///
    /// # Panics
    /// If there is no `prometheus`: these tests do not pass without one.
    pub(crate) fn watching(target: &str) -> Self {
        // A port that was free may be occupied by now; then another one is tried.
        (0..5).find_map(|_| Self::begin(target)).expect("prometheus starts")
    }

    fn begin(target: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
             scrape_configs: [{{ job_name: riveg, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, settings).expect("the folder is writable");
        let address = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`scripts/setup test` installs prometheus, or says what to install");
        let (mut process, address) = (Process(child), address.to_string());
        let answers = until("prometheus answers or ends", || {
            let ended = process.0.try_wait().expect("it can be asked").is_some();
            let ready = ask(&address, "/-/ready").is_some_and(|answer| answer.contains(" 200 "));
            (ended || ready).then_some(!ended)
        });
        answers.then_some(Self { address, _process: process, _folder: folder })
    }

    /// The current result of a query.
    ///
    /// # Panics
    /// If the query is invalid.
    pub(crate) fn query(&self, query: &str) -> Vec<Sample> {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let answer = until(query, || ask(&self.address, &format!("/api/v1/query?query={encoded}")));
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let answer: Value = serde_json::from_str(body).expect("its API speaks JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        assert_eq!(answer["data"]["resultType"], "vector", "{query}: {answer}");
        answer["data"]["result"].as_array().expect("a vector").iter().map(sample).collect()
    }
}

fn sample(element: &Value) -> Sample {
    let labels = serde_json::from_value(element["metric"].clone()).expect("labels are text");
    let value = element["value"][1].as_str().and_then(|value| value.parse().ok());
    (labels, value.expect("a value is a number in quotes"))
}

/// The whole response, in HTTP/1.0, which has no chunked bodies.
fn ask(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    Some(response)
}
