//! Tests of the training of gate and grounder: losses, resuming, bundles that result, and faults of files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};
use toml::{Table, Value};

use super::super::test_support::{self, Watched, drawn, falls, is_near, limits, tensor, weights};
use super::task::smoothed;
use super::{PairRecipe, PairTraining};
use crate::lab::dataset::{self, PairSources, PairTask, write_pairs};
use crate::lab::train::{Machine, Trained};
use crate::lab::world::Split;
use crate::networks::bundle::Bundle;
use crate::networks::bundle::tiny::write_bundle;

/// Posts of the two splits.
const POSTS: [(Split, u64); 2] = [(Split::Train, 8), (Split::Dev, 4)];

#[test]
fn smoothing_is_that_of_torch_but_for_the_share_of_the_right_answer_itself() {
    let logits = Tensor::from_slice(&[2.0_f32, -1.0, 0.5, 0.1, 0.2, -3.0]).view([2, 3]);
    let (right, smoothing) = ([1_i64, 0], 0.3);
    let none: Option<Tensor> = None;
    let target = Tensor::from_slice(&right);
    let torch = logits.cross_entropy_loss(&target, none.as_ref(), tch::Reduction::None, -100, smoothing);
    let own = smoothed(&logits, &right, smoothing * 2.0 / 3.0);
    assert!((own - torch).abs().max().double_value(&[]) < 1e-6);
    let plain = smoothed(&logits, &right, 0.0);
    let expected = -logits.log_softmax(-1, Kind::Float).gather(1, &target.unsqueeze(1), false).squeeze_dim(1);
    assert!((plain - expected).abs().max().double_value(&[]) < 1e-6);
}

/// A data set and a bundle of tiny networks.
fn beginning() -> tempfile::TempDir {
    let folder = drawn(POSTS);
    write_bundle(&folder.path().join("tiny"), 1).unwrap();
    folder
}

fn training(folder: &Path, task: PairTask, work: &str, changes: &[(&str, Value)]) -> PairTraining {
    let own = [
        ("steps.epochs", Value::from(3)),
        ("steps.batch", Value::from(4)),
        ("steps.at_once", Value::from(3)),
        ("steps.patience", Value::from(0)),
        ("steps.checkpoint", Value::from(3)),
        ("rates.network", Value::from(3e-3)),
    ];
    let changes = test_support::changes(&[&own[..], changes].concat());
    PairTraining {
        task,
        data: folder.join("data"),
        sources: PairSources::default(),
        from: folder.join("tiny"),
        recipe: PairRecipe::read(task, task.network(), &changes).unwrap(),
        decode: limits(),
        work: folder.join(work),
        out: folder.join(work).join("bundle"),
        // The number is one of the test's own thread: others do not change it between two trainings.
        machine: Machine { device: Device::Cpu, threads: Some(1) },
    }
}

/// Trains without a break and with one, and returns what came of it.
fn trained_twice(folder: &Path, task: PairTask) -> (Trained, Vec<f64>) {
    test_support::trained_twice((folder, task.network()), 4, |work, watched| {
        training(folder, task, work, &[]).run(watched)
    })
}

#[test]
fn a_gate_learns_and_goes_on_to_the_same_bits_and_becomes_the_gate_of_a_bundle() {
    let folder = beginning();
    let folder = folder.path();
    let (trained, losses) = trained_twice(folder, PairTask::Entailment);
    assert!(falls(&losses), "{losses:?}");
    let bundle = Bundle::open(&folder.join("whole/bundle")).unwrap();
    let entail = bundle.entail().unwrap();
    bundle.entailer(Device::Cpu, 0).unwrap();
    let record = entail.training.as_ref().unwrap();
    assert_eq!((record.measure.as_str(), record.steps), ("accuracy", [trained.steps, trained.best_step]));
    assert_eq!(record.posts.map(|posts| posts > 3), [true, true]);
    assert!(record.pairs.unwrap().iter().zip(record.posts).all(|(&pairs, posts)| pairs >= posts));
    assert!(entail.training.as_ref().unwrap().from.contains("the gate of"));
    let tiny = Bundle::open(&folder.join("tiny")).unwrap();
    assert_eq!(
        (&entail.prompt, &bundle.manifest().phrase),
        (&tiny.entail().unwrap().prompt, &tiny.manifest().phrase)
    );

    // One part of a batch or two: the same loss, but for rounding.
    let mut at_once = Watched { ends_after: Some(1), ..Watched::default() };
    let change = [("steps.at_once", Value::from(8))];
    training(folder, PairTask::Entailment, "parts", &change).run(&mut at_once).unwrap_err();
    assert!(
        (at_once.losses[0] - losses[0]).abs() < 1e-4 * losses[0].abs(),
        "{} {}",
        at_once.losses[0],
        losses[0]
    );

    let mut frozen = Watched::default();
    let change = [
        ("frozen.trunk", Value::from(true)),
        ("frozen.embeddings", Value::from(true)),
        ("steps.epochs", Value::from(1)),
    ];
    training(folder, PairTask::Entailment, "frozen", &change).run(&mut frozen).unwrap();
    let of = |work: &str, name: &str| tensor(&folder.join(work).join("gate.safetensors"), name);
    for (name, stays) in [
        ("encoder.embed_images.conv1.weight", true),
        ("encoder.embed_images.bn1.weight", true),
        ("encoder.embed_tokens.weight", true),
        ("encoder.image_proj.weight", false),
    ] {
        assert!(of("whole", name) != of("frozen", name), "{name} is trained where it is not frozen");
        let begun = tensor(&folder.join("tiny/entail.safetensors"), name);
        assert_eq!(of("frozen", name) == begun, stays, "{name}");
    }
}

