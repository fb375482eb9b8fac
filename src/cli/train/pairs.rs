//! `riveg train gate` and `riveg train grounder`: arguments, and the recipe with its changes.

use std::path::PathBuf;

use super::changes::Changes;
use super::machine::MachineArguments;
use super::shown::Shown;
use super::trained;
use crate::cli::dataset::Told;
use crate::cli::settings::Settings;
use crate::cli::{Failure, UsageError};
use crate::lab::dataset::PairTask;
use crate::lab::train::{PairRecipe, PairTraining};

pub(super) const GATE_EXAMPLES: &str = "\
Examples:
  riveg train gate --data twitter-gmner --from published --out mine
  riveg train gate --data twitter-gmner --expressions gpt.txt --expressions llama.txt --from published --out mine
  riveg train gate --data pairs --from published --epochs 2 --set frozen.trunk=true --out mine   ve-train.tsv and ve-dev.tsv
  riveg annotate --set bundle.entail=mine posts.jsonl                                        what was trained, at work";

pub(super) const GROUNDER_EXAMPLES: &str = "\
Examples:
  riveg train grounder --data twitter-gmner --from published --out mine
  riveg train grounder --data pairs --from published --out mine    vg-train.tsv and vg-dev.tsv
  riveg annotate --set bundle.ground=mine posts.jsonl          what was trained, at work";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder of the data set, or of files of pairs as `riveg dataset convert --to ve-tsv` and `--to vg-tsv` write them,
    /// named `ve-SPLIT.tsv` and `vg-SPLIT.tsv`.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    told: Told,
    /// The bundle whose network it begins with, which must be an OFA.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The recipe: `gate` or `grounder`, or a file with the keys of `config/training/gate.toml` or `grounder.toml` that
    /// differ [default: that of the command's name].
    #[arg(long, value_name = "RECIPE")]
    recipe: Option<String>,
    /// The bundle that receives the network; it is begun where there is none.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The folder of checkpoint and figures [default: target/train/gate or target/train/grounder].
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    machine: MachineArguments,
}

pub(super) fn run(task: PairTask, arguments: Arguments) -> Result<(), Failure> {
    let name = task.network();
    let Arguments { data, told, from, recipe, out, work, changes, machine } = arguments;
    let recipe = PairRecipe::read(task, recipe.as_deref().unwrap_or(name), &changes.all("rates.network")?);
    let training = PairTraining {
        task,
        data,
        sources: told.read()?,
        from,
        recipe: recipe.map_err(|error| UsageError(error.to_string()))?,
        // The limits of pictures are those of the engine.
        decode: Settings { config: Vec::new(), set: Vec::new() }.load()?.config.decode,
        work: work.unwrap_or_else(|| PathBuf::from(format!("target/train/{name}"))),
        out: out.clone(),
        machine: machine.find()?,
    };
    let trained = training.run(&mut Shown::new(name))?;
    Ok(trained::print(&out, &trained)?)
}
