//! From a published checkpoint to a stage of a bundle: renamed, checked strictly, asked its self-test, then put in place.

mod error;
mod part;
mod positions;
mod task;
mod tokenizer;
mod place;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::common::plain_file;
use crate::domain::Stage;
use crate::networks::checkpoint::{Checkpoint, Family, Float, Report, convert_with};

use super::stages::EntailNetwork;
use super::{Bundle, BundleError, Manifest, SelfTestError, write_manifest};
use part::{begun, with_part};
use place::{Folder, TRIAL, named_by_hash, place};
use tokenizer::ofa_of;

pub use error::ImportError;

/// What is imported.
#[derive(Debug, Clone)]
pub struct Import {
    /// For which stage.
    pub stage: Stage,
    /// The published file.
    pub from: PathBuf,
    /// The published size, such as `ofa-large`; none where `network` has all dimensions.
    pub preset: Option<String>,
    /// Dimensions that differ from the preset's, or all.
    pub network: toml::Table,
    /// The network's vocabulary, a folder or files, as [`vocabulary`](crate::stages::vocabulary) reads them; none for the
    /// segmenter.
    pub tokenizer: Vec<PathBuf>,
    /// In what the weights are stored; as published if not given.
    pub stored: Option<Float>,
    /// Anything else of the stage, such as `prompt`, `threshold`, `beam`, `precision`.
    pub settings: toml::Table,
}

/// What became of it.
#[derive(Debug)]
pub struct Imported {
    /// The tensors.
    pub report: Report,
    /// What was decided for the user, and what looks wrong.
    pub notes: Vec<String>,
}

impl Import {
    /// Imports into the bundle in `out`, which is begun where there is none. The stage appears whole or not at all, even
    /// if the process or the machine is stopped in between.
    ///
    /// # Errors
    /// [`ImportError`]; then the bundle is as it was.
    pub fn run(&self, out: &Path) -> Result<Imported, ImportError> {
        let checkpoint = Checkpoint::open(&self.from)?;
        let family = Family::of(&checkpoint)?;
        let architecture = self.architecture(family)?;
        self.check_taught(&checkpoint, family)?;
        self.check_task(&checkpoint)?;
        let folder = Folder::take(out)?;
        let imported = self.run_in(&folder, out, &checkpoint, (family, architecture));
        if imported.is_err() {
            folder.abandon();
        }
        imported
    }

    fn run_in(
        &self,
        folder: &Folder,
        out: &Path,
        checkpoint: &Checkpoint,
        (family, architecture): (Family, &str),
    ) -> Result<Imported, ImportError> {
        let unwritable = |source| BundleError::Write { file: out.to_owned(), source };
        let old = begun(out)?;
        // Everything is tried in a folder of its own first, which goes when it is dropped.
        let trial = tempfile::Builder::new().prefix(TRIAL).tempdir_in(out).map_err(unwritable)?;
        let trial = trial.path();
        let (part, mut notes) = self.part(checkpoint, architecture);
        let alone = with_part(&old, (self.stage, architecture), part, out)?;

        let fitting = self.fitting_tokenizer(&alone)?;
        if let Some(fitting) = &fitting {
            let file = trial.join(format!("{}{TOKENIZER}", self.stage));
            let written = fitting.tokenizer.save(&file, false);
            written.map_err(|source| BundleError::Write { file, source: std::io::Error::other(source) })?;
            notes.extend(fitting.notes.iter().cloned());
        }
        let instead = match alone.entail.as_ref().map(|part| &part.network) {
            Some(EntailNetwork::Albef(dimensions)) => {
                let (instead, note) = positions::resized(checkpoint, &dimensions.config)?;
                notes.extend(note);
                instead
            }
            _ => BTreeMap::new(),
        };
        let weights = trial.join(format!("{}{WEIGHTS}", self.stage));
        let report = convert_with(checkpoint, family, &weights, self.stored, &instead)?;

        let alone = self.with_files(alone, trial, fitting.is_some())?;
        write_manifest(trial, alone).map_err(|error| self.of_the_checkpoint(error, trial))?;
        let tried = Bundle::open(trial)?;
        let prompts = fitting.as_ref().and_then(|fitting| fitting.prompts.as_ref());
        if let Some(config) = ofa_of(tried.manifest()) {
            notes.extend(self.asked_in_earnest(&tried, prompts, config)?);
        }
        notes.extend(task::same_weights(&old, tried.manifest()));
        place(folder, trial, &old, self.put_into(&old, tried.manifest()))?;
        Ok(Imported { report, notes })
    }

    /// What does not fit in a file of a trial, which is gone when the error is read, does not fit in the checkpoint.
    fn of_the_checkpoint(&self, error: SelfTestError, trial: &Path) -> SelfTestError {
        match error {
            SelfTestError::Bundle(BundleError::Unfit { file, faults }) if file.starts_with(trial) => {
                BundleError::Unfit { file: self.from.clone(), faults }.into()
            }
            error => error,
        }
    }

    /// A bundle of the one stage with the names of its files, which lie in a trial.
    fn with_files(
        &self,
        alone: Manifest,
        trial: &Path,
        with_tokenizer: bool,
    ) -> Result<Manifest, BundleError> {
        let mut names = vec![named_by_hash(trial, self.stage, WEIGHTS)?];
        if with_tokenizer {
            names.push(named_by_hash(trial, self.stage, TOKENIZER)?);
        }
        let mut alone = alone;
        // The weights come first, as `part` names them.
        for (entry, name) in alone.files_mut().into_iter().zip(names) {
            entry.file = name;
        }
        Ok(alone)
    }

    /// A bundle with the stage that was tried.
    fn put_into(&self, old: &Manifest, tried: &Manifest) -> Manifest {
        let mut bundle = old.clone();
        match self.stage {
            Stage::Retrieve => bundle.know.clone_from(&tried.know),
            Stage::Recognise => bundle.recognise.clone_from(&tried.recognise),
            Stage::Entail => bundle.entail.clone_from(&tried.entail),
            Stage::Ground => bundle.ground.clone_from(&tried.ground),
            Stage::Segment => bundle.segment.clone_from(&tried.segment),
        }
        bundle
    }
}

/// What a stage's weights and its tokenizer are called, after the stage.
const WEIGHTS: &str = ".safetensors";
const TOKENIZER: &str = ".tokenizer.json";

fn read_manifest(file: &Path) -> Result<Manifest, BundleError> {
    let text = plain_file::read_text(file);
    Manifest::parse(file, &text.map_err(|source| BundleError::Read { file: file.to_owned(), source })?)
}
