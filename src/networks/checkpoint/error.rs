//! Errors of published checkpoints: file, place, expected and found.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a checkpoint was not read, or not converted.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file could not be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file could not be written; nothing of it is left.
    #[error("cannot write `{}`", file.display())]
    Write {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The first bytes are those of no format that is read here.
    #[error(
        "`{}` is no checkpoint: expected the first bytes of a torch file (a zip archive, or a pickle of torch's magic \
         number) or of a safetensors file, found {found}",
        file.display()
    )]
    UnknownFormat {
        /// Which file.
        file: PathBuf,
        /// Its first bytes.
        found: String,
    },
    /// The format is known, but what stands at some place is not of it.
    #[error("`{}` is damaged at byte {position}: expected {expected}, found {found}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where, from the start of the file.
        position: u64,
        /// What the format has there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A pickle names something that weights do not need. Nothing of it was run.
    #[error(
        "`{}` is refused: at byte {position} its pickle asks for `{module}.{name}`, expected only what holds tensors; \
         nothing was run",
        file.display()
    )]
    Refused {
        /// Which file.
        file: PathBuf,
        /// Where the name is asked for, from the start of the file.
        position: u64,
        /// The name's module.
        module: String,
        /// The name.
        name: String,
    },
    /// A file asks for more than any checkpoint needs.
    #[error("`{}` is refused at byte {position}: expected at most {most} {what}, found more", file.display())]
    TooMuch {
        /// Which file.
        file: PathBuf,
        /// Where the limit was met, from the start of the file.
        position: u64,
        /// How much there may be.
        most: u64,
        /// Of what.
        what: &'static str,
    },
    /// The file is whole, but something in it cannot be used.
    #[error("`{}` does not fit: `{key}`: expected {expected}, found {found}", file.display())]
    Unfit {
        /// Which file.
        file: PathBuf,
        /// The tensor, or the part of the file.
        key: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// No dictionary of tensors is where published files have one.
    #[error("`{}` has no state dict: expected tensors at its top level or under {places}, found {found}", file.display())]
    NoStateDict {
        /// Which file.
        file: PathBuf,
        /// Where one was looked for.
        places: String,
        /// What there is instead.
        found: String,
    },
    /// The names are of no network that is known here.
    #[error("`{}` is of no known family: looked for {looked_for}, found {found}", file.display())]
    UnknownFamily {
        /// Which file.
        file: PathBuf,
        /// The families with the tensor that tells each.
        looked_for: String,
        /// The first names of the file.
        found: String,
    },
}

impl CheckpointError {
    pub(super) fn read(file: &Path, source: io::Error) -> Self {
        Self::Read { file: file.to_owned(), source }
    }

    pub(super) fn damaged(
        file: &Path,
        position: u64,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self::Damaged { file: file.to_owned(), position, expected, found }
    }

    pub(super) fn unfit(
        file: &Path,
        key: &str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        // A hostile name must not steer the terminal that shows it.
        let key = key.escape_debug().to_string();
        Self::Unfit { file: file.to_owned(), key, expected, found }
    }
}

/// The first few of many names, for a message.
pub(in crate::networks) fn first_few<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5; // enough to know a network by
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<String> = names.take(SHOWN).map(|name| format!("`{}`", name.escape_debug())).collect();
    match (shown.is_empty(), more) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}
