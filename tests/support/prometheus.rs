//! Prometheus server that scrapes engines every second and evaluates rules; on its own port and folder, stopped with the test.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Process, until};

/// One server.
pub(crate) struct Prometheus {
    address: String,
    process: Process,
    folder: tempfile::TempDir,
}

/// One element of an answer: its labels and its value.
pub(crate) type Sample = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Starts a server that reads metrics at `targets`, `host:port`, and waits until it answers.
    ///
    /// # Panics
    /// If there is no `prometheus`: these tests do not pass without one.
    pub(crate) fn watching(targets: &[&str]) -> Self {
        Self::watching_every("1s", targets)
    }

    /// The same with another time between two scrapes, a second at most.
    pub(crate) fn watching_every(interval: &str, targets: &[&str]) -> Self {
        // A port that was free may be occupied by now; then another one is tried.
        (0..5).find_map(|_| Self::begin(interval, targets)).expect("prometheus starts")
    }

    fn begin(interval: &str, targets: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "global: {{ scrape_interval: {interval}, scrape_timeout: {interval}, evaluation_interval: 1s }}\n\
             rule_files: [rules.yaml]\n\
             scrape_configs: [{{ job_name: riveg, static_configs: [{{ targets: {targets:?} }}] }}]\n"
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
        answers.then_some(Self { address, process, folder })
    }

    /// Evaluates a file of rules from now on. Before its targets are known, which takes seconds, a rule may take them for gone.
    ///
    /// # Panics
    /// If the rules are invalid.
    pub(crate) fn evaluate(&self, rules: &str) {
        std::fs::write(self.folder.path().join("rules.yaml"), rules).expect("the folder is writable");
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill is there").success());
        until("rules are read", || {
            let groups = self.api("rules", "rules")["groups"].as_array().map_or(0, Vec::len);
            (groups > 0).then_some(())
        });
    }

    /// The current result of a query.
    ///
    /// # Panics
    /// If the query is invalid.
    pub(crate) fn query(&self, query: &str) -> Vec<Sample> {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let data = self.api(&format!("query?query={encoded}"), query);
        assert_eq!(data["resultType"], "vector", "{query}: {data}");
        data["result"].as_array().expect("a vector").iter().map(sample).collect()
    }

    /// The names of the alerts that fire now.
    ///
    /// # Panics
    /// If it cannot be asked.
    pub(crate) fn firing(&self) -> BTreeSet<String> {
        let data = self.api("alerts", "alerts");
        let alerts = data["alerts"].as_array().expect("a list").iter();
        let firing = alerts.filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().expect("a name").to_owned()).collect()
    }

    /// The names of the alerts that have fired since it began.
    pub(crate) fn have_fired(&self) -> BTreeSet<String> {
        let fired = self.query("count by (alertname) (last_over_time(ALERTS{alertstate=\"firing\"}[1h]))");
        fired.into_iter().map(|(labels, _)| labels["alertname"].clone()).collect()
    }

    /// The data of an answer of its API.
    fn api(&self, path: &str, what: &str) -> Value {
        let answer = until(what, || ask(&self.address, &format!("/api/v1/{path}")));
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let mut answer: Value = serde_json::from_str(body).expect("its API speaks JSON");
        assert_eq!(answer["status"], "success", "{what}: {answer}");
        answer["data"].take()
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
