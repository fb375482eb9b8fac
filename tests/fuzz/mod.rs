//! Short fuzz runs: the targets of `cargo fuzz` (`make fuzz`), each on its corpus and some thousand seeded mutations.

use std::fs;
use std::path::{Path, PathBuf};

mod mutation;
#[expect(unreachable_pub, reason = "the targets are a library of its own for `cargo fuzz`")]
mod targets;

use self::mutation::Mutator;

/// The files of a target's corpus, by name; they include inputs of former bugs.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{} has {} files: too few to vary", folder.display(), files.len());
    files.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}

/// Calls a target with its corpus and with a number of mutations.
fn run(name: &str, target: fn(&[u8]), mutations: usize) {
    let corpus = corpus(name);
    for (file, input) in &corpus {
        call(target, input, &file.display().to_string());
    }
    let inputs: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    let mut mutator = Mutator::new(&inputs, 1);
    for number in 0..mutations * scale() {
        let input = mutator.next_input();
        call(target, &input, &format!("mutation {number}"));
    }
}

/// Factor on the number of mutations: `RIVEG_FUZZ_SCALE=100 cargo test fuzz` runs for minutes.
fn scale() -> usize {
    std::env::var("RIVEG_FUZZ_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

/// If a target panics, the input is saved, so that it can be added to the corpus.
fn call(target: fn(&[u8]), input: &[u8], what: &str) {
    if let Err(panic) = std::panic::catch_unwind(|| target(input)) {
        let saved = std::env::temp_dir().join(format!("riveg-fuzz-{}", blake3::hash(input).to_hex()));
        fs::write(&saved, input).unwrap();
        eprintln!("{what}, {} bytes, saved as {}", input.len(), saved.display());
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn any_record_is_refused_or_becomes_a_post_whose_words_can_be_cut_out() {
    run("record", targets::record, 4000);
}

#[test]
fn any_body_over_http_is_refused_or_becomes_records_that_are_its_parts() {
    run("batch", targets::batch, 2000);
}

#[test]
fn any_value_with_a_schema_is_refused_or_becomes_json_within_the_limits() {
    run("avro", targets::avro, 3000);
    run("protobuf", targets::protobuf, 3000);
}

#[test]
fn any_record_of_a_feed_is_refused_with_its_place_or_becomes_events_within_the_limits() {
    run("x", targets::x, 1000);
    run("jetstream", targets::jetstream, 1000);
    run("mastodon", targets::mastodon, 1000);
    run("activitypub", targets::activitypub, 1000);
}

#[test]
fn any_html_is_text_whose_words_lie_in_it() {
    run("html", targets::html, 500);
}

#[test]
fn any_picture_is_refused_or_becomes_pixels_within_the_limits() {
    run("picture", targets::picture, 2000);
}

#[test]
fn any_run_lengths_are_refused_or_written_down_alike() {
    run("mask", targets::mask, 10_000);
}

#[test]
fn any_settings_are_accepted_within_bounds_or_refused_with_all_faults() {
    run("config", targets::config, 2000);
}

#[test]
fn any_manifest_is_refused_with_its_place_or_read_again_alike() {
    run("manifest", targets::manifest, 2000);
}

#[test]
fn any_checkpoint_is_refused_with_its_place_or_read_whole() {
    run("checkpoint", targets::checkpoint, 4000);
}

#[test]
fn any_pickle_is_refused_with_its_place_or_holds_tensors() {
    run("pickle", targets::pickle, 6000);
}
