//! Cache of downloads: laid out as the hub's own programs do, enough without a network, and never believed unseen.

use std::fs;
use std::path::Path;

use super::{Bench, names};

#[test]
fn the_cache_has_the_layout_of_the_hubs_programs_and_is_enough_without_a_network() {
    let bench = Bench::new();
    bench.fails(&["--offline"], &["is not in the cache", "HF_HUB_OFFLINE or `--offline`"]);
    bench.done(&[]);
    let cached = bench.cached();
    assert_eq!(names(&cached), ["blobs", "refs", "snapshots"]);
    let commit = fs::read_to_string(cached.join("refs/main")).unwrap();
    let snapshot = cached.join("snapshots").join(&commit);
    assert_eq!(names(&snapshot), ["config.json", "model.safetensors"]);
    let target = fs::read_link(snapshot.join("model.safetensors")).unwrap();
    assert!(target.starts_with("../../blobs"), "{}", target.display());
    assert_eq!(target.file_name().unwrap().len(), 64, "a large file is called by its SHA-256");
    assert_eq!(names(&cached.join("blobs")).len(), 2, "nothing incomplete is left");

    fs::remove_dir_all(bench.out()).unwrap();
    bench.hub.asked();
    bench.done(&["--offline"]);
    assert_eq!(bench.hub.asked(), [], "nobody is asked");
}

#[test]
fn a_file_of_the_cache_that_changed_is_refused_by_its_name() {
    let bench = Bench::new();
    bench.done(&[]);
    fs::remove_dir_all(bench.out()).unwrap();
    let blob = bench.blobs("").into_iter().find(|path| name(path).len() == 64).unwrap();
    let mut bytes = fs::read(&blob).unwrap();
    bytes[100] ^= 1;
    fs::write(&blob, bytes).unwrap();
    bench.fails(&[], &["in the cache is damaged", name(&blob)]);
    fs::remove_file(&blob).unwrap();
    bench.done(&[]);
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
