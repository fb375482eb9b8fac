//! Faults of the language model: the annotation without it, and the note in the provenance.

use riveg::domain::PhraseSource;
use riveg::stages::pipeline::AnnotateError;
use serde_json::json;

use super::wired::{Wired, settings};
use crate::support::llm::{LlmServer, Reply};
use crate::support::pocket_posts;

const ASKED: &str = "expand.endpoints=[\"pocket\"]";
const POSTS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_model_costs_the_expansion_but_never_the_post() {
    let faults = [
        ("an error", Reply::status(500)),
        ("a refusal to let us in", Reply::status(401)),
        ("no JSON", Reply::Bytes(b"<html>".to_vec())),
        ("an answer that is cut off", Reply::CutOff),
        ("a connection that is reset", Reply::Reset),
        ("a stream that nobody asked for", Reply::EventStream),
        ("an answer without an end", Reply::Endless),
    ];
    for (name, reply) in faults {
        let server = LlmServer::start(move |_| reply.clone());
        let wired = Wired::new(&settings(&server.url(), &[ASKED])).await;
        let mut degraded = 0;
        for post in pocket_posts(POSTS) {
            let annotation = wired.annotate(&post).await.unwrap();
            for triple in &annotation.triples {
                assert_eq!(triple.phrase.source, PhraseSource::NameOnly, "{name}");
                let mark = format!("`{}` was not expanded", triple.mention.text);
                let said = annotation.degraded.iter().filter(|words| words.detail.starts_with(&mark)).count();
                assert!(said > 0, "{name}: {:?}", annotation.degraded);
                degraded += said;
            }
        }
        assert!(degraded > 0, "{name}: nothing was named");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonsense_answer_is_rejected_not_asked_again_at_once_and_noted_in_each_post() {
    let nonsense = [
        ("in another script", json!({"content": "一个穿红衣服的男人"})),
        ("with a web address", json!({"content": "see https://evil.example/x"})),
        ("empty", json!({"content": ""})),
        ("refused", json!({"content": null, "refusal": "I'm sorry, but no."})),
        ("repeated", json!({"content": "Q: As a picture would show it, what is 'X (PER)' here?\nA:"})),
        ("thoughts", json!({"content": "<think>Okay, the user wants"})),
    ];
    for (name, message) in nonsense {
        let server = LlmServer::start(move |_| Reply::Message(message.clone(), "stop"));
        let wired = Wired::new(&settings(&server.url(), &[ASKED])).await;
        let mut asked = 0;
        for round in 0..2 {
            for post in pocket_posts(POSTS) {
                let annotation = wired.annotate(&post).await.unwrap();
                assert!(annotation.triples.iter().all(|triple| triple.phrase.expansion.is_none()), "{name}");
                let said = annotation.degraded.iter().filter(|words| words.detail.contains(name)).count();
                assert_eq!(
                    said,
                    annotation.triples.len(),
                    "{name}, round {round}: {:?}",
                    annotation.degraded
                );
            }
            asked = if round == 0 { server.asked() } else { asked };
        }
        assert!(asked > 0, "{name}");
        assert_eq!(server.asked(), asked, "{name}: asked again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_model_does_not_know_is_no_fault() {
    for message in [json!({"content": "I do not know."}), json!({"content": "{\"phrase\": \"\"}"})] {
        let server = LlmServer::start(move |_| Reply::Message(message.clone(), "stop"));
        let wired = Wired::new(&settings(&server.url(), &[ASKED, "expand.degrade=dead-letter"])).await;
        for post in pocket_posts(POSTS) {
            let annotation = wired.annotate(&post).await.unwrap();
            assert_eq!(annotation.degraded, []);
        }
        assert!(server.asked() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_degrade_dead_letter_the_post_is_rejected_with_the_reason() {
    let server = LlmServer::start(|_| Reply::status(500));
    let cases = [
        (vec![ASKED, "expand.degrade=dead-letter"], "no language model said what"),
        (
            vec!["knowledge.mode=fixed", "knowledge.endpoint=pocket", "knowledge.degrade=dead-letter"],
            "no language model said which entities",
        ),
    ];
    for (sets, message) in cases {
        let wired = Wired::new(&settings(&server.url(), &sets)).await;
        let mut refused = 0;
        for post in pocket_posts(POSTS) {
            if let Err(error) = wired.annotate(&post).await {
                assert!(
                    matches!(error, AnnotateError::NoExpansion(_) | AnnotateError::NoKnowledge(_)),
                    "{error}"
                );
                assert!(error.to_string().starts_with(message), "{error}");
                refused += 1;
            }
        }
        assert!(refused > 0, "{message}");
    }
}
