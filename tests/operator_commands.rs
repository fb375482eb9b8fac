//! Commands of operators, through the real binary: `config`, `completions`, `man` and `top`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use riveg::telemetry::{Health, Metrics, Waiting, serve};
use serde_json::Value;

use crate::support::{Finished, binary, riveg};

fn done(arguments: &[&str]) -> Finished {
    let finished = riveg(arguments, b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&done(arguments).stdout).unwrap()
}

#[test]
fn config_shows_explains_and_compares_settings_and_never_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, "[kafka.properties]\n\"sasl.password\" = \"canary\"\n[engine]\nmax_looks = 7\n")
        .unwrap();

    let all = json(&["config", "show", "--config", path, "--format", "json"]);
    let entry = |key: &str| {
        let found = all.as_array().unwrap().iter().find(|entry| entry["key"] == key);
        found.unwrap_or_else(|| panic!("{key} is not in {all}")).clone()
    };
    assert_eq!(entry("engine.max_looks")["value"], 7);
    assert_eq!(entry("engine.max_looks")["origin"], format!("{path}:4"));
    assert_eq!(entry("engine.max_entities")["origin"], "default");
    assert_eq!(entry("kafka.properties.sasl.password")["value"], "[redacted]");

    let one = done(&["config", "show", "engine.max_looks", "--config", path]).stdout;
    assert!(one.starts_with("[engine]\nmax_looks = 7 ") && one.trim_end().lines().count() == 2, "{one}");

    let explained = done(&["config", "explain", "engine.max_looks", "--config", path]).stdout;
    assert!(explained.contains("Limit of the pairs of entity and picture"), "{explained}");
    assert!(explained.contains("default      64\n") && explained.contains("now          7 ("), "{explained}");

    let different = done(&["config", "diff", "--config", path]).stdout;
    let keys: Vec<&str> = different.lines().filter_map(|line| line.split(' ').next()).collect();
    // The test's own environment sets the address.
    assert_eq!(
        keys,
        ["engine.max_looks", "kafka.properties.sasl.password", "telemetry.address"],
        "{different}"
    );
    let against = done(&["config", "diff", "--config", path, "--against", path]).stdout;
    assert!(against.lines().count() == 1 && against.starts_with("telemetry.address"), "{against}");
    for text in [all.to_string(), one, explained, different] {
        assert!(!text.contains("canary"), "{text}");
    }

    let unknown = riveg(&["config", "explain", "engine.max_lookz"], b"");
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("did you mean `engine.max_looks`?"), "{}", unknown.stderr);
    let faulty = riveg(&["config", "explain", "engine.max_looks", "--set", "engine.max_looks=x"], b"");
    assert_eq!(faulty.code, Some(0), "{}", faulty.stderr);
    assert!(faulty.stdout.contains("the settings have faults"), "{}", faulty.stdout);
}

#[test]
fn data_is_printed_as_json_on_request() {
    let names = json(&["schema", "--format", "json"]);
    assert_eq!(names[0]["name"], "post");
    let bundle = crate::support::pocket_bundle().to_str().unwrap();
    let listed = json(&["bundle", "list", bundle, "--format", "json"]);
    let stages: Vec<&str> =
        listed["stages"].as_array().unwrap().iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert!(stages.ends_with(&["recognise", "entail", "ground", "segment"]), "{listed}");
    assert!(listed["stages"][0]["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{listed}");
    let skipped = ["bundle", "telemetry", "kafka", "llm"].map(|part| ["--skip", part]).concat();
    let checked = json(&[&["check", "--format", "json"], &skipped[..]].concat());
    let state = &checked["checks"][0];
    assert!(state["what"].as_str().unwrap().starts_with("state ") && state["state"] == "ok", "{checked}");
    assert!(checked["settings"].as_array().unwrap().len() > 100, "{checked}");
}

/// Sources the script of bash and asks it to complete the last word.
fn completed(script: &Path, words: &[&str]) -> Vec<String> {
    let asked = format!(
        "source {}\nCOMP_WORDS=({}); COMP_CWORD={}; _riveg riveg \"${{COMP_WORDS[COMP_CWORD]}}\" \
         \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1
    );
    let output = Command::new("bash").args(["-c", &asked]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("riveg.bash");
    fs::write(&script, done(&["completions", "bash"]).stdout).unwrap();
    assert!(completed(&script, &["riveg", "comp"]).contains(&"completions".to_owned()));
    assert!(completed(&script, &["riveg", "dlq", "re"]).contains(&"replay".to_owned()));
    assert!(completed(&script, &["riveg", "run", "--conf"]).contains(&"--config".to_owned()));
    assert_eq!(completed(&script, &["riveg", "top", "--format", ""]), ["text", "json"]);
    for (shell, begins) in [("zsh", "#compdef riveg"), ("fish", "# Print an optspec")] {
        let script = done(&["completions", shell]).stdout;
        assert!(script.starts_with(begins) && script.contains("replay"), "{shell}: {script}");
    }
}

#[test]
fn manual_pages_are_those_that_man_shows() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    done(&["man", "--out", out.to_str().unwrap()]);
    let pages = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = pages.collect();
    assert!(pages.len() > 30, "{}", pages.len());
    assert_eq!(
        fs::read_to_string(out.join("riveg-dlq-replay.1")).unwrap(),
        done(&["man", "dlq", "replay"]).stdout
    );
    let shown = |page: &str| {
        let page = done(&[&["man"], page.split(' ').collect::<Vec<_>>().as_slice()].concat()).stdout;
        assert!(page.contains(".SH EXAMPLES"), "{page}");
        page
    };
    assert!(shown("run").contains("SIGHUP"));
    let unknown = riveg(&["man", "runs"], b"");
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(2), ""));
}

