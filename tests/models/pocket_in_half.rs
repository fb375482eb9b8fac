//! Shipped bundle in half precision: it finds in 16 bits what it finds in 32.

use std::sync::Arc;

use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, Post};
use riveg::engine::runtime::{Runtime, Variant};
use riveg::networks::bundle::Bundle;
use riveg::telemetry::Metrics;

use crate::support::{pocket_bundle, pocket_posts};

const POSTS: u64 = 8;

/// The pocket bundle in another precision.
fn pocket(precision: &str) -> (tempfile::TempDir, Bundle) {
    let pocket = pocket_bundle();
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(pocket).unwrap() {
        let file = entry.unwrap();
        if file.file_type().unwrap().is_dir() {
            continue; // the examples' pictures, which the manifest does not name
        }
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let manifest = std::fs::read_to_string(pocket.join("bundle.toml")).unwrap();
    let written = manifest.replace("precision = \"f32\"", &format!("precision = \"{precision}\""));
    assert_eq!(written.matches(&format!("precision = \"{precision}\"")).count(), 5);
    std::fs::write(folder.path().join("bundle.toml"), written).unwrap();
    let bundle = Bundle::open(folder.path()).unwrap();
    (folder, bundle)
}

async fn annotations(precision: &str, posts: &[Post]) -> Vec<Annotation> {
    let (_folder, bundle) = pocket(precision);
    let mut config = Config::load(&Sources::default()).unwrap().config;
    config.device.threads = 1;
    let runtime = Runtime::start(&bundle, &config, Variant::default(), Arc::new(Metrics::new())).unwrap();
    let mut annotations = Vec::new();
    for post in posts {
        annotations.push(runtime.pipeline.annotate(post).await.unwrap());
    }
    annotations
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundle_that_ships_finds_in_16_bits_what_it_finds_in_32() {
    let posts = pocket_posts(POSTS);
    let exact = annotations("f32", &posts).await;
    for precision in PRECISIONS {
        let rounded = annotations(precision.name, &posts).await;
        let mut compared = Compared::default();
        for (exact, rounded) in exact.iter().zip(&rounded) {
            compare(&precision, exact, rounded, &mut compared);
        }
        let Compared { verdicts, boxes, masks } = compared;
        // Otherwise nothing was tested.
        assert!(verdicts > 10 && boxes.len() > 5, "{verdicts} verdicts and {} boxes", boxes.len());
        for ious in [boxes, masks] {
            let mean = ious.iter().sum::<f32>() / ious.len() as f32;
            assert!(mean >= precision.mean_iou, "in {} the IoUs are {ious:?}", precision.name);
        }
    }
}

/// How far what is found in 16 bits may be from what is found in 32.
struct Precision {
    name: &'static str,
    /// Scores and probabilities may differ by this, and a verdict where its probability is as near to the threshold:
    /// the three logits behind a probability are off by a hundredth of their size in bf16, an eighth of that in f16.
    margin: f32,
    /// Of one box and of one mask. The bundle's bins lie 1/63 of a side apart and its boxes are a dozen of them wide: an
    /// edge that falls on the next bin takes a twelfth, and in bf16 each of two may; a mask follows its box.
    least_iou: f32,
    /// On average: most edges fall where they fell.
    mean_iou: f32,
}

const PRECISIONS: [Precision; 2] = [
    Precision { name: "bf16", margin: 0.02, least_iou: 0.7, mean_iou: 0.92 },
    Precision { name: "f16", margin: 0.0025, least_iou: 0.8, mean_iou: 0.97 },
];

/// The bundle's threshold of entailment.
const THRESHOLD: f32 = 0.5;

#[derive(Default)]
struct Compared {
    verdicts: usize,
    boxes: Vec<f32>,
    masks: Vec<f32>,
}

/// The same mentions with the same labels, the same verdicts, and boxes and masks nearly where they were.
fn compare(precision: &Precision, exact: &Annotation, rounded: &Annotation, compared: &mut Compared) {
    let near = |one: f32, other: f32| (one - other).abs() <= precision.margin;
    let name = precision.name;
    assert_eq!(exact.triples.len(), rounded.triples.len(), "in {name}");
    for (exact, rounded) in exact.triples.iter().zip(&rounded.triples) {
        let what = format!("`{}` in {name}", exact.mention.text);
        assert_eq!(exact.mention.span, rounded.mention.span, "{what}");
        assert_eq!(exact.mention.entity_type, rounded.mention.entity_type, "{what}");
        assert!(near(exact.mention.score, rounded.mention.score), "{what}");
        let mut alike = true;
        for (exact, rounded) in exact.verdicts.iter().zip(&rounded.verdicts) {
            assert!(near(exact.probability, rounded.probability), "{what}: {exact:?} and {rounded:?}");
            alike = exact.depicted == rounded.depicted;
            assert!(alike || near(exact.probability, THRESHOLD), "{what}: {exact:?} and {rounded:?}");
            compared.verdicts += 1;
        }
        if !alike {
            continue;
        }
        assert_eq!(exact.regions.len(), rounded.regions.len(), "{what}");
        for (exact, rounded) in exact.regions.iter().zip(&rounded.regions) {
            let ious = [exact.bbox.iou(&rounded.bbox), exact.mask.iou(&rounded.mask)];
            assert!(ious.iter().all(|&iou| iou >= precision.least_iou), "{what}: {ious:?}");
            compared.boxes.push(ious[0]);
            compared.masks.push(ious[1]);
        }
    }
}
