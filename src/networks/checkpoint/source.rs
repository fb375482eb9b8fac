//! Tensors of a published file, whatever its format; each is read when it is needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::Dtype;

use super::opened::{Format, Opened, open_one};
use super::tensor::{Contents, Tensor};
use super::{CheckpointError, Settings, shards};

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

impl Checkpoint {
    /// Opens a file and finds its state dict: the whole of it, or what it has under `model`,
    /// `ema_state_dict`, `state_dict`, `model_state_dict` or `module`. Nested names are joined with dots; a prefix `module.` on all names is taken off.
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
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
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
