//! Replayed knowledge: a file is asked before a model, and a post that it lacks is reported.

use super::*;

#[tokio::test]
async fn a_file_of_answers_tells_the_tagger_and_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("knowledge.jsonl");
    std::fs::write(&file, "{\"text\":\"ann  sings\",\"knowledge\":\"ann is a singer\"}\n").unwrap();
    let (mut pipeline, _) = pipeline(None);
    let told = async |pipeline: &Pipeline, text: &str| {
        let mut degraded = Vec::new();
        pipeline.knowledge(Flow::default(), &post(text, &[1]), &mut degraded).await.unwrap()
    };
    assert_eq!(told(&pipeline, "ann sings").await, GeneratedKnowledge::default(), "no file, no model");
    pipeline.replayed = Some(ReplayedKnowledge::load(&file).unwrap());
    let known = told(&pipeline, "ann sings").await;
    assert_eq!((known.text.as_str(), known.fault), ("ann is a singer", None));
    let unknown = told(&pipeline, "bob sings").await;
    assert!(unknown.text.is_empty() && unknown.fault.unwrap().contains("no answer about this text"));
    assert_eq!(told(&pipeline, "").await, GeneratedKnowledge::default(), "nothing to know");
}
