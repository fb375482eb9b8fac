//! Expansions by language models: their source in the output, and one call for equal questions.

use riveg::domain::PhraseSource;

use super::wired::{Wired, endpoint, knowing, settings};
use crate::support::llm::{LlmServer, Reply};
use crate::support::pocket_posts;

const POSTS: u64 = 8;
const ASKED: &str = "expand.endpoints=[\"pocket\"]";

#[tokio::test(flavor = "multi_thread")]
async fn expansions_come_from_the_model_and_the_output_names_it() {
    let model = knowing(POSTS);
    let server = LlmServer::start(move |asked| model.reply(asked));
    let wired = Wired::new(&settings(&server.url(), &[ASKED])).await;
    let (mut told, mut regions) = (0, 0);
    for post in pocket_posts(POSTS) {
        let annotation = wired.annotate(&post).await.unwrap();
        assert_eq!(annotation.degraded, []);
        for triple in annotation.triples.iter().filter(|triple| triple.phrase.source == PhraseSource::Llm) {
            let [by] = &triple.phrase.answers[..] else { panic!("{:?}", triple.phrase) };
            assert_eq!(
                (by.endpoint.as_deref(), Some(&by.text)),
                (Some("pocket"), triple.phrase.expansion.as_ref())
            );
            assert!(triple.phrase.text.ends_with(&by.text), "{:?}", triple.phrase);
            told += 1;
            regions += triple.regions.len();
        }
    }
    assert!(told >= 8 && regions >= 3, "{told} expansions, {regions} regions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repost_asks_nothing_and_in_scope_entity_an_entity_is_asked_once_for_all_posts() {
    for (scope, another_post_asks) in [("post", true), ("entity", false)] {
        let model = knowing(POSTS);
        let server = LlmServer::start(move |asked| model.reply(asked));
        let scope = format!("expand.scope={scope}");
        let wired = Wired::new(&settings(&server.url(), &[ASKED, &scope])).await;
        let mut post =
            pocket_posts(POSTS).into_iter().find(|post| !post.text.starts_with("RT ")).expect("an original");
        wired.annotate(&post).await.unwrap();
        let asked = server.asked();
        assert!(asked > 0);
        let original = post.text.clone();
        post.text = format!("RT @someone: {original} https://t.co/again");
        wired.annotate(&post).await.unwrap();
        assert_eq!(server.asked(), asked, "{scope}: a repost asked");
        post.text = format!("{original} and once more");
        wired.annotate(&post).await.unwrap();
        assert_eq!(server.asked() > asked, another_post_asks, "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_models_the_next_is_asked_after_a_failure_or_all_are_as_configured() {
    for (mix, first_fails, expected) in [
        ("first", true, vec!["second"]),
        ("first", false, vec!["first"]),
        ("all", true, vec!["second"]),
        ("all", false, vec!["first", "second"]),
    ] {
        let first = LlmServer::start(move |_| {
            if first_fails { Reply::status(500) } else { Reply::text("a man in one colour") }
        });
        let second = LlmServer::start(|_| Reply::text("a man in another colour"));
        let (mix, named) = (format!("expand.mix={mix}"), "expand.endpoints=[\"first\", \"second\"]");
        let (one, two) = (endpoint("first", &first.url()), endpoint("second", &second.url()));
        let sets: Vec<&str> =
            one.iter().chain(&two).map(String::as_str).chain([mix.as_str(), named]).collect();
        let wired = Wired::new(&settings(&first.url(), &sets)).await;
        let mut heard = 0;
        for post in pocket_posts(3) {
            for triple in wired.annotate(&post).await.unwrap().triples {
                let by: Vec<&str> =
                    triple.phrase.answers.iter().filter_map(|told| told.endpoint.as_deref()).collect();
                assert_eq!(by, expected, "{mix}, the first fails: {first_fails}");
                heard += 1;
            }
        }
        assert!(heard > 0);
    }
}
