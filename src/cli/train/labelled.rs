//! `riveg train tagger`: arguments, and the recipe with its changes.

use std::path::PathBuf;

use super::changes::Changes;
use super::machine::MachineArguments;
use super::shown::Shown;
use super::trained;
use crate::cli::{Failure, UsageError};
use crate::lab::train::{Origin, Recipe, TaggerTraining};

/// Train a tagger with a CRF on labelled posts, and put it into a bundle.
///
/// Reads the splits `train` and `dev` of the data sets that `riveg eval` reads; pictures are not needed. After each pass
/// the dev split is scored, and the weights with the best F1 become the bundle's tagger. A training that was killed
/// continues from its checkpoint, to the same weights to the bit, when the same command is given again.
///
/// The folder of work has the checkpoint, the figures (`metrics.jsonl`), TensorBoard's events and a plot (`training.svg`).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg train tagger --data twitter-gmner --from minilm --out mine
  riveg train tagger --data adaseq --from mine --recipe tagger-knowledge --out mine-knowledge
  riveg train tagger --data labelled --from roberta-base --epochs 3 --set rates.crf=0.02 --out mine
  riveg train tagger --data labelled --from xlm-roberta-large --rate 1e-3 --set adapters.rank=8 --out mine
  riveg train tagger --data labelled --out small                   a small network from nothing
  riveg annotate --set bundle.recognise=mine posts.jsonl           what was trained, at work")]
pub(super) struct Arguments {
    /// The folder of the data set.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// What to begin with: a folder of Transformers with `config.json`, weights and vocabulary (BERT, RoBERTa, XLM-R,
    /// BERTweet, DistilBERT), or a bundle [default: nothing].
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The recipe: `tagger`, `tagger-knowledge`, `tagger-paper`, or a file with the keys of `config/training/tagger.toml`
    /// that differ.
    #[arg(long, default_value = "tagger", value_name = "RECIPE")]
    recipe: String,
    /// The bundle that receives the tagger; it is begun where there is none.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The folder of checkpoint and figures.
    #[arg(long, default_value = "target/train/tagger", value_name = "DIR")]
    work: PathBuf,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    machine: MachineArguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let changes = arguments.changes.all("rates.encoder")?;
    let recipe = Recipe::read(&arguments.recipe, &changes).map_err(|error| UsageError(error.to_string()))?;
    let training = TaggerTraining {
        data: arguments.data.clone(),
        origin: Origin::of(arguments.from.as_deref()),
        recipe,
        work: arguments.work.clone(),
        out: arguments.out.clone(),
        machine: arguments.machine.find()?,
    };
    let trained = training.run(&mut Shown::new("tagger"))?;
    Ok(trained::print(&arguments.out, &trained)?)
}
