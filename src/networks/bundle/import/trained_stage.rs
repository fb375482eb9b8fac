//! Trained stage: puts a network that was trained here into a bundle, whole or not at all.

use std::path::Path;

use super::part::begun;
use super::place::{Folder, TRIAL, named_by_hash, place};
use super::request::{TOKENIZER, WEIGHTS};
use crate::domain::Stage;
use crate::networks::bundle::manifest::Manifest;
use crate::networks::bundle::open::Bundle;
use crate::networks::bundle::stages::{Entail, Ground, Recognise, Segment};
use crate::networks::bundle::write::write_manifest;
use crate::networks::descriptor::ImportError;
use crate::networks::weights::{BundleError, FileEntry, Weights};
use crate::stages::expand::PhraseTemplate;

/// A network that was trained, and its files.
#[derive(Debug, Clone)]
pub struct TrainedStage<'a> {
    /// Its part of the manifest.
    pub part: TrainedPart,
    /// Its weights.
    pub weights: &'a Path,
    /// Its vocabulary, if it reads texts.
    pub tokenizer: Option<&'a Path>,
    /// How it was made, for people, where a bundle is begun.
    pub made: String,
}

/// A stage's part of a manifest; the entries of files are filled in.
#[derive(Debug, Clone)]
pub enum TrainedPart {
    /// A tagger, and the entity types that it knows.
    Recognise(Recognise, Vec<String>),
    /// A gate, and how the phrases read that it was taught, which a bundle that is begun takes over.
    Entail(Entail, PhraseTemplate),
    /// A grounder, likewise.
    Ground(Ground, PhraseTemplate),
    /// A segmenter.
    Segment(Segment),
}

impl TrainedPart {
    fn stage(&self) -> Stage {
        match self {
            Self::Recognise(..) => Stage::Recognise,
            Self::Entail(..) => Stage::Entail,
            Self::Ground(..) => Stage::Ground,
            Self::Segment(..) => Stage::Segment,
        }
    }

    /// Puts the part into a manifest.
    fn fill(self, manifest: &mut Manifest, weights: Weights, tokenizer: Option<FileEntry>) {
        match self {
            Self::Recognise(part, entity_types) => {
                manifest.entity_types = entity_types;
                manifest.recognise = Some(Recognise { weights, tokenizer, ..part });
            }
            Self::Entail(part, phrase) => {
                manifest.phrase = phrase;
                manifest.entail = Some(Entail { weights, tokenizer, ..part });
            }
            Self::Ground(part, phrase) => {
                manifest.phrase = phrase;
                manifest.ground = Some(Ground { weights, tokenizer, ..part });
            }
            Self::Segment(part) => manifest.segment = Some(Segment { weights, ..part }),
        }
    }
}

impl TrainedStage<'_> {
    /// Puts the network into the bundle in `out`, which is begun where there is none. A bundle that is there keeps its other
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
        let stage = self.part.stage();
        let copied = |from: &Path, suffix: &str| -> Result<String, BundleError> {
            let file = trial.join(format!("{stage}{suffix}"));
            std::fs::copy(from, &file).map_err(unwritable)?;
            named_by_hash(trial, stage, suffix)
        };
        let weights = Weights::named(&copied(self.weights, WEIGHTS)?);
        let tokenizer = self.tokenizer.map(|file| copied(file, TOKENIZER)).transpose()?;
        let tokenizer = tokenizer.map(|name| FileEntry::named(&name));
        let mut alone = Manifest::empty(old.name.clone(), self.made.clone());
        self.part.clone().fill(&mut alone, weights, tokenizer);
        write_manifest(trial, alone)?;
        let tried = Bundle::open(trial)?;
        let mut bundle = old.clone();
        bundle.take_stage(stage, tried.manifest());
        if is_new {
            bundle.made.clone_from(&self.made);
            bundle.phrase.clone_from(&tried.manifest().phrase);
        }
        place(folder, trial, &old, bundle)?;
        Ok(())
    }
}
