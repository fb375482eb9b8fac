//! Rejected answers in the engine as a process: noted in each annotation, counted, and not stored.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use riveg::llm::cached::RejectReason;
use serde_json::{Value, json};

use super::engine::{POSTS, broker, engine, free, json_of, write};
use crate::llm::wrong_answers::{Becomes, PHRASE, rows};
use crate::support::llm::{LlmServer, Reply};
use crate::support::{get, header, read, until};

/// The sum of a counter over all labels.
fn counted(telemetry: &str, name: &str) -> u64 {
    let page = get(telemetry, "/metrics").unwrap();
    let lines = page.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[test]
fn every_wrong_answer_is_noted_counted_and_not_asked_again() {
    let (broker, folder, telemetry) = (broker(), tempfile::tempdir().unwrap(), free());
    let (rows, served) = (rows(), Arc::new(Mutex::new(Vec::new())));
    let (next, parameters) = (AtomicUsize::new(0), Arc::new(Mutex::new(Value::Null)));
    let (becomes, sent) = (Arc::clone(&served), Arc::clone(&parameters));
    let server = LlmServer::start(move |asked| {
        let row = &rows[next.fetch_add(1, Ordering::SeqCst) % rows.len()];
        becomes.lock().unwrap().push(row.becomes);
        *sent.lock().unwrap() = asked.parameters.clone();
        Reply::Bytes(row.body())
    });
    let answers = folder.path().join("answers");
    let more = ["llm.pocket.extra.chat_template_kwargs.enable_thinking=false"];
    let _process = engine(&broker, &telemetry, &server.url(), &answers, &more);
    let mut written = read(&broker.bootstrap(), "riveg.annotations", 1);
    let mut before = BTreeMap::new();
    for (round, rounds) in ["first", "again"].into_iter().zip(1..) {
        write(&broker, round);
        let all: Vec<Value> = written.at_least(rounds * POSTS as usize).iter().map(json_of).collect();
        let is_of_round = |answer: &&Value| answer["post_id"].as_str().unwrap().starts_with(round);
        for answer in all.iter().filter(is_of_round) {
            let entities = answer["entities"].as_array().unwrap();
            let expansions: Vec<Value> = entities.iter().map(|entity| entity["expansion"].clone()).collect();
            assert!(expansions.iter().all(|said| said.is_null() || said["text"] == PHRASE), "{expansions:?}");
            let degraded = answer["provenance"]["degraded"].as_array().unwrap().clone();
            let number = answer["post_id"].as_str().unwrap().rsplit('-').next().unwrap().to_owned();
            let seen = (expansions, degraded);
            assert_eq!(before.entry(number).or_insert_with(|| seen.clone()), &seen, "{round}");
        }
    }
    let served = served.lock().unwrap().clone();
    assert!(served.len() >= POSTS as usize, "{} questions", served.len());
    let refused = |only: fn(RejectReason) -> bool| {
        let reasons = served.iter().filter_map(|becomes| match becomes {
            Becomes::Counted(refusal) => Some(*refusal),
            Becomes::Words(_) => None,
        });
        reasons.filter(|refusal| only(*refusal)).count()
    };
    assert_eq!(counted(&telemetry, "riveg_llm_refused_total"), refused(|_| true) as u64);
    let told: usize = before.values().map(|(_, degraded)| degraded.len()).sum();
    assert!(told >= refused(|refusal| refusal != RejectReason::NotKnown), "{told} told of {served:?}");
    let parameters = parameters.lock().unwrap();
    assert_eq!(parameters["chat_template_kwargs"], json!({"enable_thinking": false}));
    assert_eq!(parameters["response_format"]["json_schema"]["schema"]["required"], json!(["phrase"]));
}

#[test]
fn reasoning_that_uses_up_all_tokens_is_noted_or_dead_lettered_as_configured() {
    for degrade in ["publish-without", "dead-letter"] {
        let (broker, folder, telemetry) = (broker(), tempfile::tempdir().unwrap(), free());
        let message = json!({"content": null, "reasoning_content": "Okay, the user wants a noun phrase"});
        let server = LlmServer::start(move |_| Reply::Message(message.clone(), "length"));
        let set = format!("expand.degrade={degrade}");
        let answers = folder.path().join("answers");
        let _process = engine(&broker, &telemetry, &server.url(), &answers, &[&set]);
        write(&broker, "cut");
        if degrade == "dead-letter" {
            let mut letters = read(&broker.bootstrap(), "riveg.dead-letters", 1);
            for letter in letters.at_least(POSTS as usize / 2) {
                assert_eq!(header(letter, "riveg.error.class"), Some("not-told"));
            }
            continue;
        }
        let mut written = read(&broker.bootstrap(), "riveg.annotations", 1);
        let mut named = 0;
        for answer in written.at_least(POSTS as usize) {
            let answer = json_of(answer);
            let degraded = answer["provenance"]["degraded"].as_array().unwrap();
            let told =
                degraded.iter().filter(|words| words.as_str().unwrap().contains("was cut off")).count();
            let entities = answer["entities"].as_array().unwrap();
            assert!(entities.iter().all(|entity| entity["expansion"].is_null()), "{entities:?}");
            assert_eq!(told > 0, !entities.is_empty(), "{answer}");
            named += entities.len();
        }
        assert!(named > 0);
        until("the reason is counted", || {
            let page = get(&telemetry, "/metrics")?;
            page.contains("riveg_llm_refused_total{endpoint=\"pocket\",reason=\"cut-off\"}").then_some(())
        });
        assert!(counted(&telemetry, "riveg_llm_refused_total{endpoint=\"pocket\",reason=\"cut-off\"}") > 0);
    }
}
