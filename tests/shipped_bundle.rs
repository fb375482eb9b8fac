//! Shipped bundle: its answers are correct and reproducible. Through the real binary, on posts with names that training
//! never saw.

use std::sync::Arc;

use riveg::config::{Config, Sources};
use riveg::engine::runtime::{PictureCount, Runtime, Variant};
use riveg::networks::bundle::Bundle;
use riveg::telemetry::Metrics;
use serde_json::Value;

use crate::support::{pocket_bundle, pocket_posts, riveg};

/// The scores of `riveg eval` on the first posts of the world's test split.
fn figures() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let bundle = format!("bundle.path={}", pocket_bundle().display());
    let json = file.to_str().unwrap();
    let finished = riveg(&["eval", "--posts", "12", "--set", &bundle, "--json", json], b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn the_shipped_bundle_scores_well_and_reproducibly() {
    let figures = [figures(), figures()];
    for figure in ["posts", "missing", "scores", "stages", "bundle"] {
        assert_eq!(figures[0][figure], figures[1][figure], "{figure}");
    }
    let [figures, _] = figures;
    let number = |pointer: &str| figures.pointer(pointer).and_then(Value::as_f64).unwrap();
    assert_eq!((number("/posts"), number("/missing")), (12.0, 0.0));
    assert!(number("/scores/mner/f1") > 0.8, "{figures:#}");
    assert!(number("/stages/entail_accuracy/mean") > 0.8, "{figures:#}");
    assert!(number("/stages/segment_iou/mean") > 0.8, "{figures:#}");
    // Most mentions are grounded correctly or correctly reported as not shown.
    assert!(number("/scores/gmner/f1") > 0.8, "{figures:#}");
    assert!(number("/scores/ees/f1") > 0.8, "{figures:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entailment_and_grounding_share_one_encoding_per_picture() {
    const POSTS: u64 = 6;
    let bundle = Bundle::open(pocket_bundle()).unwrap();
    let config = Config::load(&Sources::default()).unwrap().config;
    let runtime = Runtime::start(&bundle, &config, Variant::default(), Arc::new(Metrics::new())).unwrap();
    runtime.device.ready().await.unwrap();
    let runs = || {
        let runs = &runtime.picture_runs;
        [&runs.entail, &runs.ground].map(PictureCount::get)
    };
    let warm = runs();
    let (mut asked, mut located) = (0, 0);
    for post in pocket_posts(POSTS) {
        let triples = runtime.pipeline.annotate(&post).await.unwrap().triples;
        asked += u64::from(!triples.is_empty());
        located += triples.iter().map(|triple| triple.regions.len()).sum::<usize>();
    }
    assert!(asked > 3 && located > 3, "{asked} pictures were asked about, {located} things located");
    assert_eq!([runs()[0] - warm[0], runs()[1] - warm[1]], [asked, 0]);
}
