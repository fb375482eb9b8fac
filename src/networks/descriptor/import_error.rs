//! Import errors: which file, which key, what was expected and what was found.

use std::path::PathBuf;

use crate::domain::Stage;
use crate::networks::checkpoint::{CheckpointError, Family};
use crate::networks::weights::{BundleError, SelfTestError};
use crate::stages::vocabulary::VocabularyError;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it should be.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its weights do not fit the network, or the bundle cannot be written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The network does not answer.
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
    /// The tokenizer cannot be read.
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    /// The checkpoint is of a network that does something else.
    #[error("`{}` holds {family}, which cannot serve the stage `{stage}`: expected {expected}", file.display())]
    OtherNetwork {
        /// The published file.
        file: PathBuf,
        /// What it holds.
        family: &'static Family,
        /// The stage asked for.
        stage: Stage,
        /// What would serve it.
        expected: String,
    },
    /// The checkpoint lacks what only training for the stage gives it.
    #[error(
        "`{}` does not fit: `{key}`: expected {expected}, found none: {family} was trained, but not yet for the stage \
         `{stage}`; fine-tune it, or import a checkpoint that is",
        file.display()
    )]
    NotTaught {
        /// The published file.
        file: PathBuf,
        /// What it holds.
        family: &'static Family,
        /// The stage asked for.
        stage: Stage,
        /// The tensors that are missing.
        key: &'static str,
        /// What they do.
        expected: &'static str,
    },
    /// The checkpoint says that it was trained for something else.
    #[error(
        "`{}` does not fit the stage `{stage}`: `{key}`: expected `{expected}`, found `{found}`: its tensors would fit, \
         but it was taught another task",
        file.display()
    )]
    OtherTask {
        /// The published file.
        file: PathBuf,
        /// The stage asked for.
        stage: Stage,
        /// Where in the file it says so.
        key: String,
        /// The task that serves the stage.
        expected: &'static str,
        /// The task that it was trained for.
        found: String,
    },
    /// The checkpoint has the head of another task.
    #[error("`{}` does not fit the stage `{stage}`: it has `{key}`, the head of {found}", file.display())]
    OtherHead {
        /// The published file.
        file: PathBuf,
        /// The stage asked for.
        stage: Stage,
        /// The tensor.
        key: String,
        /// The task that it was trained for.
        found: String,
    },
    /// The stage is not described so that there could be a network.
    #[error("the stage `{stage}` cannot be made as asked: {message}")]
    Description {
        /// The stage asked for.
        stage: Stage,
        /// What is wrong, with the key, what was expected and what was found.
        message: String,
    },
    /// The network reads whole words, which its file does not hold.
    #[error(
        "`{}` holds {family}, which reads whole words, and no file of weights holds them: give the {rows} words of its \
         table with --tokenizer, as `token_to_ix.pkl` from the folder of the annotations that it was trained on, or as a \
         list in the order of their ids, one a line",
        file.display()
    )]
    NoWords {
        /// The published file.
        file: PathBuf,
        /// What it holds.
        family: &'static Family,
        /// Rows of its table of words.
        rows: i64,
    },
    /// The labels of a tagger are not known, or do not fit.
    #[error("`{}` does not fit: labels: {message}", file.display())]
    Labels {
        /// The checkpoint, or its `config.json`.
        file: PathBuf,
        /// What is wrong, and what to give.
        message: String,
    },
    /// No recipe has this name.
    #[error("no recipe is called `{name}`; there are `{known}`")]
    UnknownRecipe {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// The recipe is one of other networks.
    #[error(
        "the recipe `{name}` has no question for the stage `{stage}` of the network `{architecture}`; it has: {known}"
    )]
    OtherRecipe {
        /// The recipe.
        name: String,
        /// The stage asked for.
        stage: Stage,
        /// Its network.
        architecture: &'static str,
        /// The stages and networks that the recipe knows.
        known: String,
    },
    /// Another import is at work in the same bundle.
    #[error("another import is at work in `{}`", folder.display())]
    Busy {
        /// The bundle's folder.
        folder: PathBuf,
    },
}
