//! Training loop: step, report, validate, save; can be killed at any time and resumed to the same weights.
//!
//! What a step draws at random depends on the seed and the step alone, so a resumed training repeats it to the bit.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tch::nn::VarStore;
use tch::{Tensor, no_grad};

use super::checkpoint::{self, Checkpoint};
use super::optimiser::{AdamW, Descent};
use super::parameters::Parameters;
use super::stopping::Stopping;

/// Time between two checkpoints, which a killed process loses at most.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// One training: name, checkpoint, steps, rates.
#[derive(Debug, Clone)]
pub(super) struct TrainingJob {
    /// Its name in the log.
    pub(super) name: String,
    /// The checkpoint's file.
    pub(super) checkpoint: PathBuf,
    /// Learning rates and steps.
    pub(super) descent: Descent,
    /// The seed of what steps draw at random.
    pub(super) seed: u64,
    /// Steps between two validations; the last step has one too.
    pub(super) validation_interval: i64,
    /// Steps between two checkpoints; none: a time.
    pub(super) checkpoint_interval: Option<i64>,
    /// Validations without a better score after which the training ends; none: never.
    pub(super) patience: Option<i64>,
    /// What decides the result: a checkpoint of other words is not continued.
    pub(super) identity: String,
}

/// A network with its data, as the training loop uses them.
pub(super) trait TrainingTask {
    /// The parts of a step's batch: their gradients are added up, so that one part is in memory at a time.
    ///
    /// # Errors
    /// The batch cannot be read.
    fn parts(&mut self, _step: i64) -> Result<usize> {
        Ok(1)
    }

    /// The loss of a part, and a text for the log. The losses of a step's parts add up to that of the step.
    ///
    /// # Errors
    /// The network cannot compute it.
    fn loss(&mut self, step: i64, part: usize) -> Result<(Tensor, String)>;

    /// Scores on development data.
    ///
    /// # Errors
    /// The data cannot be read.
    fn validate(&mut self) -> Result<Validation>;
}

/// Scores on development data.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// All of them, for the log.
    pub words: String,
    /// The one by which weights are chosen, with its name; none: the last averages are taken.
    pub score: Option<(&'static str, f64)>,
}

impl From<String> for Validation {
    fn from(words: String) -> Self {
        Self { words, score: None }
    }
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// Steps taken so far.
    pub step: i64,
    /// Steps of the whole schedule.
    pub of: i64,
    /// The loss.
    pub loss: f64,
    /// More of the loss.
    pub words: String,
    /// The norm of all gradients before clipping.
    pub norm: f64,
    /// The learning rate.
    pub rate: f64,
    /// Time since this process began to train.
    pub elapsed: Duration,
    /// Steps of this process.
    pub own: i64,
}

impl Taken {
    /// The time that the rest of the schedule takes at the speed so far.
    #[must_use]
    pub fn left(&self) -> Duration {
        let left = (self.of - self.step).max(0) as f64 / self.own.max(1) as f64;
        self.elapsed.mul_f64(left)
    }
}

/// Reports of a training.
pub trait Watch {
    /// It begins, or goes on after `step` steps of `of`; what was reported of later ones is taken back.
    ///
    /// # Errors
    /// A report cannot be written, which ends the training.
    fn begins(&mut self, step: i64, of: i64) -> Result<()>;

    /// A step was taken.
    ///
    /// # Errors
    /// As [`Self::begins`].
    fn taken(&mut self, taken: &Taken) -> Result<()>;

    /// The weights after `step` steps were validated; `is_best` says whether no score before was as good.
    ///
    /// # Errors
    /// As [`Self::begins`].
    fn validated(&mut self, step: i64, validation: &Validation, is_best: bool) -> Result<()>;
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    /// Steps taken.
    pub(super) steps: i64,
    /// The best score, and after how many steps.
    pub(super) best: Option<(i64, f64)>,
}