#[test]
fn gate_and_grounder_learn_in_bf16_nearly_as_in_32_bits() {
    let folder = beginning();
    let folder = folder.path();
    for (task, changed) in [
        (PairTask::Entailment, "encoder.image_proj.weight"),
        (PairTask::Grounding, "decoder.layers.0.fc1.weight"),
    ] {
        let run = |precision: &str| {
            let (mut watched, work) = (Watched::default(), format!("{precision}-{}", task.network()));
            let keys = [("precision", Value::from(precision)), ("steps.epochs", Value::from(1))];
            training(folder, task, &work, &keys).run(&mut watched).unwrap();
            (watched.losses, folder.join(work).join(format!("{}.safetensors", task.network())))
        };
        let ((exact, _), (rounded, file)) = (run("f32"), run("bf16"));
        is_near(&rounded, &exact, (&file, changed));
    }
}

/// The weights of a training's result, and those that it began with, by name.
fn compared(folder: &Path, work: &str) -> Vec<(String, Tensor, Tensor)> {
    let read = |file: &str| Tensor::read_safetensors(folder.join(file)).unwrap();
    let trained: HashMap<String, Tensor> = read(&format!("{work}/gate.safetensors")).into_iter().collect();
    let begun = read("tiny/entail.safetensors").into_iter();
    begun.map(|(name, tensor)| (name.clone(), tensor.to_kind(Kind::Float), trained[&name].copy())).collect()
}

