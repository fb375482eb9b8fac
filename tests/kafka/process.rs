//! Engine process: `riveg run` with tiny untrained networks, for behaviour that only the whole process shows.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::running::TestTopics;
use crate::support::{Process, binary, get, until};

/// A running engine.
pub(crate) struct EngineProcess {
    pub(crate) address: String,
    process: Process,
    log: Option<JoinHandle<String>>,
    _bundle: TempDir,
}

impl EngineProcess {
    /// Starts `riveg run` on those names with further settings.
    pub(crate) fn start(names: &TestTopics, set: &[&str]) -> Self {
        let bundle = tempfile::tempdir().unwrap();
        crate::support::write_bundle(bundle.path(), 1).unwrap();
        // A port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let settings = [
            format!("kafka.bootstrap={}", names.bootstrap),
            format!("ingest.topic={}", names.input),
            format!("ingest.group={}", names.group),
            format!("publish.topic={}", names.output),
            format!("publish.dead_letter_topic={}", names.dead),
            format!("bundle.path={}", bundle.path().display()),
            format!("telemetry.address={address}"),
        ];
        let settings = settings.iter().map(String::as_str).chain(set.iter().copied());
        let mut child = binary()
            .args(["run", "--log-format", "json"])
            .args(settings.flat_map(|setting| ["--set", setting]))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        // Read continuously, so that the process never blocks on a full pipe.
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self { address, process: Process(child), log: Some(log), _bundle: bundle }
    }

    /// Waits for its response to a telemetry path.
    pub(crate) fn get(&self, path: &str) -> String {
        until(path, || get(&self.address, path))
    }

    pub(crate) fn is_ready(&self) -> bool {
        get(&self.address, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for its end. Exit code and log.
    pub(crate) fn ends(&mut self) -> (Option<i32>, String) {
        let status = until("the process ends", || self.process.0.try_wait().unwrap());
        (status.code(), self.log.take().unwrap().join().unwrap())
    }

    /// Stops it as a cluster would.
    pub(crate) fn stop(&mut self) -> (Option<i32>, String) {
        self.signal("-TERM");
        self.ends()
    }
}
