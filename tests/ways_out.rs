//! Does every way out of the process end with its code, and with no word but ours? Each is taken twenty times, most of
//! them while networks compute.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use riveg::cli::FAILURE;
use riveg::engine::runtime::untrained::write_bundle;
use riveg::lab::world::{Split, World, write_dataset};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Process, binary, until};

mod own_process;

/// How often each way is taken: a fault in one of seven shows in twenty with a probability of 95 %.
const TIMES: usize = 20;
/// Processes at one time: the machine has two cores.
const AT_ONCE: usize = 2;

/// A way out, and what is to be seen of it.
struct Way {
    name: &'static str,
    command: fn(&Scene) -> Command,
    /// Makes the process leave.
    leave: fn(&mut Started),
    code: i32,
    /// The failure that the log ends with, if any.
    message: Option<&'static str>,
}

const WAYS: &[Way] = &[
    Way { name: "all is done", command: annotate_two, leave: |_| (), code: 0, message: None },
    Way { name: "nobody reads on", command: annotate, leave: close, code: 0, message: None },
    Way {
        name: "the output is full",
        command: |scene| full(annotate(scene)),
        leave: |_| (),
        code: 1,
        message: Some("failed to write to standard output: No space left on device (os error 28)"),
    },
    Way { name: "SIGINT", command: annotate, leave: |it| it.signal_at_work("INT"), code: 0, message: None },
    Way { name: "SIGTERM", command: annotate, leave: |it| it.signal_at_work("TERM"), code: 0, message: None },
    Way {
        name: "SIGHUP",
        command: |scene| heeding_hang_ups(&annotate(scene)),
        leave: |it| it.signal_at_work("HUP"),
        code: 0,
        message: None,
    },
    Way {
        name: "SIGINT and SIGTERM",
        command: annotate_all_at_once,
        leave: two_signals,
        code: 130,
        message: None,
    },
    Way {
        name: "SIGINT at the start",
        command: run,
        leave: |it| it.signal_at_start("INT"),
        code: 0,
        message: None,
    },
    Way {
        name: "SIGHUP at the start",
        command: |scene| heeding_hang_ups(&run(scene)),
        leave: |it| it.signal_at_start("HUP"),
        code: 0,
        message: None,
    },
    Way {
        name: "a start that fails when networks are warm",
        command: |scene| set(run(scene), &format!("engine.state={}", scene.feed.display())),
        leave: |_| (),
        code: 1,
        message: Some("cannot use the log of attempts"),
    },
    Way {
        name: "an address that is taken",
        command: |scene| set(run(scene), &format!("telemetry.address={}", scene.taken.local_addr().unwrap())),
        leave: |_| (),
        code: 1,
        message: Some("cannot listen at telemetry.address"),
    },
    Way {
        name: "a task panics",
        command: |_| own_process::command("panic"),
        leave: |_| (),
        code: 1,
        message: Some("task"),
    },
    Way {
        name: "the device is lost",
        command: |_| own_process::command("lost"),
        leave: |_| (),
        code: 1,
        message: Some("stage `ground` lost its device: the device is lost: an illegal address"),
    },
];

#[test]
fn every_way_out_ends_with_its_code_and_no_word_but_ours() {
    let scene = Scene::new();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                // All ways, then all again: two of a kind seldom run side by side.
                while let Some(number) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&n| n < TIMES * WAYS.len())
                {
                    WAYS[number % WAYS.len()].take(&scene);
                }
            });
        }
    });
}

impl Way {
    fn take(&self, scene: &Scene) {
        let mut started = Started::new((self.command)(scene));
        (self.leave)(&mut started);
        let (code, said) = started.ended(self.name);
        assert_eq!(code, Some(self.code), "{}: {said}", self.name);
        // Whatever is no line of the log is a word of somebody else.
        let lines: Vec<Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{}: {said}", self.name)))
            .collect();
        let failures: Vec<&Value> = lines.iter().filter(|line| line["target"] == FAILURE).collect();
        match (self.message, &failures[..]) {
            (Some(message), [failure]) => {
                let error = failure["error"].as_str().unwrap();
                assert!(error.starts_with(message) && failure["code"] == self.code, "{}: {said}", self.name);
            }
            (message, failures) => {
                assert!(message.is_none() && failures.is_empty(), "{}: {said}", self.name);
            }
        }
    }
}

