//! Links by language models: the chosen candidate's IRI and expansion, one question for equal posts, and what is noted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use riveg::config::Config;
use riveg::domain::{Annotation, DegradedCode};
use riveg::lab::world::{Split, World, lexicon};
use serde_json::json;

use super::wired::{Wired, settings};
use crate::support::llm::{LlmServer, Reply};
use crate::support::pocket_posts;

const POSTS: u64 = 6;
const ASKED: &str = "link.endpoints=[\"pocket\"]";

/// A lexicon in which every name of the first posts means two things, but the first name means one.
fn ambiguous(folder: &Path) -> (PathBuf, String) {
    let names: BTreeSet<(String, String)> = lexicon(&World::new(1, Split::Test), POSTS)
        .into_iter()
        .map(|entry| (entry.surface, entry.entity_type.to_string()))
        .collect();
    let mut lines = Vec::new();
    for (number, (surface, entity_type)) in names.iter().enumerate() {
        for (which, description) in [("one", "the first of that name"), ("other", "the second of that name")]
        {
            if number > 0 || which == "one" {
                let line = json!({
                    "surface": surface, "type": entity_type, "iri": format!("urn:example:{which}:{number}"),
                    "expansion": format!("the {which} in red"), "description": description,
                });
                lines.push(line.to_string());
            }
        }
    }
    let path = folder.join("lexicon.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    (path, names.first().unwrap().0.clone())
}

fn config(url: &str, lexicon: &Path, more: &[&str]) -> Config {
    let lexicon = format!("expand.lexicon={}", lexicon.display());
    let own =
        [lexicon.as_str(), "expand.sources=[\"lexicon\"]", "link.sources=[\"lexicon\", \"llm\"]", ASKED];
    settings(url, &[&own[..], more].concat())
}

async fn annotations(wired: &Wired) -> Vec<Annotation> {
    let mut all = Vec::new();
    for post in pocket_posts(POSTS) {
        all.push(wired.annotate(&post).await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_chooses_among_the_candidates_of_a_name_once_for_equal_posts() {
    let folder = tempfile::tempdir().unwrap();
    let (path, only) = ambiguous(folder.path());
    let server = LlmServer::start(|asked| {
        assert!(
            asked.text.contains("1: the first of that name\n2: the second of that name\n"),
            "{}",
            asked.text
        );
        Reply::text(r#"{"choice": 1}"#)
    });
    let wired = Wired::new(&config(&server.url(), &path, &[])).await;
    let first = annotations(&wired).await;
    let triples = || first.iter().flat_map(|annotation| &annotation.triples);
    let known = triples().filter(|triple| triple.phrase.expansion.is_some());
    let mut chosen = 0;
    for triple in known {
        let iri = triple.iri.as_deref().expect("every known name is linked");
        assert!(iri.starts_with("urn:example:one:"), "{iri}");
        assert_eq!(
            triple.phrase.expansion.as_deref(),
            Some("the one in red"),
            "the expansion follows the link"
        );
        chosen += usize::from(triple.mention.text != only);
    }
    let asked = server.asked();
    assert!(chosen >= 4 && asked > 0 && asked <= chosen, "{chosen} chosen, {asked} questions");
    assert!(first.iter().all(|annotation| annotation.degraded.is_empty()));
    assert_eq!(annotations(&wired).await.len(), first.len());
    assert_eq!(server.asked(), asked, "the same posts ask nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_candidate_fits_or_nobody_chose_for_stays_unlinked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, only) = ambiguous(folder.path());
    for (reply, note) in [
        (Reply::text(r#"{"choice": 0}"#), None),
        (Reply::text(r#"{"choice": 3}"#), Some("JSON of another shape")),
        (Reply::text("It is the second."), Some("talked about its answer")),
        (Reply::status(500), Some("500")),
    ] {
        let server = LlmServer::start(move |_| reply.clone());
        let wired = Wired::new(&config(&server.url(), &path, &[])).await;
        let mut ambiguous = 0;
        for annotation in annotations(&wired).await {
            for triple in annotation.triples.iter().filter(|triple| triple.mention.text != only) {
                assert_eq!(triple.iri, None);
                ambiguous += usize::from(triple.phrase.expansion.is_some());
            }
            for degradation in &annotation.degraded {
                assert_eq!(degradation.code, DegradedCode::NotLinked);
                let note = note.expect("nothing failed");
                assert!(degradation.detail.contains(" was not linked: "), "{}", degradation.detail);
                assert!(degradation.detail.contains(note), "{}", degradation.detail);
            }
            let asks = annotation
                .triples
                .iter()
                .any(|triple| triple.mention.text != only && triple.phrase.expansion.is_some());
            assert_eq!(annotation.degraded.is_empty(), note.is_none() || !asks);
        }
        assert!(ambiguous >= 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_degrade_dead_letter_a_post_with_an_ambiguous_name_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = ambiguous(folder.path());
    let server = LlmServer::start(|_| Reply::status(500));
    let wired = Wired::new(&config(&server.url(), &path, &["link.degrade=dead-letter"])).await;
    let mut refused = 0;
    for post in pocket_posts(POSTS) {
        if let Err(error) = wired.annotate(&post).await {
            assert!(error.to_string().starts_with("no language model said which entity `"), "{error}");
            refused += 1;
        }
    }
    assert!(refused >= 2, "{refused}");
}
