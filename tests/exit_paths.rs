//! Exit paths of the process: each has its exit code and writes only log lines. Each runs six times, most of them while
//! networks compute.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::write_bundle;
use riveg::cli::FAILURE_TARGET;
use riveg::lab::world::{Split, World, write_dataset};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Process, binary, until};

mod own_process;

/// Runs of each exit path: six runs show a fault with a probability of 2/5 with 95 %. With twelve (2/9), this was the longest
/// of all tests.
const RUNS: usize = 6;
/// Concurrent processes: the machine has two cores.
const CONCURRENT: usize = 2;

/// An exit path and its expected effects.
struct ExitPath {
    name: &'static str,
    command: fn(&Inputs) -> Command,
    /// Triggers the exit.
    trigger: fn(&mut Running),
    code: i32,
    /// The failure in the last line of the log, if any.
    message: Option<&'static str>,
}

const EXIT_PATHS: &[ExitPath] = &[
    ExitPath {
        name: "all lines are answered",
        command: annotate_two,
        trigger: |_| (),
        code: 0,
        message: None,
    },
    ExitPath {
        name: "the reader closes the pipe",
        command: annotate,
        trigger: close_output,
        code: 0,
        message: None,
    },
    ExitPath {
        name: "the output is full",
        command: |inputs| into_full_device(annotate(inputs)),
        trigger: |_| (),
        code: 1,
        message: Some("failed to write to standard output: No space left on device (os error 28)"),
    },
    ExitPath {
        name: "SIGINT",
        command: annotate,
        trigger: |it| it.signal_at_work("INT"),
        code: 0,
        message: None,
    },
    ExitPath {
        name: "SIGTERM",
        command: annotate,
        trigger: |it| it.signal_at_work("TERM"),
        code: 0,
        message: None,
    },
    ExitPath {
        name: "SIGHUP",
        command: |inputs| with_default_sighup(&annotate(inputs)),
        trigger: |it| it.signal_at_work("HUP"),
        code: 0,
        message: None,
    },
    ExitPath {
        name: "SIGINT and SIGTERM",
        command: annotate_all_at_once,
        trigger: two_signals,
        code: 130,
        message: None,
    },
    ExitPath {
        name: "SIGINT at the start",
        command: run,
        trigger: |it| it.signal_at_start("INT"),
        code: 0,
        message: None,
    },
    ExitPath {
        name: "a start that fails when networks are warm",
        command: |inputs| set(run(inputs), &format!("engine.state={}", inputs.feed.display())),
        trigger: |_| (),
        code: 1,
        message: Some("cannot use the log of attempts"),
    },
    ExitPath {
        name: "an address that is taken",
        command: |inputs| {
            set(run(inputs), &format!("telemetry.address={}", inputs.taken.local_addr().unwrap()))
        },
        trigger: |_| (),
        code: 1,
        message: Some("cannot listen at telemetry.address"),
    },
    ExitPath {
        name: "a task panics",
        command: |_| own_process::command("panic"),
        trigger: |_| (),
        code: 1,
        message: Some("task"),
    },
    ExitPath {
        name: "the device is lost",
        command: |_| own_process::command("lost"),
        trigger: |_| (),
        code: 1,
        message: Some("stage `ground` lost its device: the device is lost: an illegal address"),
    },
];

#[test]
fn every_exit_path_has_its_code_and_only_our_output() {
    let inputs = Inputs::new();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CONCURRENT {
            scope.spawn(|| {
                // All paths, then all again, so that two of a kind seldom run at the same time.
                while let Some(number) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&n| n < RUNS * EXIT_PATHS.len())
                {
                    EXIT_PATHS[number % EXIT_PATHS.len()].run_once(&inputs);
                }
            });
        }
    });
}

impl ExitPath {
    fn run_once(&self, inputs: &Inputs) {
        let mut running = Running::new((self.command)(inputs));
        (self.trigger)(&mut running);
        let (code, stderr) = running.ended(self.name);
        assert_eq!(code, Some(self.code), "{}: {stderr}", self.name);
        // Any text that is not a log line comes from a library.
        let lines: Vec<Value> = stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{}: {stderr}", self.name)))
            .collect();
        let failures: Vec<&Value> = lines.iter().filter(|line| line["target"] == FAILURE_TARGET).collect();
        match (self.message, &failures[..]) {
            (Some(message), [failure]) => {
                let error = failure["error"].as_str().unwrap();
                assert!(
                    error.starts_with(message) && failure["code"] == self.code,
                    "{}: {stderr}",
                    self.name
                );
            }
            (message, failures) => {
                assert!(message.is_none() && failures.is_empty(), "{}: {stderr}", self.name);
            }
        }
    }
}

/// Inputs of the processes.
struct Inputs {
    _folder: TempDir,
    feed: PathBuf,
    two: PathBuf,
    bundle: PathBuf,
    taken: TcpListener,
}

