//! Tests of adapters in a tagger's training: gradients, what changes and by which rank, checkpoints, names that fit nothing.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

use super::super::optimiser::{AdamW, Decay, Descent, Group, Schedule};
use super::super::parameters::{Parameters, Stores};
use super::super::training_loop::{Taken, TrainingJob, TrainingTask, Validation, Watch, run_training};
use super::adaptation::Adaptation;
use super::order::Order;
use super::task::{LabelledTask, Split};
use super::tests::{TINY, error, fixture, refused, rows};
use crate::domain::EntityType;
use crate::networks::bundle::Precision;
use crate::networks::tagger::Tagger;
use crate::stages::recognise::LabelSet;

/// A tagger with the weights of the fixture, and the task of learning its rows, of which some may be in memory at a time.
pub(super) fn beginning(at_once: usize, precision: Precision) -> (Stores, LabelledTask) {
    let fixture = fixture();
    let stores = Stores::new(Device::Cpu, precision);
    let tagger = stores.network(|root| Tagger::new(root, TINY));
    for (name, variable) in stores.weights.variables() {
        no_grad(|| variable.shallow_clone().copy_(&fixture[&format!("before.{name}")]));
    }
    let labels = LabelSet::new([EntityType::new("PER")]);
    let split = Split { train: rows(&fixture), dev: rows(&fixture), at_once };
    (stores, LabelledTask::new((tagger, labels), split, Order::new(vec![1; 5], 5, 1), 0.0))
}

pub(super) fn adaptation(rank: u32, targets: &[&str], whole: &[&str]) -> Adaptation {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Adaptation { rank, alpha: 6.0, targets: owned(targets), whole: owned(whole) }
}

fn attached(stores: &Stores, adaptation: &Adaptation) -> Result<Parameters> {
    adaptation.attach(stores, &["linear.", "crf."], 1)
}

/// Copies of all weights.
fn weights(store: &VarStore) -> HashMap<String, Tensor> {
    store.variables().into_iter().map(|(name, variable)| (name, variable.detach().copy())).collect()
}

pub(super) fn backward(task: &mut LabelledTask, parameters: &Parameters) {
    for part in 0..task.parts(0).unwrap() {
        parameters.write();
        task.loss(0, part).unwrap().0.backward();
    }
}

const QUERY: &str = "embedder.transformer_model.encoder.layer.1.attention.self.query.weight";

#[test]
fn factors_of_a_tagger_have_the_gradient_of_its_matrix_times_the_other_factor() {
    let (stores, mut task) = beginning(2, Precision::F32);
    let adapters = attached(&stores, &adaptation(2, &["self.query", "self.value"], &[])).unwrap();
    let learnt = adapters.learnt();
    assert_eq!(
        learnt.len(),
        2 * 2 * 2 + 2 + 3,
        "two factors of two matrices in two layers, and what gives labels"
    );
    // Each number that learns has a gradient and two moments.
    let numbers = |tensors: &HashMap<String, Tensor>| tensors.values().map(Tensor::numel).sum::<usize>();
    assert_eq!((numbers(&learnt), numbers(&Parameters::of(&stores).learnt())), (4 * 64 + 85 + 35, 5656));
    for (name, factor) in learnt.iter().filter(|(name, _)| name.ends_with(".up")) {
        let numbers: Vec<f32> = (0..32).map(|place| ((place + name.len()) as f32).sin() * 0.3).collect();
        no_grad(|| factor.shallow_clone().copy_(&Tensor::from_slice(&numbers).view([16, 2])));
    }
    backward(&mut task, &adapters);
    no_grad(|| adapters.write());
    let adapted = weights(&stores.weights);

    // The same weights, learnt whole.
    let (plain, mut task) = beginning(5, Precision::F32);
    for (name, variable) in plain.weights.variables() {
        no_grad(|| variable.shallow_clone().copy_(&adapted[&name]));
    }
    backward(&mut task, &Parameters::of(&plain));
    let gradients = plain.weights.variables();
    for (name, tensor) in &learnt {
        let (matrix, factor) = name.rsplit_once('.').unwrap();
        let expected = match factor {
            "up" => gradients[matrix].grad().matmul(&learnt[&format!("{matrix}.down")].tr()) * 3.0,
            "down" => learnt[&format!("{matrix}.up")].tr().matmul(&gradients[matrix].grad()) * 3.0,
            _ => gradients[name].grad(),
        };
        let off = error(&tensor.grad(), &expected);
        assert!(off < 1e-4, "the gradient of {name} is off by {off}");
    }
    let without = stores.weights.variables().into_iter().filter(|(name, _)| !learnt.contains_key(name));
    for (name, variable) in without {
        assert!(!variable.requires_grad() && !variable.grad().defined(), "{name} has a gradient");
    }
}

