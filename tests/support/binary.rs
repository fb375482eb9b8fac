//! The real binary: runs to its end with given input, or beside the test as a process.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The result of a run.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The lines that `annotate` refused, from standard error, in order.
    pub(crate) fn refused(&self) -> Vec<Value> {
        let lines = self.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line.get("error").is_some_and(Value::is_object)).collect()
    }
}

/// The binary with a clean environment.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_riveg"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RIVEG_")) {
        command.env_remove(name);
    }
    // Its cache is separate from that of this user's engines.
    for folder in ["XDG_STATE_HOME", "XDG_CACHE_HOME"] {
        command.env(folder, env!("CARGO_TARGET_TMPDIR"));
    }
    // Several threads of a tiny network wait for each other more than they compute, the more so beside other tests.
    command.env("OMP_NUM_THREADS", "1");
    // Concurrent engines and checks use different ports.
    command.env("RIVEG_TELEMETRY__ADDRESS", "127.0.0.1:0");
    command
}

/// Runs the binary to its end.
pub(crate) fn riveg(arguments: &[&str], input: &[u8]) -> Finished {
    let mut child = binary()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo built the binary");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    // On a separate thread, so that a full pipe blocks neither side. A binary that refuses its arguments does not read,
    // so a failed write is no error.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("writing does not panic");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Killed at the end of the test, even if it fails.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The response of the process's telemetry server at a path, if it responds.
pub(crate) fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: riveg\r\nConnection: close\r\n\r\n").ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    Some(response)
}
