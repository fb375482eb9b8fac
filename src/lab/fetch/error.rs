//! Errors of fetching a bundle: which recipe, stage or file, and what can be done. The bundle's folder is as it was.

use std::io;
use std::path::PathBuf;

use crate::common::hub::HubError;
use crate::domain::Stage;
use crate::networks::bundle::{BundleError, ImportError};

/// Why no bundle was made.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The recipe cannot be used.
    #[error("the recipe `{recipe}` cannot be used: {message}")]
    Recipe {
        /// Its name or path.
        recipe: String,
        /// Why.
        message: String,
    },
    /// The lock of the bundle that is there cannot be used.
    #[error("`{}` cannot be used: {message}; remove it, and the bundle is made anew", file.display())]
    Lock {
        /// Which file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// A stage needs weights that nobody publishes.
    #[error("the stage `{stage}` of `{recipe}` needs {what}: give it with `--from {stage}=PATH`")]
    Own {
        /// The recipe.
        recipe: String,
        /// The stage.
        stage: Stage,
        /// What is needed.
        what: String,
    },
    /// The recipe has no such stage.
    #[error("the recipe `{recipe}` has no stage `{stage}`, for which `--from` gives weights")]
    NoStage {
        /// The recipe.
        recipe: String,
        /// The stage.
        stage: Stage,
    },
    /// A file did not come.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The files of a stage make no network of it.
    #[error("what was downloaded for the stage `{stage}` cannot be imported")]
    Import {
        /// The stage.
        stage: Stage,
        /// Why.
        #[source]
        source: ImportError,
    },
    /// The bundle is not whole.
    #[error("the bundle that was put together cannot be opened")]
    Bundle(#[from] BundleError),
    /// Something else is in the bundle's folder.
    #[error(
        "`{}` holds something that `riveg bundle fetch` did not make, and is left alone: choose another folder",
        out.display()
    )]
    Occupied {
        /// The folder.
        out: PathBuf,
    },
    /// Another process makes the same bundle.
    #[error("another fetch is at work on `{}`", out.display())]
    Busy {
        /// The folder.
        out: PathBuf,
    },
    /// The bundle cannot be written.
    #[error("cannot write `{}`", file.display())]
    Write {
        /// Which file or folder.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
