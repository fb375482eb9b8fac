//! Support of tests of trainings on pictures: the limits of pictures, a training that is broken and resumed, and its weights.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use tch::{Kind, Tensor};
use toml::{Table, Value};

use super::Trained;
use crate::input::decode;
use crate::lab::train::{Taken, Validation, Watch};
use crate::lab::world::{Split, World, write_dataset};

/// The limits of pictures that the engine has by default.
pub(super) fn limits() -> decode::Config {
    let defaults: Table = include_str!("../../../../config/default.toml").parse().unwrap();
    defaults["decode"].clone().try_into().unwrap()
}

/// A seed of the pocket world whose first posts show many entities.
pub(super) const SEED: u64 = 3;

/// A folder with a data set of drawn posts in `data`.
pub(super) fn drawn(posts: [(Split, u64); 2]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (split, posts) in posts {
        let world = World::new(SEED, split);
        write_dataset(&world, posts, &folder.path().join("data").join(split.as_str()), || {}).unwrap();
    }
    folder
}

/// Changes of a recipe.
pub(super) fn changes(all: &[(&str, Value)]) -> Vec<(String, Value)> {
    all.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

/// Remembers losses, and ends a training after some steps.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) losses: Vec<f64>,
    pub(super) ends_after: Option<i64>,
    pub(super) began_at: i64,
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

/// The weights of a training, as the bundle gets them.
pub(super) fn weights(folder: &Path, work: &str, name: &str) -> Vec<u8> {
    fs::read(folder.join(work).join(format!("{name}.safetensors"))).unwrap()
}

/// Trains in the folder `whole` without a break and in `broken` with one after some steps; returns what came of it.
pub(super) fn trained_twice(
    (folder, name): (&Path, &str),
    breaks_after: i64,
    run: impl Fn(&str, &mut Watched) -> Result<Trained>,
) -> (Trained, Vec<f64>) {
    let mut whole = Watched::default();
    let trained = run("whole", &mut whole).unwrap();
    let mut broken = Watched { ends_after: Some(breaks_after), ..Watched::default() };
    let error = run("broken", &mut broken).unwrap_err();
    assert_eq!(error.to_string(), "it is ended");
    let mut resumed = Watched::default();
    let again = run("broken", &mut resumed).unwrap();
    assert!((1..breaks_after).contains(&resumed.began_at), "it goes on after step {}", resumed.began_at);
    assert_eq!(resumed.losses, whole.losses[resumed.began_at as usize..], "to the bit");
    assert!(weights(folder, "whole", name) == weights(folder, "broken", name), "the weights differ");
    // The last weights too, and the moments: the best ones may be older than the break.
    let last = |work: &str| fs::read(folder.join(work).join("checkpoint.safetensors")).unwrap();
    assert!(last("whole") == last("broken"), "the checkpoints differ");
    assert_eq!((again.score, again.best_step), (trained.score, trained.best_step));
    (trained, whole.losses)
}

/// Whether losses fall from the first steps to the last ones.
pub(super) fn falls(losses: &[f64]) -> bool {
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let window = (losses.len() / 3).min(4);
    mean(&losses[losses.len() - window..]) < 0.95 * mean(&losses[..window])
}

/// Whether some numbers of a tensor are lost in bf16.
pub(super) fn has_32_bits(tensor: &Tensor) -> bool {
    tensor.kind() == Kind::Float && !tensor.equal(&tensor.to_kind(Kind::BFloat16).to_kind(Kind::Float))
}

/// A training in bf16 has nearly the losses of one in 32 bits from the same weights, and yields weights of 32 bits.
pub(super) fn is_near(losses: &[f64], in_32_bits: &[f64], (file, changed): (&Path, &str)) {
    for (step, (loss, expected)) in losses.iter().zip(in_32_bits).enumerate() {
        let off = (loss - expected).abs() / expected.abs();
        assert!(off > 0.0 && off < 0.1, "step {step}: {loss} {expected}");
    }
    assert!(has_32_bits(&stored(file, changed)));
}

fn stored(file: &Path, name: &str) -> Tensor {
    let all = Tensor::read_safetensors(file).unwrap();
    all.into_iter().find(|(known, _)| known == name).unwrap().1
}

/// A tensor of a file of weights, in 32 bits.
pub(super) fn tensor(file: &Path, name: &str) -> Vec<u8> {
    let tensor = stored(file, name);
    let tensor = tensor.to_kind(Kind::Float).contiguous();
    let mut bytes = vec![0; tensor.numel() * 4];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}