impl Inputs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_dataset(&World::new(1, Split::Test), 60, folder.path(), || ()).unwrap();
        let (feed, two) = (folder.path().join("feed.jsonl"), folder.path().join("two.jsonl"));
        let lines: Vec<String> =
            BufReader::new(File::open(&feed).unwrap()).lines().map(Result::unwrap).collect();
        // Many copies of the same posts, so that the drain after a signal outlasts the signals.
        let mut file = File::create(&feed).unwrap();
        (0..4).for_each(|_| writeln!(file, "{}", lines.join("\n")).unwrap());
        std::fs::write(&two, lines[..2].join("\n")).unwrap();
        let bundle = folder.path().join("bundle");
        write_bundle(&bundle, 1).unwrap();
        Self { _folder: folder, feed, two, bundle, taken: TcpListener::bind("127.0.0.1:0").unwrap() }
    }
}

/// The engine with tiny networks and a short warm-up.
fn engine(subcommand: &str, inputs: &Inputs) -> Command {
    let mut command = binary();
    command.args([subcommand, "--log-format", "json"]);
    let mut command = set(command, &format!("bundle.path={}", inputs.bundle.display()));
    for stage in ["recognise", "entail", "ground", "segment"] {
        command = set(command, &format!("scheduler.{stage}.max_requests=2"));
    }
    set(command, "device.threads=1")
}

fn set(mut command: Command, setting: &str) -> Command {
    command.args(["--set", setting]);
    command
}

fn annotate(inputs: &Inputs) -> Command {
    // Few lines in flight, so that they finish soon.
    annotate_at_once(inputs, 4)
}

fn annotate_all_at_once(inputs: &Inputs) -> Command {
    annotate_at_once(inputs, 2000)
}

fn annotate_at_once(inputs: &Inputs, lines: usize) -> Command {
    let mut command = set(engine("annotate", inputs), &format!("engine.posts_in_flight={lines}"));
    command.arg(&inputs.feed).stdout(Stdio::piped());
    command
}

fn annotate_two(inputs: &Inputs) -> Command {
    let mut command = engine("annotate", inputs);
    command.arg(&inputs.two).stdout(Stdio::null());
    command
}

fn run(inputs: &Inputs) -> Command {
    // No broker listens there.
    let settings = ["telemetry.address=127.0.0.1:0", "kafka.bootstrap=127.0.0.1:1"];
    let mut command = settings.into_iter().fold(engine("run", inputs), set);
    command.stdout(Stdio::null());
    command
}

/// Restores the default action of SIGHUP, which `nohup` makes all child processes ignore.
fn with_default_sighup(command: &Command) -> Command {
    let mut command_with_sighup = Command::new("env");
    command_with_sighup
        .arg("--default-signal=HUP")
        .arg(command.get_program())
        .args(command.get_args())
        .stdout(Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => command_with_sighup.env(name, value),
            None => command_with_sighup.env_remove(name),
        };
    }
    command_with_sighup
}

fn into_full_device(mut command: Command) -> Command {
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    command
}

fn close_output(running: &mut Running) {
    drop(running.first_line());
}

fn two_signals(running: &mut Running) {
    running.signal_at_work("INT");
    running.until_logged("finishing what has begun");
    running.signal("TERM");
}

/// A process and its output so far.
struct Running {
    process: Process,
    stderr: Arc<Mutex<String>>,
    reader: thread::JoinHandle<()>,
}

impl Running {
    fn new(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (collected, stderr) = (Arc::new(Mutex::new(String::new())), child.stderr.take().unwrap());
        let written = Arc::clone(&collected);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                written.lock().unwrap().extend([line.as_str(), "\n"]);
            }
        });
        Self { process: Process(child), stderr: collected, reader }
    }

    /// The output after its first line: networks work on the remaining lines.
    fn first_line(&mut self) -> BufReader<ChildStdout> {
        let mut output = BufReader::new(self.process.0.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        output
    }

    fn signal_at_work(&mut self, name: &str) {
        let mut output = self.first_line();
        // Read continuously, so that a full pipe never blocks the process.
        thread::spawn(move || output.read_to_end(&mut Vec::new()));
        self.signal(name);
    }

    fn signal_at_start(&mut self, name: &str) {
        // Loading and warm-up of the networks come next.
        self.until_logged("metrics and probes are served");
        self.signal(name);
    }

    fn signal(&self, name: &str) {
        let (signal, process) = (format!("-{name}"), self.process.0.id().to_string());
        assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
    }

    fn until_logged(&self, text: &str) {
        until(text, || self.stderr.lock().unwrap().contains(text).then_some(()));
    }

    /// Waits for its end; returns the exit code (`None` after a fatal signal) and standard error.
    fn ended(mut self, path: &str) -> (Option<i32>, String) {
        let status = until(path, || self.process.0.try_wait().unwrap());
        self.reader.join().unwrap();
        (status.code(), self.stderr.lock().unwrap().clone())
    }
}
