//! Course of a training on labelled data: the loop with the steps and rates of a recipe, its records, and what the manifest
//! says of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tch::Device;
use tch::nn::VarStore;
use toml::{Table, Value};

use super::super::optimiser::{Decay, Descent, Group, Schedule};
use super::super::parameters::Parameters;
use super::super::record::Records;
use super::super::training_loop::{TrainingJob, TrainingTask, Watch, run_training};
use super::recipe_file::Faults;
use crate::networks::bundle::TrainingRecord;

/// The checkpoint in the folder of a training.
const CHECKPOINT: &str = "checkpoint.safetensors";

/// Keys of recipes that decide nothing of the weights: when checkpoints are written, and what is kept in memory.
const INDIFFERENT: [&str; 2] = ["steps.checkpoint = ", "frozen.encodings = "];

/// How long a network is trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Passes over the data.
    pub epochs: u32,
    /// Texts, pairs or regions of a step.
    pub batch: usize,
    /// Texts, pairs or regions in memory at a time.
    pub at_once: usize,
    /// Passes without a better score after which it ends; 0: never.
    pub patience: u32,
    /// Steps between two checkpoints.
    pub checkpoint: u32,
}

impl Steps {
    /// Notes values that no training can have.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.hold(self.epochs > 0, "steps.epochs", "at least 1");
        faults.hold(self.batch > 0, "steps.batch", "at least 1");
        faults.hold(self.at_once > 0, "steps.at_once", "at least 1");
        faults.hold(self.checkpoint > 0, "steps.checkpoint", "at least 1");
    }
}

/// A training, whatever it trains.
pub(super) struct Course<'a> {
    /// What is trained, for people.
    pub(super) name: &'static str,
    /// What the score on the dev split is.
    pub(super) measure: &'static str,
    /// What it begins with, for people.
    pub(super) from: String,
    /// What is learnt from.
    pub(super) data: Data<'a>,
    /// How long.
    pub(super) steps: &'a Steps,
    /// How fast.
    pub(super) rates: Rates,
    /// What learns of the network.
    pub(super) parameters: Parameters,
    /// What steps draw at random.
    pub(super) seed: u32,
    /// The whole recipe.
    pub(super) recipe: Table,
    /// The dimensions of the network.
    pub(super) dimensions: Table,
    /// The folder of checkpoint and records.
    pub(super) work: &'a Path,
}

/// What a training runs on.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// The device that computes.
    pub device: Device,
    /// Threads of libtorch on the CPU; all cores if not given.
    pub threads: Option<i32>,
}

/// A data set as the network reads it.
pub(super) struct Data<'a> {
    /// Its folder.
    pub(super) folder: &'a Path,
    /// A hash of all that is read.
    pub(super) hash: String,
    /// Posts of both splits.
    pub(super) posts: [usize; 2],
    /// Pairs of both splits, where it is of pairs.
    pub(super) pairs: Option<[usize; 2]>,
    /// Regions of both splits, where it is of masks.
    pub(super) regions: Option<[usize; 2]>,
}

/// How fast weights move.
pub(super) struct Rates {
    /// Highest learning rate of what is in no group.
    pub(super) peak: f64,
    /// Share of the steps in which the rates rise.
    pub(super) warm_up: f64,
    /// Weight decay of matrices in no group.
    pub(super) weight_decay: f64,
    /// Maximum norm of the gradients.
    pub(super) max_norm: f64,
    /// Parameters with a rate of their own.
    pub(super) groups: Vec<Group>,
}

/// A training that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Steps taken.
    pub steps: i64,
    /// The best score on the dev split.
    pub score: f64,
    /// What it is.
    pub measure: &'static str,
    /// After how many steps.
    pub best_step: i64,
    /// The plot of loss and score.
    pub plot: PathBuf,
}

/// Makes the folder of a training, and sets the threads of libtorch.
///
/// # Errors
/// The folder cannot be made.
pub(super) fn prepare(work: &Path, machine: Machine) -> Result<()> {
    fs::create_dir_all(work).with_context(|| format!("failed to create `{}`", work.display()))?;
    if let Some(threads) = machine.threads {
        tch::set_num_threads(threads);
    }
    Ok(())
}

impl Course<'_> {
    /// Trains from the checkpoint in the folder of work if there is one. `epoch` is the number of steps of a pass. Afterwards
    /// the store has the weights with the best score.
    ///
    /// # Errors
    /// As [`run_training`], and a training that ends without a score.
    pub(super) fn run(
        &self,
        store: &VarStore,
        epoch: i64,
        make: impl FnOnce(i64) -> Box<dyn TrainingTask>,
        watch: &mut dyn Watch,
    ) -> Result<(Trained, TrainingRecord)> {
        let mut records = Records::new(self.work, watch);
        let outcome = run_training(&self.job(epoch), (store, &self.parameters), make, &mut records)?;
        let plot = records.draw(&format!("training of a {}", self.name))?;
        let (best_step, score) = outcome.best.context("the training ended without a score")?;
        let trained = Trained { steps: outcome.steps, score, measure: self.measure, best_step, plot };
        let record = self.record(&trained, SystemTime::now());
        Ok((trained, record))
    }

    fn job(&self, epoch: i64) -> TrainingJob {
        let Self { steps, rates, .. } = self;
        let all = epoch * i64::from(steps.epochs);
        let warm_up = (all as f64 * rates.warm_up).round() as i64;
        TrainingJob {
            name: self.name.to_owned(),
            checkpoint: self.work.join(CHECKPOINT),
            descent: Descent {
                schedule: Schedule { peak: rates.peak, warm_up, steps: all, decay: Decay::Linear },
                weight_decay: rates.weight_decay,
                groups: rates.groups.clone(),
                second_decay: 0.999,
                max_norm: rates.max_norm,
                averages: false,
            },
            seed: u64::from(self.seed),
            validation_interval: epoch,
            checkpoint_interval: Some(i64::from(steps.checkpoint)),
            patience: (steps.patience > 0).then_some(i64::from(steps.patience)),
            identity: self.identity(),
        }
    }

    /// What decides the weights, one thing a line.
    fn identity(&self) -> String {
        let mut lines = vec![format!("begins with = {}", self.from), format!("data = {}", self.data.hash)];
        flatten("", &self.recipe, &mut lines);
        flatten("dimensions.", &self.dimensions, &mut lines);
        // A checkpoint with adapters does not have the weights that stay as they were.
        lines.extend(self.parameters.frozen().map(|hash| format!("frozen weights = {hash}")));
        lines.retain(|line| !INDIFFERENT.iter().any(|key| line.starts_with(key)));
        lines.join("\n")
    }

    fn record(&self, trained: &Trained, now: SystemTime) -> TrainingRecord {
        TrainingRecord {
            from: self.from.clone(),
            data: self.data.folder.display().to_string(),
            data_hash: self.data.hash.clone(),
            posts: self.data.posts,
            pairs: self.data.pairs,
            regions: self.data.regions,
            steps: [trained.steps, trained.best_step],
            dev_score: (trained.score * 1e4).round() / 1e4,
            measure: self.measure.to_owned(),
            ended: humantime::format_rfc3339_seconds(now).to_string(),
            revision: env!("RIVEG_REVISION").to_owned(),
            recipe: self.recipe.clone(),
        }
    }
}

/// The values of a table, as `key = value` with dots in the key.
fn flatten(prefix: &str, table: &Table, lines: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => flatten(&format!("{prefix}{key}."), inner, lines),
            value => lines.push(format!("{prefix}{key} = {value}")),
        }
    }
}
