//! `riveg train`: trains tagger, gate, grounder and segmenter on labelled posts, the pocket bundle, the retriever of a bundle,
//! and a joint network.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Failure;
use crate::lab::dataset::PairTask;
use crate::lab::train::{Network, assemble, train_joint, train_pocket, train_retriever};

use self::world::WorldArguments;

mod shown;
mod changes;
mod trained;
mod machine;
mod world;
mod labelled;
mod pairs;
mod masks;

/// Train the networks of a bundle.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Tagger(labelled::Arguments),
    /// Train a gate on labelled posts with pictures, and put it into a bundle.
    ///
    /// Begins with the gate of a bundle, which must be an OFA. A pair of picture and entity is entailed if the picture has a
    /// region of the entity; each file of expressions makes pairs of its own. After each pass the dev split is scored, and the
    /// weights with the best accuracy become the gate of the bundle. A training that was killed continues from its checkpoint,
    /// to the same weights to the bit, when the same command is given again.
    #[command(after_help = pairs::GATE_EXAMPLES)]
    Gate(pairs::Arguments),
    /// Train a grounder on labelled posts with pictures, and put it into a bundle.
    ///
    /// Begins with the grounder of a bundle, which must be an OFA. It learns the largest box of each entity that a picture
    /// shows. All else is as in `riveg train gate`; the score is the share of boxes with an IoU of at least 0.5.
    #[command(after_help = pairs::GROUNDER_EXAMPLES)]
    Grounder(pairs::Arguments),
    Segmenter(masks::Arguments),
    /// Train the networks of the pocket bundle on the pocket world, from scratch or from a checkpoint.
    #[command(after_help = EXAMPLES)]
    Pocket(Pocket),
    /// Train the retriever of similar posts on the pocket world, and add it to a bundle with a tagger.
    #[command(after_help = KNOW_EXAMPLES)]
    Know(Know),
    /// Train a joint network, which finds entities, types and regions in one pass, on the pocket world, and write a bundle of
    /// it and of a segmenter.
    #[command(after_help = JOINT_EXAMPLES)]
    Joint(Joint),
}

const EXAMPLES: &str = "\
Examples:
  riveg train tagger --data tweets --from minilm --out mine   a tagger for your own posts
  riveg train gate --data tweets --from published --out mine   its gate, on your own pictures
  riveg train segmenter --data masks --from published --out mine   its segmenter, on your own masks
  riveg train pocket                          all networks, then bundles/pocket: three to four hours on one core
  riveg train pocket --only tagger            one network; a killed training continues from its checkpoint
  riveg train pocket --only ofa --steps 200   a short trial
  riveg train pocket --bundle-only            the bundle from the present checkpoints
  riveg train know --bundle bundles/pocket    the retriever: some ten minutes on one core
  riveg train joint --bundle bundles/pocket --out bundles/joint    a joint network";

const KNOW_EXAMPLES: &str = "\
Examples:
  riveg train know --bundle bundles/pocket             a killed training continues from its checkpoint
  riveg train know --bundle bundles/mine --steps 20    a short trial";

const JOINT_EXAMPLES: &str = "\
Examples:
  riveg train joint --bundle bundles/pocket --out bundles/joint    a killed training continues from its checkpoint
  riveg eval --set bundle.path=bundles/joint                       its scores";

#[derive(Debug, Args)]
struct Pocket {
    /// Only these networks, in this order.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NETWORKS")]
    only: Vec<Network>,
    /// The folder of the bundle, written after all networks are trained.
    #[arg(long, default_value = "bundles/pocket", value_name = "DIR")]
    out: PathBuf,
    /// Write the bundle without training.
    #[arg(long, conflicts_with_all = ["only", "steps"])]
    bundle_only: bool,
    #[command(flatten)]
    world: WorldArguments,
}

#[derive(Debug, Args)]
struct Know {
    /// The bundle that receives the retriever, which uses the vocabulary of its tagger.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    #[command(flatten)]
    world: WorldArguments,
}

#[derive(Debug, Args)]
struct Joint {
    /// The bundle whose tagger gives the vocabulary and the text's encoder, whose grounder (an OFA) gives the ResNet, and whose
    /// segmenter is taken.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// The folder of the bundle that is written.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    world: WorldArguments,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.what {
        What::Tagger(arguments) => labelled::run(&arguments),
        What::Gate(arguments) => pairs::run(PairTask::Entailment, arguments),
        What::Grounder(arguments) => pairs::run(PairTask::Grounding, arguments),
        What::Segmenter(arguments) => masks::run(&arguments),
        What::Pocket(pocket) => run_pocket(pocket),
        What::Know(Know { bundle, world }) => {
            train_retriever(&world.run(), &bundle)?;
            println!("{}", bundle.display());
            Ok(())
        }
        What::Joint(Joint { bundle, out, world }) => {
            train_joint(&world.run(), &bundle, &out)?;
            println!("{}", out.display());
            Ok(())
        }
    }
}

fn run_pocket(pocket: Pocket) -> Result<(), Failure> {
    let Pocket { only, out, bundle_only, world } = pocket;
    let (run, is_whole) = (world.run(), only.is_empty());
    if !bundle_only {
        train_pocket(&run, if is_whole { &Network::ALL } else { &only })?;
    }
    if is_whole {
        assemble(&run, &out)?;
        println!("{}", out.display());
    }
    Ok(())
}
