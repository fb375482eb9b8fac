//! Tests of a tagger's training: gradients and steps of AdamW as in Python, faults of files, freezing, early stopping.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::super::optimiser::{AdamW, Decay, Descent, Group, Schedule};
use super::super::text_batch::LabelledRow;
use super::super::training_loop::{Taken, TrainingTask, Validation, Watch};
use super::beginning::freeze;
use super::order::Order;
use super::recipe::{Frozen, Knowledge};
use super::task::{LabelledTask, Split};
use super::texts::Texts;
use super::{Machine, Origin, Recipe, TaggerTraining};
use crate::domain::EntityType;
use crate::networks::tagger::{Positions, Tagger, TaggerConfig};
use crate::stages::recognise::{LabelSet, Request};

/// The largest difference, of the largest number that is compared.
const TOLERANCE: f64 = 1e-3;

pub(super) const TINY: TaggerConfig = TaggerConfig {
    vocabulary: 40,
    hidden: 16,
    layers: 2,
    heads: 2,
    ffn: 32,
    max_positions: 24,
    positions: Positions::FromZero,
    type_vocabulary: 2,
    layer_norm_eps: 1e-12,
    pad: 0,
    labels: 5,
    span: 0,
    convolution: 0,
};

pub(super) fn fixture() -> HashMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/training.safetensors");
    Tensor::read_safetensors(path).unwrap().into_iter().collect()
}

/// The rows of the fixture's batch.
pub(super) fn rows(fixture: &HashMap<String, Tensor>) -> Vec<LabelledRow> {
    let table = |name: &str| Vec::<Vec<i64>>::try_from(&fixture[name]).unwrap();
    let lengths = |name: &str| Vec::<i64>::try_from(&fixture[name]).unwrap();
    let (pieces, first, labels) = (table("pieces"), table("first_pieces"), table("labels"));
    let (long, wide) = (lengths("piece_lengths"), lengths("word_lengths"));
    let ids = |row: &[i64], count: i64| row[..count as usize].iter().map(|&id| id as u32).collect::<Vec<_>>();
    (0..pieces.len())
        .map(|row| LabelledRow {
            request: Request {
                pieces: ids(&pieces[row], long[row]),
                first_pieces: ids(&first[row], wide[row]),
                context_first_pieces: Vec::new(),
            },
            labels: labels[row][..wide[row] as usize].iter().map(|&label| label as usize).collect(),
        })
        .collect()
}

pub(super) fn error(actual: &Tensor, expected: &Tensor) -> f64 {
    let largest = |tensor: Tensor| tensor.abs().max().double_value(&[]);
    largest(actual - expected) / largest(expected.shallow_clone()).max(f64::MIN_POSITIVE)
}

