//! Grounding DINO from end to end: one network gates and grounds, and a box is as sure as its verdict.

use std::path::Path;

use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, Stage};
use riveg::engine::Annotator;
use riveg::lab::world::{Split, World};

use crate::support::{pocket_bundle, riveg, write_stage};

const PRESET: &str = "grounding-dino-tiny";

/// Tagger and segmenter of the pocket bundle, and between them one tiny Grounding DINO with that threshold.
fn settings(folder: &Path, threshold: f32) -> Config {
    let stage = |stage: Stage| {
        let folder = folder.join(stage.as_str());
        // One seed: both stages have the same weights.
        write_stage(&folder, (stage, PRESET), 7, |manifest| {
            if let Some(entail) = &mut manifest.entail {
                entail.threshold = threshold;
            }
        })
        .unwrap();
        format!("bundle.{stage}={}", folder.display())
    };
    let path = format!("bundle.path={}", pocket_bundle().display());
    let sets = vec![path, stage(Stage::Entail), stage(Stage::Ground)];
    Config::load(&Sources { sets, ..Sources::default() }).unwrap().config
}

async fn annotated(threshold: f32) -> Annotation {
    let folder = tempfile::tempdir().unwrap();
    let annotator = Annotator::open(&settings(folder.path(), threshold)).await.unwrap();
    let world = World::new(1, Split::Test);
    let shows = |index: &u64| world.sample(*index).mentions.iter().any(|mention| !mention.objects.is_empty());
    let sample = world.sample((0..).find(shows).unwrap());
    let key = sample.media_key();
    let annotated = annotator.annotate_post(&sample.into_post(&[&key])).await.unwrap().unwrap();
    annotator.close().await.unwrap();
    annotated
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_gates_and_grounds_finds_boxes_as_sure_as_its_verdicts() {
    let mut boxes = 0;
    for triple in annotated(0.0).await.triples {
        assert_eq!(triple.verdicts.len(), 1);
        for region in &triple.regions {
            let (score, probability) = (region.box_score, triple.verdicts[0].probability);
            assert!(score > 0.0 && (score - probability).abs() < 1e-5, "{score} and {probability}");
            boxes += 1;
        }
    }
    assert!(boxes > 0, "nothing was found");
    // No score reaches 1.
    assert!(annotated(1.0).await.triples.iter().all(|triple| triple.regions.is_empty()));
}

#[test]
fn bundles_of_published_size_are_made_for_both_stages_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    for stage in ["entail", "ground"] {
        let out = folder.path().join(stage);
        let out = out.to_str().unwrap();
        let new =
            ["bundle", "new", "--stage", stage, "--preset", PRESET, "--random-weights", "7", "--out", out];
        let new = riveg(&new, b"");
        assert_eq!(new.code, Some(0), "{}", new.stderr);
        let listed = riveg(&["bundle", "list", out], b"").stdout;
        assert!(listed.contains("grounding-dino") && listed.contains("172249090"), "{listed}");
    }
}
