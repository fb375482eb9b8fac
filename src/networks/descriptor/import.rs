//! Import of published checkpoints: what a network's folder knows of their form, their dimensions and their vocabularies.

use std::collections::BTreeMap;
use std::sync::Arc;

use safetensors::Dtype;
use tch::{Kind, Tensor};
use tokenizers::Tokenizer;
use toml::Table;

use super::config_json::ConfigJson;
use super::dimensions::Dimensions;
use super::import_error::ImportError;
use crate::common::imaging::Picture;
use crate::networks::checkpoint::{Checkpoint, Family, Instead};
use crate::networks::weights::{BundleError, Fault, SelfTestError, WeightSource};
use crate::stages::vocabulary::Locations;

/// Adds dimensions that a checkpoint gives to those of a manifest.
pub type AddDimensions = fn(&Checkpoint, &mut Table, bool) -> Option<String>;
/// Gives a checkpoint's recipe, and why it is that one.
pub type RecipeOf = fn(&Checkpoint) -> (&'static str, String);
/// Makes tensors in place of a checkpoint's.
pub type ReplaceTensors = fn(&Checkpoint, &Dimensions) -> Result<Replaced, ImportError>;
/// Computes the share of answers after a prompt about a picture.
pub type ShareOfAnswers =
    fn(&WeightSource<'_>, &Dimensions, Arc<Picture>, Vec<u32>) -> Result<f64, SelfTestError>;

/// How published checkpoints become a network of a bundle.
#[derive(Debug)]
pub struct Importing {
    /// The network in messages, with its article: `an OFA`.
    pub noun: &'static str,
    /// The families whose checkpoints it can be made of.
    pub families: &'static [&'static Family],
    /// Families of which a checkpoint lacks what training for the stage gives, and what to do about it.
    pub untrained: &'static [(&'static Family, &'static str)],
    /// The task, as fairseq registers it, that a checkpoint says it was trained for.
    pub task: Option<&'static str>,
    /// Tensors that only networks of other tasks have, and those tasks.
    pub other_tasks: &'static [(&'static str, &'static str)],
    /// Which `config.json` is of such a network, and the dimensions that it gives.
    pub config: Option<PublishedConfig>,
    /// Decides by the checkpoint which recipe's question it was trained with, for imports that name no recipe.
    pub recipe: Option<RecipeOf>,
    /// Adds dimensions that the checkpoint gives; `true` says that a preset was named, or that a
    /// `config.json` gives the rest. Gives a note for users.
    pub dimensions: Option<AddDimensions>,
    /// Replaces tensors that have another shape here.
    pub tensors: Option<ReplaceTensors>,
    /// What the pieces of its vocabulary must be.
    pub pieces: Option<Pieces>,
    /// How an imported network shows that it was trained for its stage.
    pub answers: Option<Answers>,
}

impl Importing {
    /// A network of which no checkpoint is published in a form that can be read.
    #[must_use]
    pub const fn none(noun: &'static str) -> Self {
        Self {
            noun,
            families: &[],
            untrained: &[],
            task: None,
            config: None,
            other_tasks: &[],
            recipe: None,
            dimensions: None,
            tensors: None,
            pieces: None,
            answers: None,
        }
    }

    /// A network that is made of checkpoints of these families.
    #[must_use]
    pub const fn of(noun: &'static str, families: &'static [&'static Family]) -> Self {
        Self { families, ..Self::none(noun) }
    }
}

/// The `config.json` of networks that can serve a stage.
#[derive(Debug)]
pub struct PublishedConfig {
    /// What it gives as `model_type`.
    pub model_types: &'static [&'static str],
    /// The classes in `architectures` that serve the stage; empty: any, where the tensors tell.
    pub architectures: &'static [&'static str],
    /// The dimensions, or the key of which the network here has no such form.
    pub dimensions: fn(&ConfigJson) -> Result<Dimensions, Fault>,
}

/// Tensors in place of the checkpoint's, by the names here, and a note for users.
#[derive(Debug, Default)]
pub struct Replaced {
    /// The tensors.
    pub tensors: BTreeMap<String, Instead>,
    /// The note.
    pub note: Option<String>,
}

/// What the pieces of a vocabulary must be for a network.
#[derive(Debug)]
pub struct Pieces {
    /// Where the network has its location tokens.
    pub locations: fn(&Dimensions) -> Locations,
    /// What does not fit.
    pub faults: fn(&Tokenizer, &Dimensions) -> PieceFaults,
}

/// Pieces that do not fit a network.
#[derive(Debug, Default)]
pub struct PieceFaults {
    /// Faults of every vocabulary.
    pub always: Vec<Fault>,
    /// Faults of a published vocabulary; one's own may differ.
    pub published: Vec<Fault>,
}

/// The share of probability that a network gives to answers of its stage, by which one that was trained for another task
/// is recognised.
#[derive(Debug)]
pub struct Answers {
    /// The answers, in messages.
    pub are: &'static str,
    /// The share that they have after a prompt about a picture.
    pub share: ShareOfAnswers,
}

/// A tensor of a checkpoint in single precision, or none where it has none of that name, or one of whole numbers.
///
/// # Errors
/// If the file cannot be read.
pub(in crate::networks) fn read_floats(
    checkpoint: &Checkpoint,
    name: &str,
) -> Result<Option<Tensor>, ImportError> {
    let kind = match checkpoint.dtype(name) {
        Some(Dtype::F16) => Kind::Half,
        Some(Dtype::BF16) => Kind::BFloat16,
        Some(Dtype::F32) => Kind::Float,
        Some(Dtype::F64) => Kind::Double,
        _ => return Ok(None),
    };
    let Some(shape) = checkpoint.shape(name) else { return Ok(None) };
    let shape: Vec<i64> = shape.iter().map(|&side| side as i64).collect();
    let read = Tensor::f_from_data_size(&checkpoint.read(name)?, &shape, kind);
    let torch = |source| BundleError::Torch { file: checkpoint.path().to_owned(), source };
    Ok(Some(read.and_then(|read| read.f_to_kind(Kind::Float)).map_err(torch)?))
}
