//! Tests of the training of gate and grounder: losses, resuming, bundles that result, and faults of files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};
use toml::{Table, Value};

use super::task::smoothed;
use super::{PairRecipe, PairTraining};
use crate::input::decode;
use crate::lab::dataset::{self, PairSources, PairTask, write_pairs};
use crate::lab::train::{Taken, Trained, Validation, Watch};
use crate::lab::world::{Split, World, write_dataset};
use crate::networks::bundle::Bundle;
use crate::networks::bundle::tiny::write_bundle;

/// Posts of the two splits.
const POSTS: [(Split, u64); 2] = [(Split::Train, 10), (Split::Dev, 5)];

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

/// The limits of pictures that the engine has by default.
fn limits() -> decode::Config {
    let defaults: Table = include_str!("../../../../../config/default.toml").parse().unwrap();
    defaults["decode"].clone().try_into().unwrap()
}

/// A data set and a bundle of tiny networks.
fn beginning() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (split, posts) in POSTS {
        let world = World::new(1, split);
        write_dataset(&world, posts, &folder.path().join("data").join(split.as_str()), || {}).unwrap();
    }
    write_bundle(&folder.path().join("tiny"), 1).unwrap();
    folder
}

fn training(folder: &Path, task: PairTask, work: &str, changes: &[(&str, Value)]) -> PairTraining {
    let name = if task == PairTask::Entailment { "gate" } else { "grounder" };
    let own = [
        ("steps.epochs", Value::from(6)),
        ("steps.batch", Value::from(8)),
        ("steps.at_once", Value::from(3)),
        ("steps.patience", Value::from(0)),
        ("steps.checkpoint", Value::from(4)),
        ("rates.network", Value::from(3e-3)),
    ];
    let changes: Vec<(String, Value)> =
        own.iter().chain(changes).map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    PairTraining {
        task,
        data: folder.join("data"),
        sources: PairSources::default(),
        from: folder.join("tiny"),
        recipe: PairRecipe::read(task, name, &changes).unwrap(),
        decode: limits(),
        work: folder.join(work),
        out: folder.join(work).join("bundle"),
        // The number is one of the test's own thread: others do not change it between two trainings.
        threads: Some(1),
    }
}

/// Remembers losses, and ends a training after some steps.
#[derive(Default)]
struct Watched {
    losses: Vec<f64>,
    ends_after: Option<i64>,
    began_at: i64,
}

impl Watch for Watched {
    fn begins(&mut self, step: i64, _: i64) -> Result<()> {
        self.began_at = step;
        Ok(())
    }

    fn taken(&mut self, taken: &Taken) -> Result<()> {
        self.losses.push(taken.loss);
        if self.ends_after == Some(taken.step) {
            bail!("it is ended");
        }
        Ok(())
    }

    fn validated(&mut self, _: i64, _: &Validation, _: bool) -> Result<()> {
        Ok(())
    }
}

fn weights(folder: &Path, work: &str, name: &str) -> Vec<u8> {
    fs::read(folder.join(work).join(format!("{name}.safetensors"))).unwrap()
}

/// Trains without a break and with one, and returns what came of it.
fn trained_twice(folder: &Path, task: PairTask, name: &str) -> (Trained, Vec<f64>) {
    let mut whole = Watched::default();
    let trained = training(folder, task, "whole", &[]).run(&mut whole).unwrap();
    let mut broken = Watched { ends_after: Some(6), ..Watched::default() };
    let error = training(folder, task, "broken", &[]).run(&mut broken).unwrap_err();
    assert_eq!(error.to_string(), "it is ended");
    let mut resumed = Watched::default();
    let again = training(folder, task, "broken", &[]).run(&mut resumed).unwrap();
    assert!((1..6).contains(&resumed.began_at), "it goes on after step {}", resumed.began_at);
    assert_eq!(resumed.losses, whole.losses[resumed.began_at as usize..], "to the bit");
    assert!(weights(folder, "whole", name) == weights(folder, "broken", name), "the weights differ");
    assert_eq!((again.score, again.best_step), (trained.score, trained.best_step));
    (trained, whole.losses)
}

fn falls(losses: &[f64]) -> bool {
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let window = (losses.len() / 3).min(4);
    mean(&losses[losses.len() - window..]) < 0.95 * mean(&losses[..window])
}

#[test]
fn a_gate_learns_and_goes_on_to_the_same_bits_and_becomes_the_gate_of_a_bundle() {
    let folder = beginning();
    let folder = folder.path();
    let (trained, losses) = trained_twice(folder, PairTask::Entailment, "gate");
    assert!(falls(&losses), "{losses:?}");
    let bundle = Bundle::open(&folder.join("whole/bundle")).unwrap();
    let entail = bundle.entail().unwrap();
    bundle.entailer(tch::Device::Cpu, 0).unwrap();
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

    // One part of a batch or three: the same loss, but for rounding.
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
    let tensors = |bytes: &[u8], name: &str| {
        safetensors::SafeTensors::deserialize(bytes).unwrap().tensor(name).unwrap().data().to_vec()
    };
    let [whole, still] = ["whole", "frozen"].map(|work| weights(folder, work, "gate"));
    for (name, stays) in [
        ("encoder.embed_images.conv1.weight", true),
        ("encoder.embed_images.bn1.weight", true),
        ("encoder.embed_tokens.weight", true),
        ("encoder.image_proj.weight", false),
    ] {
        assert!(tensors(&whole, name) != tensors(&still, name), "{name} is trained where it is not frozen");
        let begun = begun_with(&folder.join("tiny/entail.safetensors"), name);
        assert_eq!(tensors(&still, name) == begun, stays, "{name}");
    }
}

/// A tensor of a bundle's weights, in 32 bits.
fn begun_with(file: &Path, name: &str) -> Vec<u8> {
    let all = Tensor::read_safetensors(file).unwrap();
    let (_, tensor) = all.into_iter().find(|(known, _)| known == name).unwrap();
    let tensor = tensor.to_kind(Kind::Float).contiguous();
    let mut bytes = vec![0; tensor.numel() * 4];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
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
    bundle.entailer(tch::Device::Cpu, 0).unwrap();
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
    let (trained, losses) = trained_twice(folder.path(), PairTask::Grounding, "grounder");
    assert!(falls(&losses), "{losses:?}");
    assert_eq!(trained.measure, "Prec@0.5");
    let bundle = Bundle::open(&folder.path().join("whole/bundle")).unwrap();
    bundle.grounder(tch::Device::Cpu, 0).unwrap();
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
