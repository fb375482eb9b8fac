//! A grounder that proposes regions to a joint network: tiny networks behind the real scheduler.

use super::joint::joint_bundle;
use super::*;
use crate::domain::{BBox, DegradedCode, Frame};
use crate::networks::blocks::device::Place;
use crate::networks::bundle::{Proposals, write_manifest};

/// A joint network that is asked among what the grounder of the plain bundle proposes, if the bundle has one.
fn proposing(has_grounder: bool) -> (tempfile::TempDir, Bundle) {
    let (folder, plain) = bundle();
    let ground = plain.manifest().ground.clone();
    let mut manifest = tiny::take_joint(folder.path()).manifest().clone();
    manifest.ground = ground.filter(|_| has_grounder);
    manifest.joint.as_mut().unwrap().proposals = Some(Proposals { keep_grid: false, ..Proposals::default() });
    write_manifest(folder.path(), manifest).unwrap();
    let bundle = Bundle::open(folder.path()).unwrap();
    (folder, bundle)
}

fn boxes(answers: &[Annotation]) -> Vec<BBox> {
    let triples = answers.iter().flat_map(|answer| &answer.triples);
    triples.flat_map(|triple| triple.regions.iter().map(|region| region.bbox)).collect()
}

async fn answers(runtime: &Runtime, posts: &[Post]) -> Vec<Annotation> {
    let all = join_all(posts.iter().map(|post| runtime.pipeline.annotate(post))).await;
    all.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joint_network_chooses_among_what_the_grounder_proposes_and_a_picture_is_asked_about_once() {
    let (_folder, bundle) = proposing(true);
    for part in bundle.manifest().parts() {
        bundle.verify(&part, Place::Cpu).unwrap();
    }
    let metrics = Arc::new(Metrics::new());
    let variant = Variant { gate: Gate::Open, ..Variant::default() };
    let runtime = Runtime::start(&bundle, &config(), variant, Arc::clone(&metrics)).unwrap();
    runtime.device.ready().await.unwrap();
    let posts = posts(5);
    let first = answers(&runtime, &posts).await;
    let codes = || first.iter().flat_map(|answer| &answer.degraded).map(|degradation| degradation.code);
    assert!(codes().all(|code| code != DegradedCode::NotProposed), "{:?}", codes().collect::<Vec<_>>());
    let (found, pictures) = (boxes(&first), posts.len() as u64);
    assert!(found.len() > 4, "{found:?}");
    let grid = bundle.joint().unwrap().candidates.boxes();
    let is_of_grid = |bbox: BBox, Frame { width, height, .. }: &Frame| {
        let (width, height) = (*width as f32, *height as f32);
        let cell = |[x0, y0, x1, y1]: [f32; 4]| BBox {
            x0: x0 * width,
            y0: y0 * height,
            x1: x1 * width,
            y1: y1 * height,
        };
        grid.iter().any(|&candidate| bbox.iou(&cell(candidate)) > 0.999)
    };
    let others = posts.iter().zip(&first).flat_map(|(post, answer)| {
        let of_post = boxes(std::slice::from_ref(answer));
        of_post.into_iter().filter(|&bbox| !is_of_grid(bbox, &post.media[0].frame))
    });
    assert!(others.count() > found.len() / 2, "hardly any is a box of the grid: {found:?}");

    let asked = |name: &str| counted(&metrics, name);
    let requests = "riveg_stage_latency_seconds_count{stage=\"ground\"}";
    assert_eq!(asked(requests), 4 * pictures, "once for each type, and once for a picture that came twice");
    assert_eq!(boxes(&answers(&runtime, &posts).await), found);
    assert_eq!(asked(requests), 4 * pictures, "what was proposed is known");
    let known = "riveg_cache_requests_total{kind=\"proposals\",outcome=\"miss\"}";
    assert_eq!(asked(known), pictures);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grounder_of_another_bundle_proposes_too() {
    let (_one, proposing) = proposing(true);
    let (_other, plain) = bundle();
    let posts = posts(3);
    let open = || Variant { gate: Gate::Open, ..Variant::default() };
    let mut found = Vec::new();
    for joined in [
        proposing.clone(),
        proposing.clone().with_stage(Stage::Ground, plain.clone()).unwrap(),
        plain.with_stage(Stage::Recognise, proposing).unwrap(),
    ] {
        let runtime = start(&joined, open());
        found.push(boxes(&answers(&runtime, &posts).await));
    }
    assert!(!found[0].is_empty());
    assert!(found[0] == found[1] && found[0] == found[2], "it is the same grounder: {found:?}");
}

#[test]
fn proposals_without_a_grounder_are_refused_when_the_networks_are_loaded() {
    let (_folder, joint) = proposing(false);
    let error =
        Runtime::start(&joint, &config(), Variant::default(), Arc::new(Metrics::new())).err().unwrap();
    let expected = "`ground`: expected a grounder, which `joint.proposals` asks for regions, here or in the bundle of \
                    bundle.ground, found none";
    assert!(error.to_string().ends_with(expected), "{error}");
    let (_other, plain) = bundle();
    assert!(joint.with_stage(Stage::Ground, plain).unwrap().proposals().unwrap().is_some());
    let (_third, without) = joint_bundle();
    assert!(without.proposals().unwrap().is_none());
}
