//! Reload at SIGHUP, with the real binary: what is taken in, what is refused, and what a closed terminal does.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Process, binary, get, pocket_bundle, until};

/// An address that was free just now.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The same command, started by another one.
fn behind(wrapper: &[&str], command: &Command) -> Command {
    let mut wrapped = Command::new(wrapper[0]);
    wrapped.args(&wrapper[1..]).arg(command.get_program()).args(command.get_args());
    in_environment_of(command, wrapped)
}

fn in_environment_of(command: &Command, mut other: Command) -> Command {
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other
}

/// An engine that takes posts over HTTP, whose log is a file.
struct Engine {
    process: Process,
    posts: String,
    telemetry: String,
    log: std::path::PathBuf,
}

impl Engine {
    fn start(folder: &Path, config: &Path) -> Self {
        let (posts, telemetry, log) = (free(), free(), folder.join("log"));
        let mut riveg = binary();
        riveg.args(["serve", "--http", &posts, "--log-format", "json", "--config"]).arg(config);
        riveg.args(["--set", &format!("bundle.path={}", pocket_bundle().display())]);
        riveg.env("RIVEG_TELEMETRY__ADDRESS", &telemetry);
        // A session of its own has no terminal, whatever the tests are run from; `nohup` makes all child processes ignore
        // SIGHUP.
        let mut riveg = behind(&["setsid", "--wait", "env", "--default-signal=HUP"], &riveg);
        riveg.stdin(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let process = Process(riveg.spawn().unwrap());
        let engine = Self { process, posts, telemetry, log };
        until("readiness", || {
            get(&engine.telemetry, "/readyz").filter(|told| told.starts_with("HTTP/1.1 200"))
        });
        engine
    }

    /// The lines of the log with this message, when there are `count` of them.
    fn logged(&self, message: &str, count: usize) -> Vec<Value> {
        until(message, || {
            let text = fs::read_to_string(&self.log).unwrap();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let found: Vec<Value> = lines.filter(|line| line["message"] == message).collect();
            (found.len() >= count).then_some(found)
        })
    }

    fn hang_up(&self) {
        let pid = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }

    /// What the engine says that a picture of Ava Rydson shows.
    fn expansion(&self) -> Value {
        let body = json!({"id": "1", "text": "Ava Rydson Trains With Shego Inc"}).to_string();
        let mut stream = TcpStream::connect(&self.posts).unwrap();
        let head = "content-type: application/json\r\nhost: riveg\r\nconnection: close";
        write!(
            stream,
            "POST /v1/annotate HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        let answer: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{response}"));
        let entities = answer["entities"].as_array().unwrap();
        let ava = entities.iter().find(|entity| entity["text"] == "Ava Rydson").unwrap();
        ava["expansion"]["text"].clone()
    }
}

fn line(expansion: &str) -> String {
    json!({"surface": "Ava Rydson", "type": "PER", "expansion": expansion}).to_string()
}

#[test]
fn a_hang_up_reloads_what_can_be_and_refuses_invalid_files_while_the_old_stay_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let (config, lexicon) = (folder.path().join("riveg.toml"), folder.path().join("names.jsonl"));
    let settings = |more: &str| {
        let text = format!("[expand]\nlexicon = \"{}\"\n{more}", lexicon.display());
        fs::write(&config, text).unwrap();
    };
    settings("");
    fs::write(&lexicon, line("a woman in green")).unwrap();
    let engine = Engine::start(folder.path(), &config);
    assert_eq!(engine.expansion(), "a woman in green");

    // The file's new content, a new log filter, and a setting that holds until the end.
    fs::write(&lexicon, format!("{}\n{}", line("a woman in blue"), line("a woman in red"))).unwrap();
    settings("[telemetry]\nlog = \"debug\"\n[engine]\nmax_looks = 7\n");
    engine.hang_up();
    let done = &engine.logged("settings are reloaded", 1)[0];
    let text = |field: &str| done[field].as_str().unwrap().to_owned();
    assert!(text("reloaded").contains("names.jsonl` of 1 names"), "{done}");
    assert!(text("reloaded").contains("telemetry.log `debug`"), "{done}");
    assert_eq!(text("not_reloaded"), "engine.max_looks: changes of these take effect at the next start");
    assert_eq!(engine.expansion(), "a woman in red");

    // An invalid line, then an invalid setting: nothing changes.
    let refused = "settings are not reloaded: the old ones stay in force";
    fs::write(&lexicon, format!("{}\nno JSON", line("a woman in white"))).unwrap();
    engine.hang_up();
    let failed = &engine.logged(refused, 1)[0];
    assert!(failed["error"].as_str().unwrap().starts_with("line 2 of the lexicon"), "{failed}");
    fs::write(&lexicon, line("a woman in white")).unwrap();
    settings("[telemetry]\nlog = \"riveg=[\"\n[engine]\nmax_loks = 7\n");
    engine.hang_up();
    let failed = &engine.logged(refused, 2)[1];
    let error = failed["error"].as_str().unwrap();
    for part in [
        "the configuration has 2 faults",
        "telemetry.log: must be a filter",
        "did you mean engine.max_looks?",
    ] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    assert_eq!(engine.expansion(), "a woman in red");
    let metrics = get(&engine.telemetry, "/metrics").unwrap();
    for line in
        ["riveg_reloads_total{outcome=\"applied\"} 1\n", "riveg_reloads_total{outcome=\"refused\"} 2\n"]
    {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[test]
fn the_end_of_its_terminal_ends_an_engine_as_sigterm_does() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    crate::support::write_bundle(&bundle, 1).unwrap();
    let (log, telemetry) = (folder.path().join("log"), free());
    let engine = binary();
    let program = engine.get_program().to_str().unwrap();
    // `script` gives it a terminal, which ends with `script`.
    let run = format!(
        "exec env --default-signal=HUP {program} run --set kafka.bootstrap=127.0.0.1:1 --set bundle.path={} 2> {}",
        bundle.display(),
        log.display()
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", &run, "/dev/null"]);
    let mut script = in_environment_of(&engine, script);
    script.env("RIVEG_TELEMETRY__ADDRESS", &telemetry).stdin(Stdio::null()).stdout(Stdio::null());
    let mut terminal = Process(script.spawn().unwrap());
    until("the engine is alive", || {
        get(&telemetry, "/livez").filter(|told| told.starts_with("HTTP/1.1 200"))
    });
    terminal.0.kill().unwrap();
    terminal.0.wait().unwrap();
    until("the engine has ended", || TcpStream::connect(&telemetry).is_err().then_some(()));
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("finishing what has begun") && text.contains("SIGHUP"), "{text}");
}
