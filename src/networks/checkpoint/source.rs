//! Tensors of a published file, whatever its format; each is read when it is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use safetensors::Dtype;

use super::tensor::{Contents, Tensor};
use super::{CheckpointError, Settings, safetensors_file, shards, torch_file};
use crate::common::plain_file;

/// A published file, open, or the files of an index. Only names, shapes and places are held.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    files: Vec<Opened>,
    /// Which of the files has a tensor, where there are several.
    places: BTreeMap<String, usize>,
    format: Format,
    contents: Contents,
}

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

impl Checkpoint {
    /// Opens a file and finds its state dict: the whole of it, or what it has under `model`, `state_dict`,
    /// `model_state_dict` or `module`. Nested names are joined with dots; a prefix `module.` on all names is taken off.
    ///
    /// An index of Hugging Face (`*.index.json`) stands for the files that it names, with which it must agree tensor by
    /// tensor.
    ///
    /// Of a pickle nothing is run. Beside the state dict it may name objects of `argparse`, `omegaconf`, `fairseq` and
    /// `numpy`, which stay closed; any other name is refused.
    ///
    /// # Errors
    /// With the file, the place in it, what was expected and what was found.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        if shards::is_index(path) {
            let shards::Shards { files, places, format, contents } = shards::open(path)?;
            return Ok(Self { path: path.to_owned(), files, places, format, contents });
        }
        let (opened, format, contents) = open_one(path)?;
        Ok(Self { path: path.to_owned(), files: vec![opened], places: BTreeMap::new(), format, contents })
    }

    /// Which file it is: the index, where it has several.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The key under which its state dict was found, none where the state dict is the whole.
    #[must_use]
    pub fn place(&self) -> Option<&'static str> {
        self.contents.place
    }

    /// What the program that trained it says of itself, where it says anything.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.contents.settings
    }

    /// The names of its tensors, sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.contents.tensors.keys().map(String::as_str)
    }

    /// What stands among the tensors but is none: its name, and what it is.
    #[must_use]
    pub fn others(&self) -> &[(String, String)] {
        &self.contents.others
    }

    /// The shape of a tensor that it has.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.contents.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// The type of a tensor's numbers.
    #[must_use]
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.contents.tensors.get(name).map(|tensor| tensor.dtype)
    }

    /// The numbers of a tensor, row by row without gaps, each with its lowest byte first.
    ///
    /// # Errors
    /// Where there is no such tensor, or the file can no longer be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        let missing = || CheckpointError::unfit(&self.path, name, "a tensor of that name", "none");
        let tensor: &Tensor = self.contents.tensors.get(name).ok_or_else(missing)?;
        let opened = &self.files[self.places.get(name).copied().unwrap_or(0)];
        tensor.read(&opened.file).map_err(|error| CheckpointError::read(&opened.path, error))
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
