//! The real binary with a server of posts.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use super::curl::{self, Response};
use crate::support::{Process, binary, get, until};

/// An engine that takes posts over HTTP. Its arguments are those of `riveg`, without addresses.
pub(super) struct Engine {
    pub(super) process: Process,
    pub(super) posts: String,
    telemetry: String,
}

/// An address that was free just now.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl Engine {
    /// Started, and ready where that is waited for.
    pub(super) fn start(command: &str, settings: &[String]) -> Self {
        let (posts, telemetry) = (free(), free());
        let mut riveg = binary();
        riveg.args([command, "--http", &posts, "--log", "warn"]);
        riveg.args(settings.iter().flat_map(|setting| ["--set", setting]));
        riveg.env("RIVEG_TELEMETRY__ADDRESS", &telemetry).stderr(Stdio::inherit());
        let engine = Self { process: Process(riveg.spawn().unwrap()), posts, telemetry };
        until("readiness", || {
            get(&engine.telemetry, "/readyz").filter(|told| told.starts_with("HTTP/1.1 200"))
        });
        engine
    }

    /// Waits until a metric has this value.
    pub(super) fn until_metric(&self, name: &str, value: u64) {
        let line = format!("\n{name} {value}\n");
        until(&line, || get(&self.telemetry, "/metrics").filter(|page| page.contains(&line)));
    }

    /// `POST /v1/annotate` with further arguments of curl.
    pub(super) fn post(&self, query: &str, arguments: &[&str], body: &[u8]) -> Response {
        curl::end(self.begin(query, arguments, body))
    }

    pub(super) fn begin(&self, query: &str, arguments: &[&str], body: &[u8]) -> std::process::Child {
        let address = format!("http://{}/v1/annotate{query}", self.posts);
        let json =
            if arguments.iter().any(|argument| argument.to_ascii_lowercase().starts_with("content-type")) {
                &[][..]
            } else {
                &["-H", "content-type: application/json"]
            };
        curl::begin(&[&[address.as_str()], json, arguments].concat(), Some(body))
    }

    /// Sends SIGTERM.
    pub(super) fn terminate(&self) {
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// The exit code once the process has ended.
    pub(super) fn code(mut self) -> Option<i32> {
        until("the process ends", || self.process.0.try_wait().unwrap()).code()
    }
}
