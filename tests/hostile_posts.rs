//! Can one post take the memory or the device of the process? Through the real binary, with posts of `scripts/hostile`.

use serde_json::Value;

use crate::support::{binary, pocket_bundle};

#[path = "../benches/hostile/engine.rs"]
mod engine;
#[path = "../benches/hostile/posts.rs"]
#[expect(dead_code, reason = "the script has more posts than are tried here")]
mod posts;

/// What a post took: MiB above the idle engine, seconds of the device, and its answer.
fn taken(record: &str) -> (f64, f64, Value) {
    // One thread, since those of a pool count while they wait for each other too.
    let mut engine = engine::Engine::start(binary(), pocket_bundle(), &["device.threads=1"]);
    // One post before, so that whatever is made ready once is there.
    engine.give(&posts::innocent(0));
    engine.answer();
    let (idle, before) = (engine.idle_memory(), engine.device_seconds());
    engine.give(record);
    let answer = engine.answer();
    let (memory, device) = (engine.peak_memory() - idle, engine.device_seconds() - before);
    engine.end();
    (memory, device, answer)
}

/// Of each mention the mask in the one picture.
fn masks(answer: &Value) -> Vec<Option<&Value>> {
    let entities = answer["entities"].as_array().unwrap_or_else(|| panic!("{}", answer["error"]));
    entities.iter().map(|entity| entity["regions"].get(0).map(|region| &region["mask"])).collect()
}

#[test]
fn one_post_cannot_take_the_memory() {
    let (_, once, answer) = taken(&posts::one_name_on_a_large_picture(1));
    let [Some(mask)] = masks(&answer)[..] else { panic!("the one entity has no region") };
    assert_eq!(mask["size"], serde_json::json!([5000, 5000]));

    let (memory, often, answer) = taken(&posts::one_name_on_a_large_picture(60));
    println!("{memory:.0} MiB, {once:.2} s of the device for one name and {often:.2} s for sixty");
    assert!(masks(&answer) == vec![Some(mask); 60], "each mention has the region of the one");
    assert_eq!(answer["provenance"]["degraded"], serde_json::json!([]));
    // The decoded picture alone has 72 MiB; a byte for each pixel and mention would be 1,430.
    assert!(memory <= 300.0, "{memory} MiB above an idle engine");
    assert!(often <= 1.5 * once, "{often} s of the device, and {once} s for one mention");
}
