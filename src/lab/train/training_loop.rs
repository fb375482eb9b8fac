//! The loop of every training: step, log, validate, save; stops anywhere and goes on from there.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use tch::Tensor;
use tch::nn::VarStore;

use super::checkpoint;
use super::optimiser::{AdamW, Schedule};

/// Time between two checkpoints: what a killed process may lose.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
/// Steps between two lines of the log.
const LOG_INTERVAL: i64 = 10;
/// Steps between two validations.
const VALIDATION_INTERVAL: i64 = 500;

/// One training: what it is called, where its checkpoint lies, how long it is.
#[derive(Debug, Clone)]
pub(super) struct TrainingJob {
    /// In the log.
    pub(super) name: String,
    /// The checkpoint's file.
    pub(super) checkpoint: PathBuf,
    /// Rates and steps.
    pub(super) schedule: Schedule,
    /// Decay of the matrices.
    pub(super) weight_decay: f64,
}

/// What the loop asks of a network: the loss of a step with words about it, and a score on other data.
pub(super) trait TrainingTask {
    /// The loss of that step's batch, and what the log shall say of it.
    fn loss(&mut self, step: i64) -> (Tensor, String);
    /// A score on data that is not trained on, in words.
    fn validate(&mut self) -> String;
}

/// Trains `store` to the end of the job's schedule, from its checkpoint if there is one. The averaged weights are in
/// the store afterwards.
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

/// Counters and other variables that are not averaged stay as they are.
fn with_unaveraged(
    store: &VarStore,
    averaged: Vec<(String, Tensor)>,
) -> std::collections::HashMap<String, Tensor> {
    let mut all: std::collections::HashMap<String, Tensor> =
        store.variables().into_iter().map(|(name, variable)| (name, variable.detach().copy())).collect();
    all.extend(averaged);
    all
}
