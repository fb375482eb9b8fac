//! `riveg train tagger`: arguments, the recipe with its changes, and what is printed at the end.

use std::io::Write;
use std::path::PathBuf;

use toml::{Table, Value};

use super::shown::Shown;
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
    /// Passes over the texts [default: those of the recipe].
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Texts of a step [default: those of the recipe].
    #[arg(long, value_name = "N")]
    batch: Option<u32>,
    /// Highest learning rate of the encoder [default: that of the recipe].
    #[arg(long, value_name = "RATE")]
    rate: Option<f64>,
    /// The seed of order, dropout and fresh weights [default: that of the recipe].
    #[arg(long)]
    seed: Option<u32>,
    /// Any key of the recipe, such as `steps.at_once=8`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Threads of libtorch [default: all cores]. A resumed training needs the same number for the same bits.
    #[arg(long)]
    threads: Option<i32>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let changes = changes(arguments)?;
    let recipe = Recipe::read(&arguments.recipe, &changes).map_err(|error| UsageError(error.to_string()))?;
    let training = TaggerTraining {
        data: arguments.data.clone(),
        origin: Origin::of(arguments.from.as_deref()),
        recipe,
        work: arguments.work.clone(),
        out: arguments.out.clone(),
        threads: arguments.threads,
    };
    let trained = training.run(&mut Shown::new("tagger"))?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{}: F1 {:.4} on the dev split after {} of {} steps\nplot: {}",
        arguments.out.display(),
        trained.dev_f1,
        trained.best_step,
        trained.steps,
        trained.plot.display()
    )?;
    Ok(())
}

/// Changes of the recipe: those of the flags, then those of `--set`.
fn changes(arguments: &Arguments) -> Result<Vec<(String, Value)>, UsageError> {
    let Arguments { epochs, batch, rate, seed, set, .. } = arguments;
    let flags = [
        ("steps.epochs", epochs.map(Value::from)),
        ("steps.batch", batch.map(Value::from)),
        ("rates.encoder", rate.map(Value::from)),
        ("seed", seed.map(Value::from)),
    ];
    let flags = flags.into_iter().filter_map(|(key, value)| Some(Ok((key.to_owned(), value?))));
    flags.chain(set.iter().map(|text| change(text))).collect()
}

/// `key=value` as TOML; what is no TOML is a string.
fn change(text: &str) -> Result<(String, Value), UsageError> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| UsageError(format!("`{text}` is not of the form key=value")))?;
    let read = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    Ok((key.trim().to_owned(), read.unwrap_or_else(|| value.into())))
}
