//! Lexicon of `riveg annotate` and `riveg eval`: the log says which one is in use. Through the real binary, on a feed with
//! its own lexicon beside it.

use std::path::Path;

use serde_json::Value;

use crate::support::{Finished, pocket_bundle, riveg};

const POSTS: &str = "6";

/// A feed of a pocket world unknown to the bundle, with its lexicon beside it.
fn feed(folder: &Path) {
    let out = folder.to_str().unwrap();
    let generated = riveg(&["world", "generate", "--seed", "7", "--posts", POSTS, "--out", out], b"");
    assert_eq!(generated.code, Some(0), "{}", generated.stderr);
}

/// Runs `riveg COMMAND` with the shipped bundle and the pictures of a folder.
fn answered(command: &[&str], folder: &Path, more: &[&str]) -> Finished {
    let bundle = format!("bundle.path={}", pocket_bundle().display());
    let root = format!("fetch.file_root={}", folder.display());
    riveg(&[command, &["--set", &bundle, "--set", &root], more].concat(), b"")
}

/// Numbers of names and of expanded names in the answers.
fn expanded(finished: &Finished) -> (usize, usize) {
    let answers = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let names: Vec<Value> =
        answers.flat_map(|answer| answer["entities"].as_array().unwrap().clone()).collect();
    (names.len(), names.iter().filter(|name| !name["expansion"].is_null()).count())
}

#[test]
fn annotate_says_which_lexicon_it_uses_and_how_many_names_it_knew_and_points_out_the_one_beside() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    feed(&world);
    let (posts, beside) = (world.join("feed.jsonl"), world.join("lexicon.jsonl"));
    let (posts, beside) = (posts.to_str().unwrap(), beside.to_str().unwrap());
    let bundles = pocket_bundle().join("lexicon.jsonl").display().to_string();

    let without = answered(&["annotate", posts, "--log-format", "json"], &world, &[]);
    assert_eq!(without.code, Some(0), "{}", without.stderr);
    let lines: Vec<Value> = without.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line_with = |message: &str| {
        let is_it = |line: &&Value| line["message"].as_str().is_some_and(|text| text.contains(message));
        let found: Vec<&Value> = lines.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{message}: {}", without.stderr);
        found[0].clone()
    };
    assert_eq!(line_with("names are looked up in a lexicon")["lexicon"], bundles);
    let warned = line_with("a lexicon lies beside the posts and is not used");
    assert!(warned["message"].as_str().unwrap().contains(&format!("--lexicon {beside}")), "{warned}");
    let known = lines.iter().find_map(|line| line.get("known")).expect("it says how many it knew");
    let (names, expanded_count) = expanded(&without);
    assert_eq!(known, expanded_count);

    let with = answered(&["annotate", posts, "--lexicon", beside], &world, &[]);
    assert_eq!(with.code, Some(0), "{}", with.stderr);
    assert!(!with.stderr.contains("lies beside"), "{}", with.stderr);
    assert!(with.stderr.contains(beside) && !with.stderr.contains(&bundles), "{}", with.stderr);
    let (again, expanded_with_lexicon) = expanded(&with);
    assert_eq!(again, names);
    assert!(
        expanded_with_lexicon > expanded_count,
        "{expanded_with_lexicon} of {names} names, {expanded_count} before"
    );
    assert!(
        with.stderr.contains(&format!("looked_up={names} known={expanded_with_lexicon}")),
        "{}",
        with.stderr
    );

    let asked_for_nothing =
        answered(&["annotate", posts, "--lexicon", beside, "--set", "expand.sources=[\"llm\"]"], &world, &[]);
    assert_eq!(asked_for_nothing.code, Some(2));
    assert!(asked_for_nothing.stderr.contains("--lexicon is not used"), "{}", asked_for_nothing.stderr);
}

#[test]
fn eval_says_which_lexicon_it_uses_and_points_out_the_one_of_the_folder_that_it_does_not_use() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    feed(&world);
    let beside = world.join("lexicon.jsonl").display().to_string();
    let bundles = pocket_bundle().join("lexicon.jsonl").display().to_string();
    let eval = ["eval", "--data", world.to_str().unwrap(), "--posts", POSTS];
    let own = answered(&eval, &world, &[]);
    assert_eq!(own.code, Some(0), "{}", own.stderr);
    assert!(own.stderr.contains(&beside) && !own.stderr.contains("is not used"), "{}", own.stderr);
    assert!(own.stderr.contains("looked_up="), "{}", own.stderr);
    let other = answered(&eval, &world, &["--lexicon", &bundles]);
    assert_eq!(other.code, Some(0), "{}", other.stderr);
    assert!(other.stderr.contains(&bundles), "{}", other.stderr);
    assert!(other.stderr.contains(&format!("--lexicon {beside}")), "{}", other.stderr);
}
