//! Trained tagger: puts a tagger that was trained here into a bundle, whole or not at all.

use std::path::Path;

use super::part::begun;
use super::place::{Folder, TRIAL, named_by_hash, place};
use super::request::{TOKENIZER, WEIGHTS};
use crate::domain::Stage;
use crate::networks::bundle::manifest::Manifest;
use crate::networks::bundle::open::Bundle;
use crate::networks::bundle::stages::Recognise;
use crate::networks::bundle::write::write_manifest;
use crate::networks::descriptor::ImportError;
use crate::networks::weights::{BundleError, FileEntry, Weights};

/// A tagger and its files.
#[derive(Debug, Clone)]
pub struct TrainedTagger<'a> {
    /// Its part of the manifest; the entries of files are filled in.
    pub part: Recognise,
    /// The entity types that it knows.
    pub entity_types: Vec<String>,
    /// Its weights.
    pub weights: &'a Path,
    /// Its vocabulary.
    pub tokenizer: &'a Path,
    /// How it was made, for people, where a bundle is begun.
    pub made: String,
}

impl TrainedTagger<'_> {
    /// Puts the tagger into the bundle in `out`, which is begun where there is none. A bundle that is there keeps its other
    /// stages.
    ///
    /// # Errors
    /// [`ImportError`]; then the bundle is as it was.
    pub fn put(&self, out: &Path) -> Result<(), ImportError> {
        let folder = Folder::take(out)?;
        let put = self.put_in(&folder, out);
        if put.is_err() {
            folder.abandon();
        }
        put
    }

    fn put_in(&self, folder: &Folder, out: &Path) -> Result<(), ImportError> {
        let unwritable = |source| BundleError::Write { file: out.to_owned(), source };
        let is_new = !Bundle::is_in(out);
        let old = begun(out)?;
        let trial = tempfile::Builder::new().prefix(TRIAL).tempdir_in(out).map_err(unwritable)?;
        let trial = trial.path();
        let copied = |from: &Path, suffix: &str| -> Result<String, BundleError> {
            let file = trial.join(format!("{}{suffix}", Stage::Recognise));
            std::fs::copy(from, &file).map_err(unwritable)?;
            named_by_hash(trial, Stage::Recognise, suffix)
        };
        let mut part = self.part.clone();
        part.weights = Weights::named(&copied(self.weights, WEIGHTS)?);
        part.tokenizer = Some(FileEntry::named(&copied(self.tokenizer, TOKENIZER)?));
        let alone = Manifest {
            entity_types: self.entity_types.clone(),
            recognise: Some(part),
            ..Manifest::empty(old.name.clone(), self.made.clone())
        };
        write_manifest(trial, alone)?;
        let tried = Bundle::open(trial)?;
        let mut bundle = old.clone();
        bundle.take_stage(Stage::Recognise, tried.manifest());
        if is_new {
            bundle.made.clone_from(&self.made);
        }
        place(folder, trial, &old, bundle)?;
        Ok(())
    }
}
