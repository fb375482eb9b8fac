//! `riveg train segmenter`: arguments, and the recipe with its changes.

use std::path::PathBuf;

use super::changes::Changes;
use super::machine::MachineArguments;
use super::shown::Shown;
use super::trained;
use crate::cli::settings::Settings;
use crate::cli::{Failure, UsageError};
use crate::lab::train::{MaskRecipe, MaskTraining};

/// Train a segmenter on posts with masks, and put it into a bundle.
///
/// Begins with the segmenter of a bundle, a SAM or a SAM 2. Reads the splits `train` and `dev` of the data sets with masks that
/// `riveg eval` reads: Twitter-SMNER (labelme), COCO, Label Studio, and feed.jsonl with gold.jsonl. Each region with a box and a
/// mask is learnt: the network is asked by the box, whose edges are moved a little. The encoder of pictures stays as it is unless
/// the recipe says otherwise (`--set frozen.image_encoder=false`). After each pass the dev split is scored, and the weights with
/// the best mean IoU become the segmenter of the bundle. A training that was killed continues from its checkpoint, to the same
/// weights to the bit, when the same command is given again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg train segmenter --data twitter-smner --from published --out mine
  riveg train segmenter --data corrected --from mine --epochs 3 --rate 1e-5 --out mine
  riveg train segmenter --data labelled --from small --set frozen.image_encoder=false --out mine
  riveg annotate --set bundle.segment=mine posts.jsonl         what was trained, at work")]
pub(super) struct Arguments {
    /// The folder of the data set.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The bundle whose segmenter it begins with, which must be a SAM or a SAM 2.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The recipe: `segmenter`, or a file with the keys of `config/training/segmenter.toml` that differ.
    #[arg(long, default_value = "segmenter", value_name = "RECIPE")]
    recipe: String,
    /// The bundle that receives the segmenter; it is begun where there is none.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The folder of checkpoint and figures.
    #[arg(long, default_value = "target/train/segmenter", value_name = "DIR")]
    work: PathBuf,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    machine: MachineArguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { data, from, recipe, out, work, changes, machine } = arguments;
    let recipe = MaskRecipe::read(recipe, &changes.all("rates.network")?);
    let training = MaskTraining {
        data: data.clone(),
        from: from.clone(),
        recipe: recipe.map_err(|error| UsageError(error.to_string()))?,
        // The limits of pictures are those of the engine.
        decode: Settings { config: Vec::new(), set: Vec::new() }.load()?.config.decode,
        work: work.clone(),
        out: out.clone(),
        machine: machine.find()?,
    };
    let trained = training.run(&mut Shown::new("segmenter"))?;
    Ok(trained::print(out, &trained)?)
}
