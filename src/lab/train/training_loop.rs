//! Training loop: step, log, validate, save; can be stopped at any time and resumed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use tch::Tensor;
use tch::nn::VarStore;

use super::checkpoint;
use super::optimiser::{AdamW, Schedule};

/// Time between two checkpoints, which a killed process loses at most.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
/// Steps between two lines of the log.
const LOG_INTERVAL: i64 = 10;
/// Steps between two validations.
const VALIDATION_INTERVAL: i64 = 500;

/// One training: name, checkpoint, schedule.
#[derive(Debug, Clone)]
pub(super) struct TrainingJob {
    /// Its name in the log.
    pub(super) name: String,
    /// The checkpoint's file.
    pub(super) checkpoint: PathBuf,
    /// Learning rate and steps.
    pub(super) schedule: Schedule,
    /// Weight decay of matrices.
    pub(super) weight_decay: f64,
}

/// A network with its data, as the training loop uses them.
pub(super) trait TrainingTask {
    /// The loss of a step's batch, and a text for the log.
    fn loss(&mut self, step: i64) -> (Tensor, String);
    /// Scores on development data, as a text for the log.
    fn validate(&mut self) -> String;
}

/// Trains `store` to the end of the job's schedule, from its checkpoint if there is one. Afterwards the store holds the
/// averaged weights.
///
/// # Errors
/// If a checkpoint cannot be read or written.
pub(super) fn run_training(
    job: &TrainingJob,
    store: &VarStore,
    make: impl FnOnce(i64) -> Box<dyn TrainingTask>,
) -> Result<()> {
    let mut optimiser = AdamW::new(store, job.schedule, job.weight_decay);
    checkpoint::resume(&job.checkpoint, store, &mut optimiser)?;
    let first = optimiser.step();
    if first < job.schedule.steps {
        let mut learner = make(first);
        tracing::info!(job = job.name, first, steps = job.schedule.steps, "training");
        let (mut saved, started) = (Instant::now(), Instant::now());
        while optimiser.step() < job.schedule.steps {
            let (loss, words) = learner.loss(optimiser.step());
            let norm = optimiser.descend(&loss);
            let step = optimiser.step();
            if step % LOG_INTERVAL == 0 {
                let rate = (step - first) as f64 / started.elapsed().as_secs_f64();
                tracing::info!(
                    job = job.name,
                    step,
                    of = job.schedule.steps,
                    "loss {:.4} {words} norm {norm:.2} {rate:.2} steps/s",
                    loss.double_value(&[])
                );
            }
            if saved.elapsed() > CHECKPOINT_INTERVAL || step == job.schedule.steps {
                checkpoint::save(&job.checkpoint, store, &optimiser)?;
                saved = Instant::now();
            }
            if step % VALIDATION_INTERVAL == 0 {
                tracing::info!(job = job.name, step, "validation: {}", learner.validate());
            }
        }
    }
    checkpoint::fill(store, with_unaveraged(store, optimiser.averaged()))
}

/// Averaged weights, and current values of the variables that are not averaged, such as counters.
fn with_unaveraged(
    store: &VarStore,
    averaged: Vec<(String, Tensor)>,
) -> std::collections::HashMap<String, Tensor> {
    let mut all: std::collections::HashMap<String, Tensor> =
        store.variables().into_iter().map(|(name, variable)| (name, variable.detach().copy())).collect();
    all.extend(averaged);
    all
}
