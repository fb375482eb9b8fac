//! Hostile posts: no post can exhaust memory or device. Through the real engine, with posts of `scripts/hostile`.

use std::collections::HashSet;

use serde_json::Value;

use crate::support::{binary, pocket_bundle};

#[path = "../benches/hostile/engine.rs"]
mod engine;
#[path = "../benches/hostile/posts.rs"]
#[expect(dead_code, reason = "the script has more posts than are tried here")]
mod posts;

/// The cost of a post: MiB above the idle engine, seconds of the device; and its answer.
fn cost_of(record: &str) -> (f64, f64, Value) {
    // One thread, because threads of a pool count time while they wait for each other.
    let mut engine = engine::Engine::start(binary(), pocket_bundle(), &["device.threads=1"]);
    // One post first, for all one-time initialisation.
    engine.give(&posts::innocent(0));
    engine.answer();
    let (idle, before) = (engine.idle_memory(), engine.device_seconds());
    engine.give(record);
    let answer = engine.answer();
    let (memory, device) = (engine.peak_memory() - idle, engine.device_seconds() - before);
    engine.end();
    (memory, device, answer)
}

/// The answers to posts with the given settings.
fn answers(records: &[String], settings: &[&str]) -> Vec<Value> {
    let mut engine = engine::Engine::start(binary(), pocket_bundle(), settings);
    records.iter().for_each(|record| engine.give(record));
    let answers = records.iter().map(|_| engine.answer()).collect();
    engine.end();
    answers
}

fn degraded(answer: &Value) -> Vec<&str> {
    let reasons =
        answer["provenance"]["degraded"].as_array().unwrap_or_else(|| panic!("{}", answer["error"]));
    reasons.iter().map(|reasons| reasons.as_str().unwrap()).collect()
}

/// The mask of each mention in the only picture.
fn masks(answer: &Value) -> Vec<Option<&Value>> {
    let entities = answer["entities"].as_array().unwrap_or_else(|| panic!("{}", answer["error"]));
    entities.iter().map(|entity| entity["regions"].get(0).map(|region| &region["mask"])).collect()
}

#[test]
fn one_post_cannot_exhaust_the_memory() {
    let (_, once, answer) = cost_of(&posts::one_name_on_a_large_picture(1));
    let [Some(mask)] = masks(&answer)[..] else { panic!("the one entity has no region") };
    assert_eq!(mask["size"], serde_json::json!([5000, 5000]));

    let (memory, often, answer) = cost_of(&posts::one_name_on_a_large_picture(60));
    println!("{memory:.0} MiB, {once:.2} s of the device for one name and {often:.2} s for sixty");
    assert!(masks(&answer) == vec![Some(mask); 60], "each mention has the region of the one");
    assert_eq!(answer["provenance"]["degraded"], serde_json::json!([]));
    // The decoded picture alone has 72 MiB; a byte for each pixel and mention would be 1,430.
    assert!(memory <= 300.0, "{memory} MiB above an idle engine");
    // Work for each mention would take many times as long. The margin is for other processes on the same cores.
    assert!(often <= 3.0 * once, "{often} s of the device, and {once} s for one mention");
}

#[test]
fn a_post_of_many_names_and_pictures_is_limited_and_reports_what_was_left_out() {
    let answers = answers(&[posts::many_names_on_many_pictures()], &[]);
    let entities = answers[0]["entities"].as_array().unwrap();
    let judged = entities.iter().map(|entity| entity["gate"]["pictures"].as_array().map_or(0, Vec::len));
    let judged: Vec<usize> = judged.collect();
    assert_eq!(judged[..4], [16; 4], "the first entities are tried on all pictures");
    let asking = entities.iter().zip(&judged).filter(|(_, pictures)| **pictures > 0);
    let asked: HashSet<Option<&str>> = asking.map(|(entity, _)| entity["phrase"].as_str()).collect();
    assert_eq!(asked.len(), 4, "64 pairs of entity and picture");
    let reasons = degraded(&answers[0]);
    let [entities, pairs] = reasons[..] else { panic!("{reasons:?}") };
    assert!(entities.ends_with(" entities after the first 256 were left out"), "{reasons:?}");
    assert!(pairs.ends_with(" pairs of entity and picture after the first 64 were left out"), "{reasons:?}");
}

#[test]
fn masks_beyond_the_pixel_budget_become_boxes_and_are_reported() {
    let records: Vec<String> = (0..10).map(posts::innocent).collect();
    let answers = answers(&records, &["engine.max_mask_pixels=1"]);
    let mut boxes = 0;
    for answer in &answers {
        let masks: Vec<&Value> = masks(answer).into_iter().flatten().collect();
        assert_eq!(masks.is_empty(), degraded(answer).is_empty(), "{answer}");
        assert!(degraded(answer).iter().all(|reasons| reasons.contains(" beyond 1 pixels ")), "{answer}");
        boxes += masks.len();
    }
    assert!(boxes > 0, "no picture shows anybody");
}
