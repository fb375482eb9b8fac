//! Engine under test: a `riveg annotate` process with a pipe, its memory and its processor time.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A process that answers lines.
pub(crate) struct Engine {
    child: Child,
    input: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// What it logs; read all along, so that it never waits for that.
    log: std::thread::JoinHandle<String>,
}

impl Engine {
    /// Starts a binary with a bundle and further settings, `key=value`.
    pub(crate) fn start(mut binary: Command, bundle: &Path, settings: &[&str]) -> Self {
        let bundle = format!("bundle.path={}", bundle.display());
        let settings = std::iter::once(bundle.as_str()).chain(settings.iter().copied());
        // Answers and refusals in one stream, in the order of the records.
        binary.args(["annotate", "-", "--rejected", "/dev/stdout", "--allow-rejected"]);
        binary.args(settings.flat_map(|setting| ["--set", setting]));
        let pipes = binary.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().expect("the binary is there");
        let input = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let log = BufReader::new(child.stderr.take().expect("it is piped"));
        let log =
            std::thread::spawn(move || log.lines().map_while(Result::ok).collect::<Vec<_>>().join("\n"));
        Self { child, input, answers, log }
    }

    /// Hands it a record.
    pub(crate) fn give(&mut self, record: &str) {
        self.input.write_all(record.as_bytes()).expect("it reads");
        self.input.write_all(b"\n").expect("it reads");
        self.input.flush().expect("it reads");
    }

    /// Its next answer, in the order of the records.
    pub(crate) fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it writes text");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{line}` is no answer: {error}"))
    }

    /// As [`idle_memory`].
    pub(crate) fn idle_memory(&self) -> f64 {
        idle_memory(self.child.id())
    }

    /// As [`peak_memory`].
    pub(crate) fn peak_memory(&self) -> f64 {
        peak_memory(self.child.id())
    }

    /// The seconds that the processors spent on the networks so far: other processes do not count, however busy they are.
    pub(crate) fn device_seconds(&self) -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it is there");
        let times = threads.filter_map(|thread| {
            let stat = std::fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
            // The name, in brackets, is that of the device's thread, and of those that it starts.
            let numbers = stat.split_once("(riveg-device) ")?.1;
            let times = numbers.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>());
            times.sum::<Result<f64, _>>().ok()
        });
        // Linux counts in hundredths of a second.
        times.sum::<f64>() / 100.0
    }

    /// Ends its input and waits for its end.
    pub(crate) fn end(mut self) {
        drop(self.input);
        let status = self.child.wait().expect("it ends");
        let log = self.log.join().expect("its log is text");
        assert!(status.success(), "{status}: {log}");
    }
}

/// The resident memory of a process now, in MiB; its peak is counted from here on.
pub(crate) fn idle_memory(process: u32) -> f64 {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").expect("the process is our own");
    status(process, "VmRSS:")
}

/// The most resident memory that a process had since [`idle_memory`], in MiB.
pub(crate) fn peak_memory(process: u32) -> f64 {
    status(process, "VmHWM:")
}

fn status(process: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    let value = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
    value.trim().trim_end_matches(" kB").parse::<f64>().expect("it is a number") / 1024.0
}
