//! Command `riveg demo`: its output, its files and its cleanup, through the real binary with untrained networks.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::write_bundle;
use serde_json::Value;

use crate::support::binary;

/// Killed at the end of the test, even if it fails.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        // After a successful test it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn demo(bundle: &Path, out: &Path, arguments: &[&str]) -> Command {
    let mut command = binary();
    command.arg("demo").arg("--bundle").arg(bundle).arg("--out").arg(out).args(arguments);
    command
}

/// The response of an HTTP server to a request of `http://host:port/path`.
fn ask(url: &str) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: riveg\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_demo_ends_with_figures_and_a_contact_sheet_and_keeps_running_if_requested() {
    let folder = tempfile::tempdir().unwrap();
    let (bundle, out) = (folder.path().join("bundle"), folder.path().join("out"));
    write_bundle(&bundle, 1).unwrap();
    let mut command = demo(&bundle, &out, &["--posts", "9", "--seed", "3", "--keep"]);
    let mut demo = Demo(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut log = String::new();
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let metrics = lines
        .by_ref()
        .map(|line| {
            let line = line.unwrap();
            log += &format!("{line}\n");
            line
        })
        .find(|line| line.starts_with("metrics "))
        .unwrap_or_else(|| panic!("it ended early:\n{log}"));
    for part in [
        "9 posts with pictures",
        "bundle `untrained 1` on cpu",
        "posts/s: 9 posts in",
        "GMNER",
        "riveg.posts",
    ] {
        assert!(log.contains(part), "`{part}` is not in:\n{log}");
    }
    let base = metrics.split_whitespace().nth(1).unwrap().strip_suffix("/metrics,").unwrap();
    assert!(ask(&format!("{base}/readyz")).starts_with("HTTP/1.1 200"), "it is up and ready");
    let delivered = "riveg_records_produced_total{topic=\"riveg.annotations\"} 9\n";
    assert!(ask(&format!("{base}/metrics")).contains(delivered), "{delivered}");

    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert!(report["posts_per_second"].as_f64().unwrap() > 0.0);
    assert_eq!(report["stages"]["recognise"]["requests"], 9, "warming up does not count");
    let questions = |what: &str| report["questions"][what].as_u64().unwrap();
    let sources = ["remembered", "joined", "answered", "failed"].map(questions);
    assert_eq!(questions("asked"), sources.iter().sum::<u64>());
    assert_eq!(
        (questions("failed"), report["language_models"][0]["questions"].as_u64()),
        (0, Some(sources[2]))
    );
    for score in ["mner", "gmner", "eeg", "smner", "ees"] {
        assert!(report["scores"][score]["f1"].is_f64(), "{score} in {report:#}");
        assert!(report["scores"][score]["gold"].as_u64().unwrap() > 0, "{score} is of the posts' gold");
    }
    let annotations = fs::read_to_string(out.join("annotations.jsonl")).unwrap();
    let ids: Vec<Value> = annotations
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["post_id"].clone())
        .collect();
    let expected: Vec<String> = (0..9).map(|number| format!("test-3-{number:06}")).collect();
    assert_eq!(ids, expected, "one answer a post, in the order of the feed");
    let sheet = image::open(out.join("contact-sheet.png")).unwrap();
    assert!(sheet.width() > 1_000 && sheet.height() > 1_000, "nine cards are three rows");

    let killed = Command::new("kill").arg(demo.0.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert_eq!(demo.0.wait().unwrap().code(), Some(0), "SIGTERM is how it ends");
}

#[test]
fn without_its_bundle_the_demo_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(&folder.path().join("nowhere"), folder.path(), &[]).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    for part in ["there is no bundle", "nowhere", "bundles/pocket", "--bundle DIR", "riveg train pocket"] {
        assert!(log.contains(part), "`{part}` is not in: {log}");
    }
    assert_eq!(log.lines().count(), 1, "one paragraph: {log}");
}
