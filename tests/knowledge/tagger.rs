//! Knowledge for the tagger: it changes the tags, and the question shows the examples.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use riveg::domain::Post;
use riveg::lab::world::{Split, World, annotation};
use riveg::llm::cached::{escape_untrusted, normalised_text};

use super::wired::{Wired, settings};
use crate::support::llm::{LlmServer, Reply};
use crate::support::pocket_posts;

const KNOWING: [&str; 2] = ["knowledge.mode=fixed", "knowledge.endpoint=pocket"];

/// A text with an ambiguous name.
fn open_text() -> Post {
    Post { text: "thinking of Quorvath all day".to_owned(), ..pocket_posts(1).remove(0) }
}

/// Posts that are tagged: enough that some tags are wrong.
const POSTS: u64 = 160;

#[tokio::test(flavor = "multi_thread")]
async fn the_tagger_errs_less_with_knowledge() {
    let world = World::new(1, Split::Test);
    let told: HashMap<String, String> = (0..POSTS)
        .map(|index| {
            (escape_untrusted(&normalised_text(&world.text(index).text)), annotation(&world.entities(index)))
        })
        .collect();
    let server = LlmServer::start(move |asked| {
        let (_, last) = asked.text.rsplit_once("Text: <data>").unwrap();
        Reply::text(&told[last.split_once("</data>").unwrap().0])
    });
    let mut errors = Vec::new();
    for mode in ["knowledge.mode=off", "knowledge.mode=fixed"] {
        let sets = [mode, "knowledge.endpoint=pocket", "expand.sources=[]"];
        let wired = Wired::new(&settings(&server.url(), &sets)).await;
        let mut wrong = 0;
        for index in 0..POSTS {
            let truth = world.text(index);
            // Without a picture only the tagger runs.
            let post = Post { text: truth.text, media: Vec::new(), ..open_text() };
            let triples = wired.annotate(&post).await.unwrap().triples;
            let mut said: Vec<_> =
                triples.into_iter().map(|triple| (triple.mention.span, triple.mention.entity_type)).collect();
            said.retain(|one| !truth.mentions.contains(one));
            wrong += said.len();
        }
        errors.push(wrong);
    }
    assert!(server.asked() > POSTS as usize / 2);
    println!("entities that are none, without and with knowledge: {errors:?}");
    assert!(errors[1] < errors[0], "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_shows_the_configured_number_of_examples_and_then_the_post() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    let server = LlmServer::start(move |asked| {
        kept.lock().unwrap().push(asked.text.clone());
        Reply::text("Named entities: none.")
    });
    let sets: Vec<&str> = KNOWING.into_iter().chain(["knowledge.shown=3"]).collect();
    let wired = Wired::new(&settings(&server.url(), &sets)).await;
    let post = Post { text: "RT @a: thinking of Quorvath https://t.co/x".to_owned(), ..open_text() };
    wired.annotate(&post).await.unwrap();
    wired.annotate(&open_text()).await.unwrap();
    wired.annotate(&post).await.unwrap();
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 2, "a question was asked twice, or not at all");
    let asked = &heard[0];
    assert_eq!(asked.matches("\nQuestion: ").count(), 4, "{asked}");
    assert_eq!(asked.matches("\nAnswer: Named entities: ").count(), 3, "{asked}");
    assert!(
        asked.contains("Text: <data>thinking of Quorvath</data>\n") && asked.ends_with("\nAnswer:"),
        "{asked}"
    );
}
