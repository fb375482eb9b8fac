//! Metrics of what is left out of an answer about a post that is otherwise believed.

use std::sync::Arc;

use riveg::common::Reloadable;
use riveg::common::imaging::Workers;
use riveg::config::{Config, Sources};
use riveg::domain::{EntityType, Post};
use riveg::llm::answers::AnswerCache;
use riveg::llm::cached::CachedEndpoint;
use riveg::llm::client::Endpoint;
use riveg::stages::vision::{PostReader, VisionPrompt};
use riveg::telemetry::Metrics;

use super::wired::settings;
use crate::support::llm::{LlmServer, Reply};

fn post(text: &str) -> Post {
    Post {
        id: "one".to_owned(),
        key: None,
        uri: None,
        text: text.to_owned(),
        unescaped: None,
        created_at: None,
        lang: None,
        author: None,
        media: Vec::new(),
    }
}

#[tokio::test]
async fn parts_of_a_believed_answer_that_are_left_out_are_counted_by_reason() {
    let server = LlmServer::start(|_| {
        Reply::text(
            r#"{"entities": [
                {"text": "Ada", "type": "PER", "shown": [{"picture": 1, "box": [0, 0, 500, 500]}]},
                {"text": "Oslo", "type": "LOC", "shown": []},
                {"text": "Bergen", "type": "LOC", "shown": []},
                {"text": "Norges Bank", "type": "COMPANY", "shown": []}
            ]}"#,
        )
    });
    let metrics = Metrics::new();
    let sets = settings(&server.url(), &["vision.post=big"]);
    let config = Config::load(&Sources { sets, ..Sources::default() }).unwrap().config;
    let endpoint = Endpoint::new("big", &config.llm["big"], metrics.llm("big")).unwrap();
    let answers = AnswerCache::open(&config.answers, metrics.answers()).await.unwrap();
    let types = ["LOC", "PER"].map(EntityType::new);
    let endpoint = CachedEndpoint::new(endpoint, answers, Workers::new(1));
    let reader = PostReader::new(endpoint, Arc::new(Reloadable::new(VisionPrompt::default())), &types);

    let counted = |reason: &str, count: usize| {
        let line = format!("\nriveg_llm_left_out_total{{endpoint=\"big\",reason=\"{reason}\"}} {count}\n");
        let text = metrics.render();
        assert!(text.contains(&line), "{line} in {text}");
    };
    for reason in ["text", "type", "box"] {
        counted(reason, 0);
    }
    // The second post finds the answer in the cache, and lacks the same parts.
    for posts in 1..=2 {
        let reading = reader.read(&post("Ada at Norges Bank")).await.unwrap();
        assert_eq!((reading.entities.len(), reading.notes.len()), (1, 3));
        counted("text", 2 * posts);
        counted("type", posts);
        counted("box", posts);
    }
    assert_eq!(server.asked(), 1);
}