/// Changes a tensor of the gate that trainings begin with.
fn change_beginning(folder: &Path) {
    let (file, manifest) = (folder.join("tiny/entail.safetensors"), folder.join("tiny/bundle.toml"));
    let hash = || -> String {
        Sha256::digest(fs::read(&file).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let before = hash();
    let mut tensors = Tensor::read_safetensors(&file).unwrap();
    for (_, tensor) in tensors.iter_mut().filter(|(name, _)| name == "encoder.embed_tokens.weight") {
        *tensor = &*tensor + 1.0;
    }
    Tensor::write_safetensors(&tensors, &file).unwrap();
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace(&before, &hash())).unwrap();
}

#[test]
fn a_gate_changes_by_adapters_alone_and_its_bundle_has_the_sum() {
    let folder = beginning();
    let folder = folder.path();
    let keys = [
        ("adapters.rank", Value::from(2)),
        ("adapters.targets", Value::from(vec!["decoder.layers.0.cross_attn.q_proj", "v_proj", "fc1"])),
        ("rates.network", Value::from(0.02)),
        ("steps.epochs", Value::from(2)),
    ];
    training(folder, PairTask::Entailment, "adapted", &keys).run(&mut Watched::default()).unwrap();
    let mut changed = 0;
    for (name, begun, trained) in compared(folder, "adapted") {
        let is_target = name.ends_with("weight")
            && ["layers.0.cross_attn.q_proj", "v_proj", "fc1"].iter().any(|target| name.contains(target));
        let difference = trained - begun;
        if difference.abs().max().double_value(&[]) > 0.0 {
            let (_, singular, _) = difference.to_kind(Kind::Double).svd(true, false);
            let singular = Vec::<f64>::try_from(singular).unwrap();
            assert!(is_target && singular[2] < 1e-4 * singular[0], "{name}: {singular:?}");
            changed += 1;
        }
    }
    assert_eq!(
        changed,
        1 + 6 + 4,
        "one query, values of three attentions in two layers, two blocks' first layers"
    );
    let bundle = Bundle::open(&folder.join("adapted/bundle")).unwrap();
    bundle.entailer(Device::Cpu, 0).unwrap();
    let record = bundle.entail().unwrap().training.clone().unwrap();
    assert_eq!(record.recipe["adapters"]["rank"].as_integer(), Some(2));

    // Other adapters do not go on from this checkpoint, nor do these of another beginning.
    let refused = |keys: &[(&str, Value)]| {
        let training = training(folder, PairTask::Entailment, "adapted", keys);
        format!("{:#}", training.run(&mut Watched::default()).unwrap_err())
    };
    let mut others = keys.to_vec();
    others.push(("adapters.alpha", Value::from(2.0)));
    let said = refused(&others);
    assert!(said.contains("it has `adapters.alpha = 16.0`, now there is `adapters.alpha = 2.0`"), "{said}");
    change_beginning(folder);
    let said = refused(&keys);
    assert!(said.contains("now there is `frozen weights = "), "{said}");
}

#[test]
fn a_grounder_learns_and_goes_on_to_the_same_bits_and_becomes_the_grounder_of_a_bundle() {
    let folder = beginning();
    let (trained, losses) = trained_twice(folder.path(), PairTask::Grounding);
    assert!(falls(&losses), "{losses:?}");
    assert_eq!(trained.measure, "Prec@0.5");
    let bundle = Bundle::open(&folder.path().join("whole/bundle")).unwrap();
    bundle.grounder(Device::Cpu, 0).unwrap();
    assert_eq!(bundle.ground().unwrap().training.as_ref().unwrap().measure, "Prec@0.5");
    // The same command again has nothing to do, and ends with the same bundle.
    let before = weights(folder.path(), "whole", "grounder");
    training(folder.path(), PairTask::Grounding, "whole", &[]).run(&mut Watched::default()).unwrap();
    assert!(before == weights(folder.path(), "whole", "grounder"));
}

/// Why a training with changed files does not begin.
fn refused(folder: &Path, task: PairTask, work: &str, change: impl FnOnce(&mut PairTraining)) -> String {
    let mut training = training(folder, task, work, &[]);
    change(&mut training);
    let out = training.out.clone();
    let mut watched = Watched::default();
    let error = training.run(&mut watched).unwrap_err();
    assert!(watched.losses.is_empty() && !out.exists(), "nothing is trained");
    format!("{error:#}")
}

#[test]
fn every_damaged_line_and_picture_is_named_before_anything_is_trained() {
    let folder = beginning();
    let folder = folder.path();
    let pairs = folder.join("pairs");
    fs::create_dir(&pairs).unwrap();
    for (split, _) in POSTS {
        let examples = dataset::read(&folder.join("data"), split.as_str()).unwrap();
        let file = pairs.join(format!("ve-{}.tsv", split.as_str()));
        write_pairs(&examples, PairTask::Entailment, &PairSources::default(), &file).unwrap();
    }
    let file = pairs.join("ve-train.tsv");
    let good = fs::read_to_string(&file).unwrap();
    let in_pairs = |training: &mut PairTraining| training.data = pairs.clone();
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    // Half of a JPEG, and a line without its label.
    let mut fields: Vec<String> = lines[2].split('\t').map(str::to_owned).collect();
    let half = fields[2].len() / 8 * 4;
    fields[2].truncate(half);
    lines[2] = fields.join("\t");
    lines[4] = lines[4].replace("\tcontradiction", "").replace("\tentailment", "");
    fs::write(&file, lines.join("\n")).unwrap();
    let said = refused(folder, PairTask::Entailment, "damaged", in_pairs);
    let expected =
        ["ve-train.tsv` is damaged", "ve-train.tsv`, line 3: pair", "line 5: expected 6 columns, found 5"];
    for part in expected {
        assert!(said.contains(part), "{part}: {said}");
    }

    fs::write(&file, good.replace("\tcontradiction", "\tentailment")).unwrap();
    let said = refused(folder, PairTask::Entailment, "one", in_pairs);
    assert!(said.contains("are depicted: a gate learns of both"), "{said}");

    fs::rename(&file, pairs.join("vg-train.tsv")).unwrap();
    let said = refused(folder, PairTask::Grounding, "task", in_pairs);
    assert!(said.contains("has pairs of a gate, not of a grounder"), "{said}");

    let feed = folder.join("data/train/feed.jsonl");
    fs::write(&feed, fs::read_to_string(&feed).unwrap().replacen("{", "", 1)).unwrap();
    let said = refused(folder, PairTask::Grounding, "feed", |_| ());
    assert!(said.contains("the split `train` is damaged") && said.contains("feed.jsonl`, line 1"), "{said}");
}

#[test]
fn only_an_ofa_with_weights_is_trained() {
    let folder = beginning();
    let folder = folder.path();
    let manifest = folder.join("tiny/bundle.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let deep = refused(folder, PairTask::Entailment, "deep", |training| training.recipe.frozen.layers = 3);
    assert!(deep.contains("`frozen.layers` is 3, but the encoder has 2"), "{deep}");
    let mut table: Table = text.parse().unwrap();
    table.remove("entail");
    fs::write(&manifest, table.to_string()).unwrap();
    let none = refused(folder, PairTask::Entailment, "none", |_| ());
    assert!(none.contains("failed to begin with the gate of"), "{none}");
    table.insert("ground".to_owned(), {
        let mut ground = table["ground"].clone();
        ground["weights"] = Value::Table(Table::from_iter([("random".to_owned(), Value::from(1))]));
        ground
    });
    fs::write(&manifest, table.to_string()).unwrap();
    let random = refused(folder, PairTask::Grounding, "random", |_| ());
    assert!(random.contains("it has no weights: they are drawn at random"), "{random}");
}
