//! Fetches that succeed: the bundle, its lock, tokens, proxies, plain addresses and recipes.

use std::fs;

use crate::support::hub::Asked;
use crate::support::riveg;

use super::{Bench, NAME, finished, names, weights};

#[test]
fn a_recipe_becomes_a_bundle_with_a_lock_and_again_nothing_is_done() {
    let bench = Bench::new();
    let first = bench.done(&[]);
    for expected in
        ["licence: none (here)", "segment: ", "next: riveg annotate --set bundle.path=", "segment    sam"]
    {
        assert!(first.stdout.contains(expected), "{expected}: {}", first.stdout);
    }
    for expected in ["model.safetensors: downloaded", "config.json: downloaded", "extra.json: not published"]
    {
        assert!(first.stderr.contains(expected), "{expected}: {}", first.stderr);
    }
    let made = format!("`riveg bundle fetch mine` of {NAME}@main ({})", &bench.commit()[..12]);
    assert!(first.stdout.contains(&format!("bundle 1: {made}\n")), "{made}: {}", first.stdout);
    let lock = fs::read_to_string(bench.out().join("fetch.lock.toml")).unwrap();
    assert_eq!(lock.matches("sha256 = ").count(), 2 + 1, "{lock}");
    assert!(lock.contains(&format!("of = \"{NAME}/model.safetensors\"")), "{lock}");
    let verified = riveg(&["bundle", "verify", bench.out().to_str().unwrap()], b"");
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);

    bench.hub.asked();
    let second = bench.done(&[]);
    assert!(second.stdout.contains("is of these very files already"), "{}", second.stdout);
    let asked = bench.hub.asked();
    assert!(asked.iter().all(|one| one.method == "HEAD"), "nothing is downloaded twice: {asked:?}");
    // Of the work nothing is left.
    assert_eq!(names(bench.folder.path()), ["bundle", "home", "mine.toml"]);
}

#[test]
fn the_token_goes_to_the_hub_and_not_to_its_storage() {
    let bench = Bench::new();
    bench.hub.change(NAME, |one| one.gated = Some("canary".to_owned()));
    fs::write(bench.at("token"), "canary\n").unwrap();
    let reference = format!("${{file:{}}}", bench.at("token").display());
    let done = bench.done(&["--token", &reference]);
    assert!(!(done.stdout + &done.stderr).contains("canary"), "no output has a secret");
    let asked = bench.hub.asked();
    let with_token = |one: &Asked| one.authorization.as_deref() == Some("Bearer canary");
    for one in &asked {
        assert_eq!(with_token(one), one.server == "hub", "{one:?}");
    }
    assert!(asked.iter().any(|one| one.server == "storage"), "{asked:?}");

    // The variable of the hub's programs does as well, and a plain token on the command line is refused.
    fs::remove_dir_all(bench.at("home")).unwrap();
    let done = finished(bench.command(&["--update"]).env("HF_TOKEN", "canary"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let refused = bench.fetch(&["--token", "hf_canary"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        !refused.stderr.contains("canary") && refused.stderr.contains("${file:PATH}"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_proxy_is_used_where_the_environment_names_one() {
    let bench = Bench::new();
    let mut command = bench.command(&[]);
    // Nobody has such a name; the local hub answers as the proxy.
    command.env("HF_ENDPOINT", "http://hub.invalid").env("HTTP_PROXY", bench.hub.endpoint());
    command.env("NO_PROXY", "127.0.0.1");
    let done = finished(&mut command);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
}

#[test]
fn files_at_plain_addresses_are_held_against_the_hash_of_the_recipe() {
    let bench = Bench::new();
    let address = bench.hub.put_plain("sam_tiny.safetensors", weights());
    let network = "network = { image_size = 16, patch_size = 4, hidden = 8, layers = 2, heads = 2, mlp_ratio = 2.0, \
                   window = 3, global_layers = [1], output_channels = 8, decoder_heads = 2, decoder_mlp = 12 }";
    bench.recipe(&format!("{network}\nfrom = {{ addresses = [\"{address}\"] }}"));
    bench.done(&[]);
    let lock = fs::read_to_string(bench.out().join("fetch.lock.toml")).unwrap();
    assert!(lock.contains(&format!("of = \"{address}\"")), "{lock}");
    fs::remove_dir_all(bench.out()).unwrap();
    fs::remove_dir_all(bench.at("home")).unwrap();
    let zeros = "0".repeat(64);
    bench.recipe(&format!(
        "{network}\nfrom = {{ addresses = [\"{address}\"], sha256 = {{ \"{address}\" = \"{zeros}\" }} }}"
    ));
    bench.fails(&[], &["sam_tiny.safetensors` is not what the recipe says", &zeros]);
}

#[test]
fn weights_of_ones_own_take_the_place_of_published_ones() {
    let bench = Bench::new();
    bench.recipe("own = \"a SAM of your own\"");
    bench.fails(
        &[],
        &["the stage `segment` of `mine` needs a SAM of your own: give it with `--from segment=PATH`"],
    );
    let own = bench.at("home/own");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("config.json"), super::SAM).unwrap();
    fs::write(own.join("model.safetensors"), weights()).unwrap();
    bench.done(&["--from", &format!("segment={}", own.display())]);
}

#[test]
fn recipes_are_listed_with_their_licences_and_unknown_ones_are_named() {
    let listed = riveg(&["bundle", "recipes"], b"");
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    for name in ["tweets-light: ", "tweets-large: ", "paper: ", "endpoint: "] {
        assert!(listed.stdout.contains(name), "{}", listed.stdout);
    }
    let unknown = riveg(&["bundle", "fetch", "tweets", "--out", "/nowhere/x"], b"");
    assert!(unknown.stderr.contains("there is none of this name, but `tweets-light`"), "{}", unknown.stderr);
}

#[test]
fn a_folder_that_no_fetch_made_is_left_alone() {
    let bench = Bench::new();
    fs::create_dir(bench.out()).unwrap();
    fs::write(bench.out().join("letter.txt"), "dear").unwrap();
    let refused = bench.fetch(&[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("choose another folder"), "{}", refused.stderr);
    assert_eq!(names(&bench.out()), ["letter.txt"]);
}