#[test]
fn gradients_and_two_steps_are_those_of_torch_whether_a_batch_is_in_one_part_or_in_three() {
    let fixture = fixture();
    for at_once in [5, 2] {
        let store = VarStore::new(Device::Cpu);
        let tagger = Tagger::new(&store.root(), TINY);
        for (name, variable) in store.variables() {
            tch::no_grad(|| variable.shallow_clone().copy_(&fixture[&format!("before.{name}")]));
        }
        let split = Split { train: rows(&fixture), dev: Vec::new(), at_once };
        let labels = LabelSet::new([EntityType::new("PER")]);
        let mut task = LabelledTask::new((tagger, labels), split, Order::new(vec![1; 5], 5, 1), 0.0);
        let schedule = Schedule { peak: 1e-3, warm_up: 0, steps: i64::MAX, decay: Decay::Linear };
        let group =
            |prefix: &str, peak, weight_decay| Group { prefix: prefix.to_owned(), peak, weight_decay };
        let descent = Descent {
            groups: vec![group("linear.", 5e-3, 0.01), group("crf.", 2e-2, 0.0)],
            second_decay: 0.999,
            averages: false,
            ..Descent::short(schedule, 0.01)
        };
        let mut optimiser = AdamW::new(store.variables(), descent);
        // The largest gradient decides what counts: keys of attention have a bias without an effect, whose gradient is noise.
        let norm = fixture["norms"].double_value(&[0]);
        let mut compared = 0;
        for step in 0..2 {
            optimiser.clear_gradients();
            let parts = task.parts(step).unwrap();
            assert_eq!(parts, 5_usize.div_ceil(at_once));
            let mut loss = 0.0;
            for part in 0..parts {
                let (own, _) = task.loss(step, part).unwrap();
                own.backward();
                loss += own.double_value(&[]);
            }
            let expected = fixture["losses"].double_value(&[step]);
            assert!((loss / expected - 1.0).abs() < TOLERANCE, "loss {loss}, {expected}");
            if step == 0 {
                for (name, variable) in store.variables() {
                    let gradient = &fixture[&format!("gradient.{name}")];
                    if gradient.abs().max().double_value(&[]) > 1e-6 * norm {
                        let off = error(&variable.grad(), gradient);
                        assert!(off < TOLERANCE, "gradient of {name} is off by {off}");
                        compared += 1;
                    }
                }
            }
            let found = optimiser.apply_gradients();
            let expected = fixture["norms"].double_value(&[step]);
            assert!((found / expected - 1.0).abs() < TOLERANCE, "norm {found}, {expected}");
        }
        assert!(compared >= store.variables().len() - 4, "only {compared} gradients are compared");
        for (name, variable) in store.variables() {
            let gradient = &fixture[&format!("gradient.{name}")];
            if gradient.abs().max().double_value(&[]) > 1e-6 * norm {
                let before = &fixture[&format!("before.{name}")];
                let moved = error(&(&variable - before), &(&fixture[&format!("after.{name}")] - before));
                assert!(moved < 10.0 * TOLERANCE, "the move of {name} is off by {moved}");
            }
        }
    }
}

#[test]
fn frozen_parts_have_no_gradient_and_stay() {
    for (frozen, expected) in [
        (Frozen { embeddings: false, layers: 0 }, 0),
        (Frozen { embeddings: true, layers: 0 }, 5),
        (Frozen { embeddings: true, layers: 1 }, 5 + 16),
        (Frozen { embeddings: false, layers: 2 }, 32),
    ] {
        let store = VarStore::new(Device::Cpu);
        let _tagger = Tagger::new(&store.root(), TINY);
        freeze(&store, &frozen);
        let variables = store.variables();
        let still: Vec<_> = variables.iter().filter(|(_, variable)| !variable.requires_grad()).collect();
        assert_eq!(still.len(), expected, "{frozen:?}: {still:?}");
        assert!(variables["crf.transitions"].requires_grad());
    }
}

fn words(folder: &Path, split: &str, text: &str) {
    fs::write(folder.join(format!("{split}.txt")), text).unwrap();
}

const POSTS: &str = "Ann\tB-PER\nsings\tO\n<EOS>\tX\nAnn\tX\nis\tX\nknown\tX\n\nin\tO\nOslo-Fjord\tB-LOC\n\n";

#[test]
fn damaged_data_is_reported_with_file_and_line_and_what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let read =
        |knowledge| Texts::read(folder.path(), "train", knowledge).map_err(|error| format!("{error:#}"));
    for (text, knowledge, expected) in [
        (
            "Ann\tB-PER\nsings\n\nOslo\tC-LOC\n",
            Knowledge::None,
            "train.txt`, line 2: expected `word<tab>tag`",
        ),
        ("Ann\tB-PER\nsings\n\nOslo\tC-LOC\n", Knowledge::None, "train.txt`, line 4: expected a tag"),
        ("", Knowledge::None, "has no posts"),
        ("in\tO\n", Knowledge::None, "has no entities"),
        ("Ann\tB-PER\n", Knowledge::Given, "has no knowledge, which the recipe asks for"),
    ] {
        words(folder.path(), "train", text);
        let error = read(knowledge).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    words(folder.path(), "train", POSTS);
    let texts = read(Knowledge::Given).unwrap();
    assert_eq!(
        (texts.len(), texts.strings().collect::<Vec<_>>()),
        (2, vec!["Ann sings", "Ann is known", "in Oslo-Fjord", ""])
    );
    assert_eq!(read(Knowledge::None).unwrap().strings().nth(1), Some(""));
}

/// Lets nothing begin.
struct Silent;

impl Watch for Silent {
    fn begins(&mut self, _: i64, _: i64) -> anyhow::Result<()> {
        anyhow::bail!("it begins")
    }

