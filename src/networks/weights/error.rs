//! Errors of bundles: which file, which key, what was expected and what was found.

use std::fmt;
use std::path::PathBuf;

use crate::domain::Stage;
use crate::scheduler::ModelError;

/// Why a bundle was not opened, or not written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file of the bundle could not be read.
    #[error("cannot read `{}` of the bundle", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of the bundle could not be written.
    #[error("cannot write `{}` of the bundle", file.display())]
    Write {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not written in the format that it should have.
    #[error("`{}` is not {format}: {message}", file.display())]
    Format {
        /// Which.
        file: PathBuf,
        /// The format, such as `a safetensors file`.
        format: &'static str,
        /// What its reader says, with the place.
        message: String,
    },
    /// A file can be read, but what it says does not fit; all that does not is listed.
    #[error("`{}` does not fit: {}", file.display(), Listed(faults))]
    Unfit {
        /// Which.
        file: PathBuf,
        /// All that does not fit, at least one.
        faults: Vec<Fault>,
    },
    /// A stage has no network, or cannot be asked: the bundle is not finished.
    #[error("the bundle of `{}` has no {what} for the stage `{stage}`", file.display())]
    Unfinished {
        /// The manifest.
        file: PathBuf,
        /// What is missing.
        what: &'static str,
        /// Whose.
        stage: Stage,
    },
    /// Nothing says which pixels.
    #[error(
        "the bundle of `{}` has no network for the stage `segment`, and the one for the stage `ground` ({grounder}) \
         draws no outlines that could stand for masks", file.display()
    )]
    NoMasks {
        /// The manifest.
        file: PathBuf,
        /// What the grounder's network is.
        grounder: &'static str,
    },
    /// A stage asked libtorch for something that failed.
    #[error("libtorch failed on `{}`", file.display())]
    Torch {
        /// The file that was read or written.
        file: PathBuf,
        /// What it said.
        #[source]
        source: tch::TchError,
    },
}

/// Why a self-test gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The network cannot be loaded.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The network was loaded and failed.
    #[error("the network of stage `{stage}` failed its self-test")]
    Model {
        /// Whose.
        stage: Stage,
        /// How.
        #[source]
        source: ModelError,
    },
    /// The network answered something else than what was recorded.
    #[error(
        "the network of stage `{stage}` answered {found:?} to its self-test, where {recorded:?} was recorded"
    )]
    Differs {
        /// Whose.
        stage: Stage,
        /// What it says now.
        found: Vec<f64>,
        /// What it said when the bundle was made.
        recorded: Vec<f64>,
    },
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The manifest's key or the checkpoint's.
    pub key: String,
    /// What would have been right.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl Fault {
    pub(in crate::networks) fn new(key: &str, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self { key: key.to_owned(), expected: expected.to_string(), found: found.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: expected {}, found {}", self.key, self.expected, self.found)
    }
}

/// Faults in one paragraph. A checkpoint of another network has thousands: the first ones tell.
struct Listed<'faults>(&'faults [Fault]);

const LISTED: usize = 12; // about what fits on a screen

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().take(LISTED).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{fault}")?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}