/// What the processes work on.
struct Scene {
    _folder: TempDir,
    feed: PathBuf,
    two: PathBuf,
    bundle: PathBuf,
    taken: TcpListener,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_dataset(&World::new(1, Split::Test), 60, folder.path(), || ()).unwrap();
        let (feed, two) = (folder.path().join("feed.jsonl"), folder.path().join("two.jsonl"));
        let lines: Vec<String> =
            BufReader::new(File::open(&feed).unwrap()).lines().map(Result::unwrap).collect();
        // The same posts over and over: what is drained after a signal lasts longer than the signals take.
        let mut file = File::create(&feed).unwrap();
        (0..4).for_each(|_| writeln!(file, "{}", lines.join("\n")).unwrap());
        std::fs::write(&two, lines[..2].join("\n")).unwrap();
        let bundle = folder.path().join("bundle");
        write_bundle(&bundle, 1).unwrap();
        Self { _folder: folder, feed, two, bundle, taken: TcpListener::bind("127.0.0.1:0").unwrap() }
    }
}

/// The engine with tiny networks, warm as soon as may be.
fn engine(subcommand: &str, scene: &Scene) -> Command {
    let mut command = binary();
    command.args([subcommand, "--log-format", "json"]);
    let mut command = set(command, &format!("bundle.path={}", scene.bundle.display()));
    for stage in ["recognise", "entail", "ground", "segment"] {
        command = set(command, &format!("scheduler.{stage}.max_requests=2"));
    }
    set(command, "device.threads=1")
}

fn set(mut command: Command, setting: &str) -> Command {
    command.args(["--set", setting]);
    command
}

fn annotate(scene: &Scene) -> Command {
    // Few lines are begun, so that they are soon finished.
    annotate_at_once(scene, 4)
}

fn annotate_all_at_once(scene: &Scene) -> Command {
    annotate_at_once(scene, 2000)
}

fn annotate_at_once(scene: &Scene, lines: usize) -> Command {
    let mut command = set(engine("annotate", scene), &format!("engine.posts_in_flight={lines}"));
    command.arg(&scene.feed).stdout(Stdio::piped());
    command
}

fn annotate_two(scene: &Scene) -> Command {
    let mut command = engine("annotate", scene);
    command.arg(&scene.two).stdout(Stdio::null());
    command
}

fn run(scene: &Scene) -> Command {
    // No broker answers there.
    let settings = ["telemetry.address=127.0.0.1:0", "kafka.bootstrap=127.0.0.1:1"];
    let mut command = settings.into_iter().fold(engine("run", scene), set);
    command.stdout(Stdio::null());
    command
}

/// The same, whether or not the tests run under `nohup`, which has all their processes ignore SIGHUP.
fn heeding_hang_ups(command: &Command) -> Command {
    let mut heeding = Command::new("env");
    heeding
        .arg("--default-signal=HUP")
        .arg(command.get_program())
        .args(command.get_args())
        .stdout(Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => heeding.env(name, value),
            None => heeding.env_remove(name),
        };
    }
    heeding
}

fn full(mut command: Command) -> Command {
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    command
}

fn close(started: &mut Started) {
    drop(started.first_line());
}

fn two_signals(started: &mut Started) {
    started.signal_at_work("INT");
    started.until_logged("finishing what has begun");
    started.signal("TERM");
}

/// A process, and what it has said so far.
struct Started {
    process: Process,
    said: Arc<Mutex<String>>,
    listening: thread::JoinHandle<()>,
}

impl Started {
    fn new(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, stderr) = (Arc::new(Mutex::new(String::new())), child.stderr.take().unwrap());
        let heard = Arc::clone(&said);
        let listening = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().unwrap().extend([line.as_str(), "\n"]);
            }
        });
        Self { process: Process(child), said, listening }
    }

    /// The output, of which a line has been read: networks are at work on the others.
    fn first_line(&mut self) -> BufReader<ChildStdout> {
        let mut output = BufReader::new(self.process.0.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        output
    }

    fn signal_at_work(&mut self, name: &str) {
        let mut output = self.first_line();
        // What is written is read all along.
        thread::spawn(move || output.read_to_end(&mut Vec::new()));
        self.signal(name);
    }

    fn signal_at_start(&mut self, name: &str) {
        // The networks are loaded and warmed up next.
        self.until_logged("metrics and probes are served");
        self.signal(name);
    }

    fn signal(&self, name: &str) {
        let (signal, process) = (format!("-{name}"), self.process.0.id().to_string());
        assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
    }

    fn until_logged(&self, text: &str) {
        until(text, || self.said.lock().unwrap().contains(text).then_some(()));
    }

    /// Waits for its end: the code, none if a signal ended it, and all that it said on standard error.
    fn ended(mut self, way: &str) -> (Option<i32>, String) {
        let status = until(way, || self.process.0.try_wait().unwrap());
        self.listening.join().unwrap();
        (status.code(), self.said.lock().unwrap().clone())
    }
}
