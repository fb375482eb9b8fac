//! A joint network in place of tagger, gate and grounder: tiny and untrained, behind the real scheduler.

use futures_util::future::join_all;

use super::*;
use crate::common::imaging::View;
use crate::domain::{BBox, Triple};
use crate::networks::blocks::device::Place;

pub(super) fn joint_bundle() -> (tempfile::TempDir, Bundle) {
    let (folder, _) = bundle();
    let bundle = tiny::take_joint(folder.path());
    (folder, bundle)
}

async fn answers(bundle: &Bundle, gate: Gate, posts: &[Post]) -> Vec<Annotation> {
    let runtime = start(bundle, Variant { gate, ..Variant::default() });
    runtime.device.ready().await.unwrap();
    let all = join_all(posts.iter().map(|post| runtime.pipeline.annotate(post))).await;
    all.into_iter().map(Result::unwrap).collect()
}

/// All triples with their posts.
fn triples<'a>(posts: &'a [Post], answers: &'a [Annotation]) -> Vec<(&'a Post, &'a Triple)> {
    let of = |(post, answer): (&'a Post, &'a Annotation)| answer.triples.iter().map(move |one| (post, one));
    posts.iter().zip(answers).flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_network_answers_for_three_and_its_answers_have_the_same_fields() {
    let (_folder, bundle) = joint_bundle();
    for part in bundle.manifest().parts() {
        bundle.verify(&part, Place::Cpu).unwrap();
    }
    let mut posts = posts(10);
    let pictureless: Vec<Post> =
        posts[..4].iter().map(|post| Post { media: Vec::new(), ..post.clone() }).collect();
    posts.extend(pictureless);
    posts.push(Post { text: " ".to_owned(), ..posts[0].clone() });
    let answers = answers(&bundle, Gate::Entailer, &posts).await;
    let all = triples(&posts, &answers);
    let shown = all.iter().filter(|(_, triple)| !triple.regions.is_empty()).count();
    assert!(all.len() > 10 && shown > 2 && shown < all.len(), "{shown} of {} are shown", all.len());
    for (post, triple) in &all {
        let Triple { mention, verdicts, regions, .. } = triple;
        assert_eq!(&post.text[mention.span.byte_start..mention.span.byte_end], mention.text);
        assert!((0.0..=1.0).contains(&mention.score));
        assert_eq!(verdicts.len(), post.media.len());
        for (verdict, media) in verdicts.iter().zip(&post.media) {
            assert_eq!(verdict.media_key, media.key);
            assert_eq!(verdict.depicted, verdict.probability >= 0.5);
            let own: Vec<_> = regions.iter().filter(|region| region.media_key == media.key).collect();
            assert_eq!(own.len(), usize::from(verdict.depicted));
            for region in own {
                let (width, height) = (media.frame.width, media.frame.height);
                assert!(region.bbox.area() > 0.0 && region.bbox.x1 <= width as f32);
                assert_eq!((region.mask.width, region.mask.height), (width, height));
                assert!(region.box_score > 0.0 && region.box_score < 1.0);
            }
        }
    }
    let read = answers[10..14].iter().filter(|answer| !answer.triples.is_empty()).count();
    assert!(read > 0, "texts without a picture are read");
    assert!(answers[14].triples.is_empty(), "there is no text");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_gate_gives_every_entity_a_region_of_every_picture() {
    let (_folder, bundle) = joint_bundle();
    let posts = posts(6);
    let answers = answers(&bundle, Gate::Open, &posts).await;
    let all = triples(&posts, &answers);
    assert!(all.len() > 5);
    assert!(all.iter().all(|(post, triple)| triple.regions.len() == post.media.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_are_chosen_among_the_boxes_that_came_with_a_picture() {
    let (_folder, bundle) = joint_bundle();
    let mut posts = posts(6);
    for media in posts.iter_mut().flat_map(|post| &mut post.media) {
        let (width, height) = (media.frame.width as f32, media.frame.height as f32);
        let bbox = |x0: f32, x1: f32| BBox { x0: x0 * width, y0: 0.0, x1: x1 * width, y1: height };
        media.candidate_boxes = vec![bbox(0.0, 0.5), bbox(0.375, 2.0), bbox(3.0, 4.0)];
    }
    let answers = answers(&bundle, Gate::Open, &posts).await;
    let all = triples(&posts, &answers);
    assert!(all.len() > 5);
    for (post, triple) in all {
        for (region, media) in triple.regions.iter().zip(&post.media) {
            let BBox { x0, y0, x1, y1 } = region.bbox;
            let (width, height) = (media.frame.width as f32, media.frame.height as f32);
            let found = [x0 / width, y0 / height, x1 / width, y1 / height];
            let is = |expected: [f32; 4]| {
                found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-3)
            };
            assert!(is([0.0, 0.0, 0.5, 1.0]) || is([0.375, 0.0, 1.0, 1.0]), "{found:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joint_network_of_another_bundle_takes_the_place_of_gate_and_grounder_too() {
    let ((_one, plain), (_other, joint)) = (bundle(), joint_bundle());
    let joined = plain.with_stage(Stage::Recognise, joint.clone()).unwrap();
    let stages: Vec<Stage> = joined.manifest().parts().iter().map(|part| part.stage).collect();
    assert_eq!(stages, [Stage::Recognise, Stage::Segment]);
    assert_ne!(joined.hash(), joint.hash());
    let posts = posts(4);
    let (own, taken) =
        (answers(&joint, Gate::Entailer, &posts).await, answers(&joined, Gate::Entailer, &posts).await);
    for ((post, own), taken) in posts.iter().zip(&own).zip(&taken) {
        compare(&post.text, own, taken);
    }
    let (_third, plain) = bundle();
    let error = joined.with_stage(Stage::Ground, plain).unwrap_err().to_string();
    assert!(error.contains("`ground`: expected no network for `ground` beside one that answers"), "{error}");
}

#[test]
fn a_vision_model_beside_a_joint_network_is_refused() {
    let (_folder, bundle) = joint_bundle();
    let mut config = config();
    config.vision.entail = "eyes".to_owned();
    let error = Runtime::start(&bundle, &config, Variant::default(), Arc::new(Metrics::new())).err().unwrap();
    let expected =
        "vision.entail names a vision model, and the bundle's joint network answers for `entail` already";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_a_manifest_says_wrong_of_a_joint_network_is_told_at_once() {
    let (folder, _) = bundle();
    let file = folder.path().join("bundle.toml");
    let read = || std::fs::read_to_string(&file).unwrap().parse::<toml::Table>().unwrap();
    let plain = read();
    let bundle = tiny::take_joint(folder.path());
    assert_eq!(bundle.joint().unwrap().network.view(), View::squashed(32));
    let mut manifest = read();
    let joint = manifest["joint"].as_table_mut().unwrap();
    joint.insert("threshold".to_owned(), 1.5.into());
    joint["candidates"].as_table_mut().unwrap().insert("stride".to_owned(), 0.0.into());
    joint["network"].as_table_mut().unwrap().insert("types".to_owned(), 3.into());
    manifest.insert("ground".to_owned(), plain["ground"].clone());
    let error = Manifest::parse(&file, &manifest.to_string()).unwrap_err().to_string();
    for fault in [
        "`joint.proposals`: expected this table where there is a `ground` beside `joint`, which nothing else would ask, found none",
        "`joint.threshold`: expected a probability, found 1.5",
        "`joint.candidates`: expected a grid of boxes, found its stride is from 0.05 to 1",
        "`joint.network.types`: expected 4, as many as `entity_types` has, found 3",
    ] {
        assert!(error.contains(fault), "{error}");
    }
}