/// Trains the parameters of `store` to the end of the job's schedule, from its checkpoint if there is one. Afterwards the store
/// holds, in 32 bits, the weights with the best score, or, of a task without scores, the averaged ones.
///
/// # Errors
/// If a checkpoint or a report cannot be read or written, or the loss is no number.
pub(super) fn run_training(
    job: &TrainingJob,
    (store, parameters): (&VarStore, &Parameters),
    make: impl FnOnce(i64) -> Box<dyn TrainingTask>,
    watch: &mut dyn Watch,
) -> Result<Outcome> {
    let mut optimiser = AdamW::new(parameters.learnt(), job.descent.clone());
    let mut stopping = Stopping::default();
    let checkpoint = Checkpoint { path: &job.checkpoint, identity: &job.identity };
    checkpoint.resume(parameters.learnt(), &mut optimiser, &mut stopping)?;
    let (first, steps) = (optimiser.step(), job.descent.schedule.steps);
    let goes_on = |step: i64, stopping: &Stopping| step < steps && !stopping.is_over(job.patience);
    watch.begins(first, steps)?;
    if goes_on(first, &stopping) {
        let mut task = make(first);
        tracing::info!(job = job.name, first, steps, "training");
        let (mut saved, started) = (Instant::now(), Instant::now());
        while goes_on(optimiser.step(), &stopping) {
            let (now, rate) = (optimiser.step(), optimiser.rate());
            let (loss, words, norm) = descend(job, parameters, &mut optimiser, task.as_mut())?;
            let step = now + 1;
            let (elapsed, own) = (started.elapsed(), step - first);
            watch.taken(&Taken { step, of: steps, loss, words, norm, rate, elapsed, own })?;
            let is_validated = step % job.validation_interval == 0 || step == steps;
            if is_validated {
                no_grad(|| parameters.write());
                let validation = task.validate()?;
                let is_best = validation.score.is_some_and(|(_, score)| stopping.judge(step, score));
                if is_best {
                    checkpoint::save_weights(&best(&job.checkpoint), parameters)?;
                }
                watch.validated(step, &validation, is_best)?;
            }
            let is_due = match job.checkpoint_interval {
                Some(interval) => step % interval == 0,
                None => saved.elapsed() > CHECKPOINT_INTERVAL,
            };
            // After a validation always, so that a resumed training does not repeat it.
            if is_due || is_validated {
                checkpoint.save(parameters.learnt(), &optimiser, &stopping)?;
                saved = Instant::now();
            }
        }
    }
    let outcome = Outcome { steps: optimiser.step(), best: stopping.best() };
    let weights = match outcome.best {
        Some(_) => checkpoint::read(&best(&job.checkpoint))?,
        None => with_unaveraged(store, optimiser.averaged()),
    };
    checkpoint::fill(store.variables(), weights)?;
    Ok(outcome)
}

/// The file of the weights with the best score, beside a checkpoint.
pub(super) fn best(checkpoint: &Path) -> PathBuf {
    checkpoint.with_extension("best.safetensors")
}

/// Takes one step; returns the loss, its text, and the norm of the gradients.
fn descend(
    job: &TrainingJob,
    parameters: &Parameters,
    optimiser: &mut AdamW,
    task: &mut dyn TrainingTask,
) -> Result<(f64, String, f64)> {
    let step = optimiser.step();
    tch::manual_seed(seed_of(job.seed, step));
    optimiser.clear_gradients();
    let (mut sum, mut text) = (0.0, String::new());
    for part in 0..task.parts(step)? {
        parameters.write();
        let (loss, words) = task.loss(step, part)?;
        loss.backward();
        sum += loss.double_value(&[]);
        text = words;
    }
    if !sum.is_finite() {
        bail!("{}: the loss of step {} is {sum}: a lower learning rate may help", job.name, step + 1);
    }
    let norm = optimiser.apply_gradients();
    if !norm.is_finite() {
        bail!("{}: the gradients of step {} are {norm}: a lower learning rate may help", job.name, step + 1);
    }
    Ok((sum, text, norm))
}

/// The seed of a step. libtorch's generator takes 32 bits of it.
fn seed_of(seed: u64, step: i64) -> i64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&step.to_le_bytes());
    let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
    i64::from(u32::from_le_bytes([a, b, c, d]))
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

/// Steps between two lines of the log.
const LOG_INTERVAL: i64 = 10;

/// Reports as lines of the log.
pub(super) struct LogLines {
    /// The training.
    pub(super) job: String,
}

impl Watch for LogLines {
    fn begins(&mut self, _: i64, _: i64) -> Result<()> {
        Ok(())
    }

    fn taken(&mut self, taken: &Taken) -> Result<()> {
        let Taken { step, of, loss, words, norm, .. } = taken;
        if step % LOG_INTERVAL == 0 {
            let rate = taken.own as f64 / taken.elapsed.as_secs_f64();
            let job = &self.job;
            tracing::info!(job, step, of, "loss {loss:.4} {words} norm {norm:.2} {rate:.2} steps/s");
        }
        Ok(())
    }

    fn validated(&mut self, step: i64, validation: &Validation, _: bool) -> Result<()> {
        tracing::info!(job = self.job, step, "validation: {}", validation.words);
        Ok(())
    }
}