/// Ends a training after a step, and remembers the losses.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) after: Option<i64>,
    pub(super) losses: Vec<f64>,
}

impl Watch for Ending {
    fn begins(&mut self, _: i64, _: i64) -> Result<()> {
        Ok(())
    }

    fn taken(&mut self, taken: &Taken) -> Result<()> {
        self.losses.push(taken.loss);
        anyhow::ensure!(self.after != Some(taken.step), "it is ended");
        Ok(())
    }

    fn validated(&mut self, _: i64, _: &Validation, _: bool) -> Result<()> {
        Ok(())
    }
}

/// Trains the tagger with adapters in a folder; what it began with, and what came of it.
pub(super) fn trained(
    folder: &Path,
    (adaptation, precision): (&Adaptation, Precision),
    watch: &mut Ending,
) -> Result<[HashMap<String, Tensor>; 2]> {
    let (stores, task) = beginning(5, precision);
    let begun = weights(&stores.weights);
    let parameters = attached(&stores, adaptation)?;
    let schedule = Schedule { peak: 0.02, warm_up: 0, steps: 12, decay: Decay::Linear };
    let job = TrainingJob {
        name: "tagger".to_owned(),
        checkpoint: folder.join("checkpoint.safetensors"),
        descent: Descent { second_decay: 0.999, averages: false, ..Descent::short(schedule, 0.01) },
        seed: 1,
        validation_interval: 6,
        checkpoint_interval: Some(4),
        patience: None,
        identity: format!(
            "rank = {}\nfrozen weights = {}",
            adaptation.rank,
            parameters.frozen().unwrap_or_default()
        ),
    };
    run_training(&job, (&stores.weights, &parameters), |_| Box::new(task), watch)?;
    Ok([begun, weights(&stores.weights)])
}

#[test]
fn only_targets_and_what_is_trained_whole_change_and_targets_by_the_rank_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let keys =
        adaptation(3, &["self.query", "layer.0.intermediate", "word_embeddings"], &["output.LayerNorm.bias"]);
    let mut whole = Ending::default();
    let [begun, ended] = trained(folder.path(), (&keys, Precision::F32), &mut whole).unwrap();
    let mut changed = 0;
    for (name, before) in &begun {
        let difference = &ended[name] - before;
        let is_target = name.ends_with("weight") && keys.targets.iter().any(|target| name.contains(target));
        let is_whole =
            ["linear.", "crf."].iter().any(|new| name.starts_with(new)) || name.contains(&keys.whole[0]);
        let has_changed = difference.abs().max().double_value(&[]) > 0.0;
        assert_eq!(has_changed, is_target || is_whole, "{name}");
        changed += i32::from(has_changed);
        if is_target {
            let (_, singular, _) = difference.to_kind(Kind::Double).svd(true, false);
            let singular = Vec::<f64>::try_from(singular).unwrap();
            assert!(singular[2] > 1e-3 && singular[3] < 1e-5 * singular[0], "{name}: {singular:?}");
        }
    }
    assert_eq!(changed, 4 + 2 + 3 + 4);
    let (first, last) = (whole.losses[0], whole.losses[11]);
    assert!(last < 0.8 * first, "{:?}", whole.losses);

    // What was broken off goes on to the same bits.
    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    let mut first = Ending { after: Some(10), ..Ending::default() };
    assert_eq!(trained(&broken, (&keys, Precision::F32), &mut first).unwrap_err().to_string(), "it is ended");
    let saved = Tensor::read_safetensors(broken.join("checkpoint.safetensors")).unwrap();
    let of_weights: Vec<&str> = saved.iter().filter_map(|(name, _)| name.strip_prefix("weight/")).collect();
    assert_eq!(
        of_weights.len(),
        4 * 2 + 2 + 3 + 4,
        "the factors and what learns whole alone: {of_weights:?}"
    );
    let mut second = Ending::default();
    let [_, again] = trained(&broken, (&keys, Precision::F32), &mut second).unwrap();
    assert_eq!(second.losses, whole.losses[8..], "to the bit");
    assert!(ended.iter().all(|(name, tensor)| tensor.equal(&again[name])), "to the bit");

    let other = Adaptation { rank: 2, ..keys };
    let error = trained(&broken, (&other, Precision::F32), &mut Ending::default()).unwrap_err().to_string();
    assert!(error.contains("it has `rank = 3`, now there is `rank = 2`"), "{error}");
}

