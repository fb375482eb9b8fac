//! `riveg train`: the pocket bundle from nothing, and the encoder of similar posts for a bundle that is there.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Failure;
use crate::lab::train::{Network, TrainingRun, assemble, recipe, train_pocket, train_retriever};

/// What to train.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Train the networks of the pocket bundle on the pocket world, from scratch or from where they were left.
    #[command(after_help = EXAMPLES)]
    Pocket(Pocket),
    /// Train the encoder by which similar posts are found on the pocket world, and put it into a bundle with a tagger.
    #[command(after_help = KNOW_EXAMPLES)]
    Know(Know),
}

const EXAMPLES: &str = "\
Examples:
  riveg train pocket                          all networks, then bundles/pocket: some two hours on one core
  riveg train pocket --only tagger            one network; a killed training goes on from its checkpoint
  riveg train pocket --only ofa --steps 200   a short trial
  riveg train pocket --bundle-only            the bundle from the checkpoints as they are
  riveg train know --bundle bundles/pocket    what similar posts are found by: some ten minutes on one core";

const KNOW_EXAMPLES: &str = "\
Examples:
  riveg train know --bundle bundles/pocket             a killed training goes on from its checkpoint
  riveg train know --bundle bundles/mine --steps 20    a short trial";

#[derive(Debug, Args)]
struct Pocket {
    /// Only these networks, in this order.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NETWORKS")]
    only: Vec<Network>,
    /// Checkpoints and tokenizers are kept here.
    #[arg(long, default_value = "target/train/pocket", value_name = "DIR")]
    work: PathBuf,
    /// Steps instead of the recipe's.
    #[arg(long)]
    steps: Option<i64>,
    /// Decides weights, worlds and order.
    #[arg(long, default_value_t = recipe::SEED)]
    seed: u64,
    /// The bundle is written here once all its networks are trained.
    #[arg(long, default_value = "bundles/pocket", value_name = "DIR")]
    out: PathBuf,
    /// Train nothing, write the bundle.
    #[arg(long, conflicts_with_all = ["only", "steps"])]
    bundle_only: bool,
    /// Threads of libtorch; all cores if not given.
    #[arg(long)]
    threads: Option<i32>,
}

#[derive(Debug, Args)]
struct Know {
    /// The bundle that it is put into; its tagger's vocabulary is the encoder's as well.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// The checkpoint is kept here.
    #[arg(long, default_value = "target/train/pocket", value_name = "DIR")]
    work: PathBuf,
    /// Steps instead of the recipe's.
    #[arg(long)]
    steps: Option<i64>,
    /// Decides weights, worlds and order.
    #[arg(long, default_value_t = recipe::SEED)]
    seed: u64,
    /// Threads of libtorch; all cores if not given.
    #[arg(long)]
    threads: Option<i32>,
}

/// Trains.
///
/// # Errors
/// If files cannot be read or written.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.what {
        What::Pocket(pocket) => run_pocket(pocket),
        What::Know(Know { bundle, work, steps, seed, threads }) => {
            train_retriever(&TrainingRun { folder: work, steps, seed, threads }, &bundle)?;
            println!("{}", bundle.display());
            Ok(())
        }
    }
}

fn run_pocket(pocket: Pocket) -> Result<(), Failure> {
    let run =
        TrainingRun { folder: pocket.work, steps: pocket.steps, seed: pocket.seed, threads: pocket.threads };
    let is_whole = pocket.only.is_empty();
    if !pocket.bundle_only {
        let networks = if is_whole { Network::ALL.to_vec() } else { pocket.only };
        train_pocket(&run, &networks)?;
    }
    if is_whole {
        assemble(&run, &pocket.out)?;
        println!("{}", pocket.out.display());
    }
    Ok(())
}