/// A real server of an engine's metrics on a thread, for as long as the test runs.
fn served(metrics: &Arc<Metrics>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    listener.set_nonblocking(true).unwrap();
    let metrics = Arc::clone(metrics);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            serve(listener, metrics, Arc::new(Health::default()), std::future::pending()).await;
        });
    });
    address
}

#[test]
fn top_shows_an_engine_as_text_as_json_and_on_a_terminal() {
    let metrics = Arc::new(Metrics::new());
    metrics.runs_on("cpu");
    metrics.partition_assigned("posts", 0);
    metrics.lag().waits("posts", 0, Waiting { records: 12, oldest: None });
    let address = served(&metrics);
    let top = ["top", "--address", &address, "--interval", "100ms"];

    let text = done(&top).stdout;
    assert!(text.starts_with("riveg 0.1.0 on cpu  http://127.0.0.1:"), "{text}");
    assert!(text.contains("lag 12  growth/s +0.0") && text.contains("recognise"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");

    let lines = done(&[&top[..], &["--format", "json", "--count", "2"]].concat()).stdout;
    let figures: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((figures.len(), &figures[1]["lag"]["records"]), (2, &Value::from(12.0)));
    assert_eq!(figures[0]["posts"]["per_second"], 0.0);

    // `script` gives it a terminal: the alternate screen is entered, drawn and left.
    let run = format!("{} {} --count 2", binary().get_program().to_str().unwrap(), top.join(" "));
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &run, "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    let drawn = script.stdin(std::process::Stdio::null()).output().unwrap();
    let drawn = String::from_utf8_lossy(&drawn.stdout).into_owned();
    let (opened, closed) = (drawn.find("\u{1b}[?1049h"), drawn.rfind("\u{1b}[?1049l"));
    assert!(opened.is_some() && opened < closed, "{drawn:?}");
    assert!(drawn.contains("\u{1b}[H") && drawn.contains("lag 12"), "{drawn:?}");
}

/// Answers one request with this page.
fn answering(page: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", page.len());
        let _ = stream.write_all(format!("{head}{page}").as_bytes());
    });
    address
}

#[test]
fn top_names_what_is_wrong_with_its_address() {
    let cases = [
        ("127.0.0.1:1".to_owned(), 1, "no engine answers at `http://127.0.0.1:1/metrics`"),
        (answering("<html>hello</html>"), 1, "not with metrics of riveg: line 1 is not a sample"),
        (answering("up 1\n"), 1, "not with metrics of riveg"),
        (String::new(), 2, "telemetry.address is empty"),
    ];
    for (address, code, message) in cases {
        let finished = riveg(&["top", "--address", &address], b"");
        assert_eq!(finished.code, Some(code), "{address}: {}", finished.stderr);
        assert!(finished.stderr.contains(message), "{address}: {}", finished.stderr);
    }
    let finished = riveg(&["top", "--interval", "1ms"], b"");
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("--interval must be 100ms or more"), "{}", finished.stderr);
}