    fn taken(&mut self, _: &Taken) -> anyhow::Result<()> {
        Ok(())
    }

    fn validated(&mut self, _: i64, _: &Validation, _: bool) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Why a training with these files does not begin.
pub(super) fn refused(change: impl FnOnce(&Path, &mut TaggerTraining)) -> String {
    let folder = tempfile::tempdir().unwrap();
    for split in ["train", "dev"] {
        words(folder.path(), split, &POSTS.repeat(4));
    }
    let at = |name: &str| folder.path().join(name);
    let mut training = TaggerTraining {
        data: folder.path().to_owned(),
        origin: Origin::Nothing,
        recipe: Recipe::read("tagger", &[]).unwrap(),
        work: at("work"),
        out: at("out"),
        machine: Machine { device: Device::Cpu, threads: None },
    };
    change(folder.path(), &mut training);
    let error = training.run(&mut Silent).unwrap_err();
    assert!(!at("out").exists(), "nothing was written");
    format!("{error:#}")
}

#[test]
fn a_missing_file_of_an_encoder_is_one_clear_error_and_never_random_weights() {
    assert_eq!(refused(|_, _| ()), "it begins");
    let encoder = |files: &[(&str, &str)]| {
        refused(|folder, training| {
            let folder = folder.join("encoder");
            fs::create_dir(&folder).unwrap();
            for (name, text) in files {
                fs::write(folder.join(name), text).unwrap();
            }
            training.origin = Origin::of(Some(folder.as_path()));
        })
    };
    let config = ("config.json", "{\"model_type\": \"bert\"}");
    for (files, expected) in [
        (&[][..], "`config.json`: expected the dimensions of an encoder, found no such file"),
        (&[("config.json", "{\"model_type\": \"gpt2\"}")], "`model_type`: expected `bert` or"),
        (&[config], "`the weights`: expected one of `model.safetensors`"),
        (&[config, ("model.safetensors", "not tensors")], "model.safetensors"),
    ] {
        let error = encoder(files);
        assert!(error.contains(expected), "{error}");
    }
    let absent =
        refused(|folder, training| training.origin = Origin::of(Some(folder.join("nowhere").as_path())));
    assert!(absent.contains("there is no folder") && absent.contains("nowhere"), "{absent}");
}

#[test]
fn a_recipe_that_the_network_or_the_data_cannot_have_is_refused() {
    let deep = refused(|_, training| training.recipe.frozen.layers = 3);
    assert!(deep.contains("`frozen.layers` is 3, but the encoder has 2"), "{deep}");
    let odd = refused(|_, training| training.recipe.network.heads = 3);
    assert!(odd.contains("`heads` (3) do not divide its `hidden` (128)"), "{odd}");
    let types = refused(|folder, _| words(folder, "dev", "Oslo\tB-CITY\n"));
    assert!(types.contains("types of the split `dev` are not in `train`: CITY"), "{types}");
}

#[test]
fn scores_of_the_dev_split_are_of_all_its_rows() {
    let fixture = fixture();
    let store = VarStore::new(Device::Cpu);
    let tagger = Tagger::new(&store.root(), TINY);
    for (name, variable) in store.variables() {
        tch::no_grad(|| variable.shallow_clone().copy_(&fixture[&format!("before.{name}")]));
    }
    let all = rows(&fixture);
    // What the network says itself is right.
    let said: Vec<LabelledRow> = all
        .iter()
        .map(|row| {
            let batch = super::super::text_batch::TextBatch::of(&[row], Vec::new(), 0).tensors(Device::Cpu);
            let scores = tagger.emissions(&batch.pieces, &batch.mask, &batch.first_pieces, 0.0);
            let labels = tagger.crf.decode(&scores, &batch.is_word).remove(0);
            LabelledRow { labels, ..row.clone() }
        })
        .collect();
    let labels = LabelSet::new([EntityType::new("PER")]);
    let split = Split { train: all, dev: said, at_once: 2 };
    let mut task = LabelledTask::new((tagger, labels), split, Order::new(vec![1; 5], 5, 1), 0.0);
    let validation = task.validate().unwrap();
    assert_eq!(validation.score, Some(("F1", 1.0)), "{}", validation.words);
}
