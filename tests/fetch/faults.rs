//! Faults of hubs, connections and disks: one paragraph each for the user, and nothing half in the bundle.

use std::fs;

use crate::support::hub::Fault;

use super::{Bench, NAME, sha256, weights};

#[test]
fn a_cut_connection_goes_on_where_it_ended() {
    let bench = Bench::new();
    bench.hub.set_fault(Fault::Cut { after: 1000, times: 3 });
    let done = bench.done(&[]);
    assert_eq!(done.stderr.matches("; again in ").count(), 3, "{}", done.stderr);
    let storage = bench.hub.asked().into_iter().filter(|one| one.server == "storage");
    let from: Vec<_> = storage.map(|one| one.from).collect();
    assert_eq!(from, [None, Some(1000), Some(2000), Some(3000)]);
}

#[test]
fn a_connection_that_is_always_cut_is_given_up_and_the_next_command_goes_on() {
    let bench = Bench::new();
    bench.hub.set_fault(Fault::EndsAt(1000));
    bench.fails(&[], &["did not come: ", "after 2 attempts in a row", "1000 bytes are kept"]);
    bench.hub.set_fault(None);
    bench.hub.asked();
    let done = bench.done(&[]);
    assert!(done.stderr.contains("model.safetensors: goes on from 1000 B"), "{}", done.stderr);
    let asked = bench.hub.asked();
    let from = asked.iter().find(|one| one.server == "storage").unwrap().from;
    assert_eq!(from, Some(1000));
}

#[test]
fn a_server_that_knows_no_ranges_sends_all_of_it_again() {
    let bench = Bench::new();
    bench.hub.set_fault(Fault::EndsAt(1000));
    bench.fails(&[], &["1000 bytes are kept"]);
    bench.hub.set_fault(Fault::NoRanges);
    bench.hub.asked();
    bench.done(&[]);
    let asked = bench.hub.asked();
    assert!(asked.iter().any(|one| one.from == Some(1000)), "it asked for the rest: {asked:?}");
}

#[test]
fn what_a_server_sends_against_its_word_is_refused() {
    for (fault, expected) in [
        (Fault::Corrupt, "is not what the hub says: expected the hash"),
        (Fault::Longer, "bytes and sends more; nothing of it was kept"),
        (Fault::OtherLength, "bytes and sends "),
        (Fault::Loop, "leads nowhere: more than 10 redirects"),
        (Fault::Status { status: 410, times: 100 }, "the server answered 410"),
        (Fault::Status { status: 503, times: 100 }, "did not come: the server answered 503"),
    ] {
        let bench = Bench::new();
        bench.hub.set_fault(fault);
        bench.fails(&[], &[expected]);
        let is_passing = matches!(fault, Fault::Status { .. } | Fault::Loop);
        assert_eq!(bench.blobs(".incomplete").is_empty(), !is_passing, "{fault:?}");
        bench.hub.set_fault(None);
        bench.done(&[]);
    }
    // A part that was not asked for.
    let bench = Bench::new();
    bench.hub.set_fault(Fault::EndsAt(1000));
    bench.fails(&[], &["1000 bytes are kept"]);
    bench.hub.set_fault(Fault::OtherRange);
    bench.fails(&[], &["was asked for the bytes from 1000 on, and sends the range `bytes 999-"]);
}

#[test]
fn what_a_hub_refuses_is_told_with_what_to_do() {
    let bench = Bench::new();
    bench.hub.change(NAME, |one| one.gated = Some("another".to_owned()));
    bench.fails(&[], &["was refused with 401: it is gated or private, and no token was sent", "accept its"]);
    fs::create_dir_all(bench.at("home")).unwrap();
    fs::write(bench.at("home/token"), "canary").unwrap();
    let token = format!("${{file:{}}}", bench.at("home/token").display());
    bench.fails(&["--token", &token], &["with 403", "the token that was sent may not read it"]);
    bench.hub.change(NAME, |one| one.gated = None);
    let recipe = |name: &str, revision: &str, file: &str| {
        bench.recipe(&format!(
            "from = {{ hub = \"{name}\", revision = \"{revision}\", files = [\"{file}\"] }}"
        ));
    };
    recipe("facebook/sam-huge", "main", "config.json");
    bench.fails(&[], &["has no repository `facebook/sam-huge`"]);
    recipe(NAME, "v2", "config.json");
    bench.fails(&[], &["has no revision `v2`"]);
    recipe(NAME, "main", "weights.bin");
    bench.fails(&[], &["`facebook/sam-tiny/weights.bin` is not published there"]);
}

#[test]
fn a_branch_that_moved_changes_a_bundle_only_when_asked() {
    let bench = Bench::new();
    bench.done(&[]);
    let before = fs::read(bench.out().join("bundle.toml")).unwrap();
    bench.hub.change(NAME, |one| one.commit = "1".repeat(40));
    let moved = bench.fetch(&[]);
    assert_eq!(moved.code, Some(1), "{}", moved.stdout);
    for expected in ["has moved: `main` was the commit", "1111111111", "take it with `--update`"] {
        assert!(moved.stderr.contains(expected), "{}", moved.stderr);
    }
    assert_eq!(fs::read(bench.out().join("bundle.toml")).unwrap(), before);
    bench.done(&["--update"]);
    let lock = fs::read_to_string(bench.out().join("fetch.lock.toml")).unwrap();
    assert!(lock.contains(&"1".repeat(40)), "{lock}");
}

#[test]
fn other_bytes_at_an_address_than_the_lock_says_are_refused() {
    let bench = Bench::new();
    let address = bench.hub.put_plain("sam.safetensors", weights());
    let from = format!(
        "from = {{ addresses = [\"{address}\", \"{}\"] }}",
        bench.hub.put_plain("config.json", super::SAM.into())
    );
    bench.recipe(&from);
    bench.done(&[]);
    bench.hub.put_plain("config.json", super::SAM.replace("\"mlp_dim\": 12", "\"mlp_dim\":  12").into());
    fs::remove_dir_all(bench.at("home")).unwrap();
    let changed = bench.fetch(&[]);
    assert_eq!(changed.code, Some(1), "{}", changed.stdout);
    assert!(
        changed.stderr.contains("is not what the lock of the bundle that is there says"),
        "{}",
        changed.stderr
    );
    bench.done(&["--update"]);
}

#[test]
fn a_full_disk_is_named_and_what_came_is_kept() {
    let bench = Bench::new();
    let blobs = bench.cached().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    // A device that is always full, where the bytes would go.
    let incomplete = blobs.join(format!("{}.incomplete", sha256(&weights())));
    std::os::unix::fs::symlink("/dev/full", &incomplete).unwrap();
    bench.fails(
        &[],
        &["the disk is full: ", "model.safetensors", "make room, or put the cache on another disk"],
    );
    fs::remove_file(&incomplete).unwrap();
    bench.done(&[]);
}

#[test]
fn files_that_make_no_network_of_the_stage_leave_no_bundle() {
    let bench = Bench::new();
    bench.hub.change(NAME, |one| {
        one.files.insert("config.json".to_owned(), super::SAM.replace("\"sam\"", "\"t5\"").into());
    });
    bench.fails(&[], &["what was downloaded for the stage `segment` cannot be imported", "found `t5`"]);
}
