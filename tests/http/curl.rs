//! curl: requests as scripts send them.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A response as curl prints it.
pub(super) struct Response {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}\n{}", self.head, self.body))
    }

    pub(super) fn lines(&self) -> Vec<Value> {
        self.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Begins a request with these arguments of curl, and this body if there is one.
pub(super) fn begin(arguments: &[&str], body: Option<&[u8]>) -> Child {
    let mut command = Command::new("curl");
    // A proxy of this machine is not asked for its own addresses.
    command
        .args(["--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", "60"])
        .args(arguments);
    if body.is_some() {
        // Without waiting for leave to send: what is refused is refused all the same.
        command.args(["--data-binary", "@-", "-H", "Expect:"]);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("curl is installed");
    let mut stdin = child.stdin.take().unwrap();
    let body = body.unwrap_or_default().to_vec();
    // On a thread of its own; a refused body need not be read to its end.
    std::thread::spawn(move || drop(stdin.write_all(&body)));
    child
}

/// The response to a request that has begun.
pub(super) fn end(child: Child) -> Response {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no response: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    Response { status, head: head.to_owned(), body: body.to_owned() }
}

pub(super) fn curl(arguments: &[&str], body: Option<&[u8]>) -> Response {
    end(begin(arguments, body))
}
