//! `riveg train joint` through the real binary: the bundle that it writes verifies, answers, and serves beside another one.

use std::collections::HashMap;
use std::path::Path;

use riveg::lab::world::{Split, World, write_dataset};
use serde_json::{Value, json};
use tch::Tensor;

use crate::support::{pocket_bundle, riveg, take_joint, write_bundle};

#[test]
fn a_joint_network_answers_through_the_binary_with_entities_verdicts_and_regions() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), 8).unwrap();
    take_joint(folder.path());
    let world = World::new(1, Split::Train);
    let posts: Vec<Vec<u8>> = (0..8).map(|index| world.sample(index).record()).collect();
    let setting = format!("bundle.path={}", folder.path().display());
    let answered = riveg(&["annotate", "--set", &setting, "-"], &posts.join(&b'\n'));
    assert_eq!(answered.code, Some(0), "{}", answered.stderr);
    let answers: Vec<Value> =
        answered.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 8);
    let entities: Vec<&Value> =
        answers.iter().flat_map(|answer| answer["entities"].as_array().unwrap()).collect();
    let shown = entities.iter().filter(|entity| entity["gate"]["decision"] == "depicted").count();
    assert!(shown > 0 && shown < entities.len(), "{shown} of {}", entities.len());
    for entity in entities {
        let regions = entity["regions"].as_array().unwrap();
        assert_eq!(regions.is_empty(), entity["gate"]["decision"] == "absent", "{entity}");
        assert!(regions.iter().all(|region| region["mask_score"].is_number()), "{entity}");
        assert_eq!(entity["phrase"], entity["text"]);
    }
}

#[test]
fn commands_that_need_what_a_joint_bundle_lacks_say_what_it_is_and_what_to_use() {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), 8).unwrap();
    take_joint(folder.path());
    let at = folder.path().to_str().unwrap();
    let data = tempfile::tempdir().unwrap();
    write_dataset(&World::new(5, Split::Test), 2, data.path(), || ()).unwrap();
    let setting = format!("bundle.path={at}");
    let data = data.path().to_str().unwrap();
    for (command, instead) in [
        (
            &["bench", "posts"][..],
            "measure its networks with `riveg bench models` and posts a second with `riveg demo`",
        ),
        (&["calibrate", "--data", data], "its threshold is `joint.threshold` in `bundle.toml`"),
    ] {
        let refused = riveg(&[command, &["--set", &setting]].concat(), b"");
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        let expected =
            format!("the bundle in `{at}` has a joint network (mqspn), which answers about whole posts");
        assert!(refused.stderr.contains(&expected) && refused.stderr.contains(instead), "{}", refused.stderr);
    }

    let file = folder.path().join("bundle.toml");
    let manifest = std::fs::read_to_string(&file).unwrap() + "\n[joint.proposals]\n";
    std::fs::write(&file, manifest).unwrap();
    let refused = riveg(&["bundle", "verify", at], b"");
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("`ground`: expected a grounder, which `joint.proposals` asks"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_joint_network_is_trained_into_a_bundle_that_answers_in_place_of_three_networks() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (pocket, made, work) = (pocket_bundle().to_str().unwrap().to_owned(), at("made"), at("work"));
    let train = |out: &str, more: &[&str]| {
        let files = ["train", "joint", "--bundle", &pocket, "--work", &work, "--out", out, "--threads", "1"];
        riveg(&[&files[..], &["--steps", "1"], more].concat(), b"")
    };
    let trained = train(&made, &[]);
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    assert!(trained.stderr.contains("validation: alone MNER "), "{}", trained.stderr);
    let verified = riveg(&["bundle", "verify", &made], b"");
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    let manifest = std::fs::read_to_string(folder.path().join("made/bundle.toml")).unwrap();
    assert!(manifest.contains("[joint]") && manifest.contains("[segment]"), "{manifest}");
    assert!(!manifest.contains("[entail]") && manifest.contains("steps: 1"), "{manifest}");
    let tensors = |file: &Path| -> HashMap<String, Tensor> {
        Tensor::read_safetensors(file).unwrap().into_iter().collect()
    };
    let joint = tensors(&folder.path().join("made/mqspn.safetensors"));
    let grounder = tensors(&pocket_bundle().join("ofa.safetensors"));
    let theirs: Vec<&String> =
        grounder.keys().filter(|name| name.starts_with("encoder.embed_images.")).collect();
    assert!(theirs.len() > 50, "{theirs:?}");
    for name in theirs {
        let ours = name.replace("encoder.embed_images.", "vision_model.embeddings.resnet.");
        assert!(joint[&ours].equal(&grounder[name]), "{name} has changed");
    }

    let refused = train(&pocket, &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("is the bundle that is read"), "{}", refused.stderr);
    let refused = train(&made, &["--seed", "2"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("it has `seed = 1`, now there is `seed = 2`"), "{}", refused.stderr);

    let post = json!({ "id": "1", "text": "Ava Rydson trains with Shego Inc" }).to_string();
    let settings = [format!("bundle.path={made}"), format!("bundle.recognise={made}")];
    let answers = settings.map(|setting| {
        let answered = riveg(&["annotate", "--set", &setting, "-"], post.as_bytes());
        assert_eq!(answered.code, Some(0), "{}", answered.stderr);
        let answer: Value = serde_json::from_str(&answered.stdout).unwrap();
        answer["entities"].clone()
    });
    assert!(answers[0].is_array());
    assert_eq!(answers[0], answers[1], "the same network, as a bundle and in the pocket bundle");
}

#[test]
fn a_joint_network_needs_a_grounder_whose_resnet_it_can_begin_with() {
    let folder = tempfile::tempdir().unwrap();
    let pocket = pocket_bundle();
    for entry in pocket.read_dir().unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let file = folder.path().join("bundle.toml");
    let manifest = std::fs::read_to_string(&file).unwrap();
    let (before, ground) = manifest.split_once("[ground]").unwrap();
    let after = ground.split_once("[segment]").unwrap().1;
    let seqtr = r#"[ground]
prompt = "{phrase}"
beam = 1
bins_only = true
precision = "f32"
weights = { random = 7 }
network = { architecture = "seqtr", preset = "seqtr-refcoco" }

[segment]"#;
    std::fs::write(&file, [before, seqtr, after].concat()).unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (bundle, work, out) = (folder.path().to_str().unwrap(), at("work"), at("out"));
    let refused = riveg(&["train", "joint", "--bundle", bundle, "--work", &work, "--out", &out], b"");
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("the grounder of pocket 1 is seqtr, and not an OFA"),
        "{}",
        refused.stderr
    );
}
