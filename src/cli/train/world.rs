//! Arguments of the trainings on the pocket world: folder of work, steps, seed, threads.

use std::path::PathBuf;

use crate::lab::train::{TrainingRun, recipe};

// How a training on the pocket world runs.
#[derive(Debug, clap::Args)]
pub(super) struct WorldArguments {
    /// The folder of checkpoints and vocabularies.
    #[arg(long, default_value = "target/train/pocket", value_name = "DIR")]
    work: PathBuf,
    /// Training steps [default: those of the recipe].
    #[arg(long)]
    steps: Option<i64>,
    /// The seed of weights, worlds and order.
    #[arg(long, default_value_t = recipe::SEED)]
    seed: u64,
    /// Threads of libtorch [default: all cores].
    #[arg(long)]
    threads: Option<i32>,
}

impl WorldArguments {
    /// The training.
    pub(super) fn run(self) -> TrainingRun {
        let Self { work, steps, seed, threads } = self;
        TrainingRun { folder: work, steps, seed, threads }
    }
}
