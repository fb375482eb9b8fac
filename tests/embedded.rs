//! Annotator as a library user embeds it: a bundle, the bytes of records, no command line and no Kafka.

use std::path::Path;
use std::time::SystemTime;

use crate::support::write_bundle;
use bytes::Bytes;
use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, RejectionClass};
use riveg::engine::Annotator;
use riveg::lab::world::{Split, World};
use serde_json::Value;

/// The defaults with a bundle.
fn config(bundle: &Path) -> Config {
    let sets = vec![format!("bundle.path={}", bundle.display())];
    Config::load(&Sources { sets, ..Sources::default() }).unwrap().config
}

/// What was decided, as text without scores, and the scores in the same order.
fn parts(annotation: &Annotation) -> (String, Vec<f32>) {
    let mut plain = annotation.clone();
    let mut scores = Vec::new();
    for triple in &mut plain.triples {
        scores.push(std::mem::take(&mut triple.mention.score));
        scores.extend(triple.verdicts.iter_mut().map(|verdict| std::mem::take(&mut verdict.probability)));
        for region in &mut triple.regions {
            scores.extend([&mut region.box_score, &mut region.mask_score].map(std::mem::take));
        }
    }
    (format!("{plain:?}"), scores)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_annotator_annotates_a_record_and_rejects_what_is_no_post() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), 1).unwrap();
    let annotator = Annotator::open(&config(folder.path())).await.unwrap();

    let sample = World::new(1, Split::Test).sample(0);
    let ingested = SystemTime::now();
    let annotated = annotator.annotate(Bytes::from(sample.record())).await.unwrap().unwrap();
    assert_eq!(annotated.post_id, sample.id);
    let keys: Vec<&str> = annotated.media.iter().map(|medium| medium.key.as_str()).collect();
    assert_eq!(keys, [sample.media_key()]);
    let records = annotator.encode(&annotated, ingested);
    let json: Value = serde_json::from_slice(&records[0].value).unwrap();
    assert_eq!(json["post_id"], sample.id);
    assert_eq!(json["provenance"]["bundle"], annotator.bundle().hash());
    assert_eq!(json["entities"].as_array().unwrap().len(), annotated.annotation.triples.len());

    // A post that was decoded elsewhere gets the same answer.
    let post = sample.clone().into_post(&[&sample.media_key()]);
    let again = annotator.annotate_post(&post).await.unwrap().unwrap();
    let (decisions, scores) = parts(&annotated.annotation);
    let (same_decisions, near_scores) = parts(&again);
    assert_eq!(decisions, same_decisions);
    for (score, near) in scores.iter().zip(&near_scores) {
        // The last digits depend on how the mentions fall into batches, which time decides.
        assert!((score - near).abs() < 1e-4, "{scores:?} and {near_scores:?}");
    }

    let rejection = annotator.annotate(Bytes::from_static(b"{")).await.unwrap().unwrap_err();
    assert_eq!((rejection.stage, rejection.class), ("decode", RejectionClass::Malformed));
    annotator.close().await.unwrap();
}

#[tokio::test]
async fn an_annotator_without_a_bundle_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let error = Annotator::open(&config(folder.path())).await.err().unwrap();
    assert!(error.to_string().contains("bundle.toml"), "{error}");
}
