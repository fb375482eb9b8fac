//! Tests of the stand-in language model, which knows the pocket world and injects faults.

use std::collections::BTreeMap;

use riveg::lab::world::{LexiconEntry, Split, World, lexicon};
use riveg::llm::client::Config;

use super::{config, endpoint, question};
use crate::support::llm::{Faults, LlmServer, PocketLlm, Reply};

const ENTITY_BETWEEN: (&str, &str) = ("what is '", "'");

fn facts(entries: &[LexiconEntry]) -> Vec<((String, String), String)> {
    let fact =
        |entry: &LexiconEntry| ((entry.surface.clone(), entry.entity_type.clone()), entry.expansion.clone());
    entries.iter().map(fact).collect()
}

fn prompt(entry: &LexiconEntry) -> String {
    let LexiconEntry { surface, entity_type, .. } = entry;
    format!(
        "Q: what is 'Somewhere Else (LOC)' in the text?\nA: A place.\nText: 'nobody asks {surface} (why)'\n\
         Q: what is '{surface} ({entity_type})' in the text?\nA:"
    )
}

#[tokio::test]
async fn it_answers_the_last_question_of_the_prompt() {
    let entries = lexicon(&World::new(1, Split::Test), 20);
    assert!(entries.len() > 20);
    let pocket = PocketLlm::new(facts(&entries), ENTITY_BETWEEN).otherwise(|_| Reply::text("A picture."));
    let server = LlmServer::start(move |asked| pocket.reply(asked));
    let (endpoint, _) = endpoint(&config(&server));
    for entry in &entries {
        let answer = endpoint.ask(&question(&prompt(entry))).await.unwrap();
        assert_eq!(answer.text, entry.expansion, "{}", entry.surface);
    }
    for (prompt, expected) in [
        ("what is 'Nobody Knows (PER)'?", "I do not know."),
        ("what is 'no type'?", "A picture."),
        ("Describe it.", "A picture."),
    ] {
        assert_eq!(endpoint.ask(&question(prompt)).await.unwrap().text, expected, "{prompt}");
    }
}

/// The outcome of each question by prompt: the class of its fault, or its text.
async fn outcomes(seed: u64, prompts: &[String]) -> BTreeMap<String, String> {
    let entries = lexicon(&World::new(1, Split::Test), 1);
    let faults = Faults { seed, errors: 0.1, rate_limited: 0.1, cut_off: 0.1, nonsense: 0.1, resets: 0.1 };
    let pocket = PocketLlm::new(facts(&entries), ENTITY_BETWEEN).with_faults(faults);
    let server = LlmServer::start(move |asked| pocket.reply(asked));
    let (endpoint, _) = endpoint(&Config { concurrency: 4, max_waiting: 1000, ..config(&server) });
    let asked = prompts.iter().map(async |prompt| {
        let ended = endpoint.ask(&question(prompt)).await;
        let ended = ended.map_or_else(|error| error.class().as_str().to_owned(), |answer| answer.text);
        (prompt.clone(), ended)
    });
    futures_util::future::join_all(asked).await.into_iter().collect()
}

#[tokio::test]
async fn its_faults_depend_on_seed_and_question_alone_and_have_the_configured_rate() {
    let mut prompts: Vec<String> = (0..400).map(|number| format!("what is '{number} (PER)'?")).collect();
    let first = outcomes(7, &prompts).await;
    prompts.reverse();
    assert_eq!(outcomes(7, &prompts).await, first);
    assert_ne!(outcomes(8, &prompts).await, first);
    let count = |expected: &str| first.values().filter(|ended| *ended == expected).count();
    // The rate is 40 of 400 for each fault; with the fixed seed the counts are these.
    for (ended, expected) in
        [("server", 40), ("rate-limited", 40), ("malformed", 40), ("connection", 80), ("I do not know.", 200)]
    {
        assert!(count(ended).abs_diff(expected) < 25, "{ended}: {}", count(ended));
    }
}

#[tokio::test]
async fn with_enough_retries_its_faults_are_survived() {
    let entries = lexicon(&World::new(1, Split::Test), 10);
    // Nonsense is not a transient fault.
    let faults = Faults { seed: 3, errors: 0.1, rate_limited: 0.1, cut_off: 0.1, nonsense: 0.0, resets: 0.1 };
    let pocket = PocketLlm::new(facts(&entries), ENTITY_BETWEEN).with_faults(faults);
    let server = LlmServer::start(move |asked| pocket.reply(asked));
    let (endpoint, _) = endpoint(&Config { retries: 10, ..config(&server) });
    for entry in &entries {
        let answer = endpoint.ask(&question(&prompt(entry))).await.unwrap();
        assert_eq!(answer.text, entry.expansion, "{}", entry.surface);
    }
    assert!(server.asked() > entries.len(), "nothing went wrong");
}
