//! One file of a checkpoint: its first bytes tell its format, whose reader finds its tensors.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::tensor::Contents;
use super::{CheckpointError, safetensors_file, torch_file};
use crate::common::plain_file;

/// One file of a checkpoint.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

/// How a file is written. Its first bytes tell, its name does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As `torch.save` writes since torch 1.6.
    TorchZip,
    /// As `torch.save` wrote before.
    TorchLegacy,
    /// Safetensors.
    Safetensors,
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TorchZip => "a torch file",
            Self::TorchLegacy => "a torch file from before torch 1.6",
            Self::Safetensors => "a safetensors file",
        })
    }
}

/// Opens one file and finds its tensors.
pub(super) fn open_one(path: &Path) -> Result<(Opened, Format, Contents), CheckpointError> {
    let unreadable = |error| CheckpointError::read(path, error);
    let file = plain_file::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut head = [0; 32]; // more than any of the formats needs to be known by
    let known = usize::try_from(length).unwrap_or(usize::MAX).min(head.len());
    file.read_exact_at(&mut head[..known], 0).map_err(unreadable)?;
    let head = &head[..known];

    let (format, contents) = if head.starts_with(b"PK\x03\x04") {
        (Format::TorchZip, torch_file::open_zip(path, &file, length)?)
    } else if let Some(magic) = torch_file::magic_length(head) {
        (Format::TorchLegacy, torch_file::open_legacy(path, &file, length, magic)?)
    } else if safetensors_file::begins(head, length) {
        (Format::Safetensors, safetensors_file::open(path, &file, length, head)?)
    } else {
        let found = if head.is_empty() { "none".to_owned() } else { format!("{head:02x?}") };
        return Err(CheckpointError::UnknownFormat { file: path.to_owned(), found });
    };
    Ok((Opened { path: path.to_owned(), file }, format, contents))
}
