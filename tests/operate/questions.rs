//! Operators' questions: the queries of docs/operations.md and of all dashboards, sent to a real Prometheus while an engine works, and
//! the alerts that fire meanwhile.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use super::site::Site;
use super::{alerts, dashboards};
use crate::support::{Prometheus, Sample, until};

const DOCS: &str = include_str!("../../docs/operations.md");

/// A question of the docs, and a check of its answer for the engine of this test.
type Check = (&'static str, fn(&[Sample]) -> bool);

const CHECKS: [Check; 10] = [
    ("Does it keep up?", |all| is_one(all, -1000.0..1000.0)),
    ("How far behind is it, in seconds, and in which partition?", |all| {
        all.len() == 2
            && labels(all, "partition") == ["0", "1"].into()
            && all.iter().all(|(_, seconds)| (0.0..600.0).contains(seconds))
            && all.iter().any(|(_, seconds)| *seconds > 0.0)
    }),
    ("Which stage is slow?", |all| is_one(all, 1e-4..60.0) && labels(all, "stage").len() == 1),
    ("Is the device busy all the time?", |all| is_one(all, 0.01..1.2)),
    ("What share of posts is refused, and why?", |all| {
        // One of ten records is not a post.
        labels(all, "class") == ["malformed"].into() && is_one(all, 0.01..0.5)
    }),
    ("What does the language model cost?", |all| {
        labels(all, "direction") == ["in", "out"].into() && all.iter().all(|(_, tokens)| *tokens > 0.0)
    }),
    ("Are the caches worth their memory?", |all| {
        let kinds =
            ["decoded-pictures", "encoded-pictures", "entailer-trunk", "grounder-trunk", "scaled-pictures"];
        // The same pictures are repeated.
        labels(all, "kind") == kinds.into() && all.iter().all(|(_, share)| *share > 0.1 && *share <= 1.0)
    }),
    ("Is memory near its plan?", |all| is_one(all, 0.01..1.5)),
    ("Do answers drift?", |all| {
        labels(all, "type").len() > 1
            && all.iter().all(|(_, share)| (0.0..=1.0).contains(share))
            && all.iter().any(|(_, share)| *share > 0.0)
    }),
    ("Do commits fail?", |all| {
        labels(all, "reason") == ["not-confirmed", "not-sent", "rebalance", "refused"].into()
            && all.iter().all(|(_, failures)| *failures >= 0.0)
    }),
];

fn is_one(all: &[Sample], within: std::ops::Range<f64>) -> bool {
    all.len() == 1 && within.contains(&all[0].1)
}

fn labels<'a>(all: &'a [Sample], name: &str) -> BTreeSet<&'a str> {
    all.iter().filter_map(|(labels, _)| labels.get(name).map(String::as_str)).collect()
}

/// Questions and queries in the table of the docs.
fn asked() -> Vec<(&'static str, &'static str)> {
    let row = |line: &'static str| {
        let (question, query) = line.strip_prefix("| ")?.strip_suffix("` |")?.split_once(" | `")?;
        Some((question, query))
    };
    DOCS.lines().filter_map(row).filter(|(question, _)| question.ends_with('?')).collect()
}

/// The output of the metrics linter for a page.
fn linted(page: &str) -> String {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`scripts/setup test` installs prometheus, or says what to install");
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_real_prometheus_answers_the_ten_questions_of_an_operator_while_an_engine_works() {
    let asked = asked();
    let questions: Vec<&str> = asked.iter().map(|(question, _)| *question).collect();
    assert_eq!(questions, CHECKS.map(|(question, _)| question), "the table of docs/operations.md");

    // Transactions, so that their panels have something to show.
    let mut site = Site::start(&["publish.delivery=exactly-once"]);
    let prometheus = Prometheus::watching(&[&site.engine.address]);
    // Before the first post, so that every counter is scraped at 0. Metrics of language models exist before the first
    // request.
    until("prometheus has read metrics", || {
        let is_read = |query: &str| prometheus.query(query).iter().any(|(_, value)| *value == 1.0);
        let tokens = prometheus.query("riveg_llm_tokens_total");
        (is_read("up") && is_read("riveg_ready") && tokens.iter().all(|(_, tokens)| *tokens == 0.0))
            .then_some(tokens)
            .filter(|tokens| tokens.len() == 2)
    });

    prometheus.evaluate(&alerts::hurried(1));
    let feed = site.feed();
    feed.switches.is_malformed.store(true, Ordering::Relaxed);
    for ((question, query), (_, is_plausible)) in asked.iter().zip(CHECKS) {
        let mut last = Vec::new();
        until(question, || {
            let answer = prometheus.query(query);
            if answer != last {
                eprintln!("{question} {query}\n    {answer:?}");
            }
            last = answer;
            is_plausible(&last).then_some(())
        });
    }
    let of_an_engine = |(_, expression): &(String, String)| !expression.contains(dashboards::OF_A_FEED);
    for (place, expression) in dashboards::expressions("15s").into_iter().filter(of_an_engine) {
        until(&format!("{place}: {expression}"), || {
            let has_number = |(_, value): &Sample| value.is_finite();
            prometheus.query(&expression).iter().any(has_number).then_some(())
        });
    }
    // A tenth of the records is malformed: that alert fires, and no other has so far.
    let until_firing = |name: &str| until(name, || prometheus.firing().contains(name).then_some(()));
    until_firing("RivegDeadLetters");
    assert_eq!(prometheus.have_fired(), ["RivegDeadLetters".to_owned()].into());
    // Names that nobody has asked for, and a model that has gone.
    feed.switches.has_new_names.store(true, Ordering::Relaxed);
    drop(site.model.take());
    until_firing("RivegLlmAway");
    drop(feed);

    let engine = &mut site.engine;
    let page = engine.get("/metrics");
    let (_, text) = page.split_once("\r\n\r\n").unwrap();
    assert_eq!(linted(text), "");
    // Every metric that the docs name exists.
    let words = DOCS.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let named = words.filter(|word| word.starts_with("riveg_") || word.starts_with("process_"));
    for name in named {
        let is_there = |line: &str| line.starts_with(name);
        assert!(text.lines().any(is_there), "docs/operations.md names `{name}`, which is not in\n{text}");
    }
    let (code, log) = engine.stop();
    assert_eq!(code, Some(0), "{log}");
}