#[test]
fn a_name_that_fits_nothing_is_an_error_that_lists_what_there_is() {
    for (keys, expected) in [
        (
            adaptation(1, &["self.query", "q_proj"], &[]),
            "`adapters.targets` has `q_proj`, which is in the name of no",
        ),
        (
            adaptation(1, &["q_proj"], &[]),
            "`embedder.transformer_model.encoder.layer.*.attention.self.query.weight`",
        ),
        (adaptation(1, &["LayerNorm"], &[]), "is in the name of no matrix"),
        (adaptation(1, &["crf.transitions"], &[]), "is in the name of no matrix"),
        (adaptation(1, &["self.query"], &["self.query"]), "`adapters.targets` has `self.query`"),
        (
            adaptation(1, &["self.query"], &["norm"]),
            "`adapters.whole` has `norm`, which is in the name of no parameter",
        ),
        (
            adaptation(3, &["token_type"], &[]),
            "`adapters.rank` is 3, but `embedder.transformer_model.embeddings.",
        ),
    ] {
        let (stores, _) = beginning(5, Precision::F32);
        let error = attached(&stores, &keys).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // Frozen parts get none.
    let (stores, _) = beginning(5, Precision::F32);
    for (name, variable) in stores.weights.variables() {
        let _ = variable.set_requires_grad(!name.contains("layer.1."));
    }
    let adapters = attached(&stores, &adaptation(1, &["self.query"], &[])).unwrap();
    assert!(!adapters.learnt().contains_key(&format!("{QUERY}.up")));
    assert!(
        attached(&stores, &adaptation(0, &["q_proj"], &[])).unwrap().frozen().is_none(),
        "there are none"
    );
    let nothing = refused(|_, training| training.recipe.adapters.rank = 4);
    assert!(
        nothing.contains("`adapters.rank` is 4, but an encoder from nothing has random weights"),
        "{nothing}"
    );
}

#[test]
fn factors_move_by_the_rate_of_their_matrix_and_decay_to_what_it_began_with() {
    let (stores, _) = beginning(5, Precision::F32);
    let adapters = attached(&stores, &adaptation(1, &["self.query"], &["LayerNorm.bias"])).unwrap();
    let schedule = Schedule { peak: 0.1, warm_up: 0, steps: 1_000_000, decay: Decay::Linear };
    let layer = "embedder.transformer_model.encoder.layer.1.".to_owned();
    let groups = vec![Group { prefix: layer, peak: 0.01, weight_decay: 0.5 }];
    let descent = Descent { groups, averages: false, ..Descent::short(schedule, 0.25) };
    let learnt = adapters.learnt();
    let before: HashMap<&String, Tensor> =
        learnt.iter().map(|(name, factor)| (name, factor.detach().copy())).collect();
    let mut optimiser = AdamW::new(adapters.learnt(), descent);
    learnt.values().map(|tensor| tensor.sum(Kind::Float)).sum::<Tensor>().backward();
    optimiser.apply_gradients();
    for (name, rate, decay) in [
        (format!("{QUERY}.down"), 0.01, 0.5),
        (format!("{QUERY}.up"), 0.01, 0.5),
        (format!("{}.down", QUERY.replace('1', "0")), 0.1, 0.25),
        ("crf.transitions".to_owned(), 0.1, 0.25),
        ("linear.bias".to_owned(), 0.1, 0.0),
    ] {
        // The first step of Adam is the rate, whatever the gradient.
        let expected = &before[&name] * (1.0 - rate * decay) - rate;
        assert!((&learnt[&name] - expected).abs().max().double_value(&[]) < 1e-6, "{name}");
    }
}
