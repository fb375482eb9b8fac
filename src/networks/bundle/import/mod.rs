//! Import of a published checkpoint into a stage of a bundle: renamed, checked strictly, asked its self-test, then put in
//! place.
//!
//! Read [`request`] (what is asked for), [`folder`] and [`config`] (what a folder says), [`chosen`] (which network),
//! [`recipe`] (its questions), [`labels`] (of a tagger), [`part`] (its manifest), [`tokenizer`] (its vocabulary),
//! [`question`] (how it is asked), [`trained`] (whether it answers) and [`place`] (how it comes into the bundle). Trainings
//! begin with an [`encoder`], and their result is a [`trained_tagger`].

mod chosen;
mod config;
mod encoder;
mod folder;
mod labels;
mod part;
mod place;
mod published_labels;
mod question;
mod recipe;
mod request;
mod tokenizer;
mod trained;
mod trained_tagger;
mod type_map;
mod words;

use std::path::Path;

use tch::Device;

use super::manifest::Manifest;
use super::open::Bundle;
use super::self_test_question::SelfTestQuestion;
use super::write::write_manifest;
use crate::networks::checkpoint::{AVERAGES, Checkpoint, Family, convert_with};
use crate::networks::descriptor::{ConfigJson, ImportError, Replaced};
use crate::networks::registry::family_of;
use crate::networks::weights::{BundleError, SelfTestError};
use chosen::Chosen;
use folder::Resolved;
use part::{begun, with_part};
use place::{Folder, TRIAL, named_by_hash, place};
use request::{TOKENIZER, WEIGHTS};
use trained::same_weights;

pub use encoder::{PublishedEncoder, StoredWeights};
pub use published_labels::{ConfigFault, check_task_of_config, labels_of_config};
pub use recipe::Recipe;
pub use request::{GivenLabels, Import, Imported};
pub use trained_tagger::TrainedTagger;
pub use type_map::{MappedTypes, TypeMap};

/// The setting of the form in which a tagger reads words.
const TEXT: &str = "text";

impl Import {
    /// Imports into the bundle in `out`, which is begun where there is none. The stage appears whole or not at all, even
    /// if the process or the machine is stopped in between.
    ///
    /// # Errors
    /// [`ImportError`]; then the bundle is as it was.
    pub fn run(&self, out: &Path) -> Result<Imported, ImportError> {
        let Resolved { import, config, notes } = self.resolved()?;
        if let Some(config) = &config {
            import.check_config(config)?;
        }
        let checkpoint = Checkpoint::open(&import.from)?;
        let family = family_of(&checkpoint)?;
        let chosen = import.with_recipe(&checkpoint, import.chosen(family, config.as_ref())?)?;
        import.check_task(&checkpoint, chosen.importing)?;
        import.check_trained(&checkpoint, family)?;
        let averages = checkpoint.place() == Some(AVERAGES);
        let folder = Folder::take(out)?;
        let imported = import.run_in(&folder, out, &checkpoint, (family, &chosen, config.as_ref()));
        match imported {
            Ok(mut imported) => {
                imported.notes.splice(..0, notes);
                let averaged = format!(
                    "the weights are the averages of training (`{AVERAGES}`), as its authors measure them"
                );
                imported.notes.extend(averages.then_some(averaged));
                Ok(imported)
            }
            Err(error) => {
                folder.abandon();
                Err(error)
            }
        }
    }

    fn run_in(
        &self,
        folder: &Folder,
        out: &Path,
        checkpoint: &Checkpoint,
        (family, chosen, config): (&'static Family, &Chosen, Option<&ConfigJson>),
    ) -> Result<Imported, ImportError> {
        let unwritable = |source| BundleError::Write { file: out.to_owned(), source };
        let old = begun(out)?;
        // Everything is tried in a folder of its own first, which goes when it is dropped.
        let trial = tempfile::Builder::new().prefix(TRIAL).tempdir_in(out).map_err(unwritable)?;
        let trial = trial.path();
        let (mut part, mut notes) = self.part(checkpoint, chosen, config)?;
        let phrase = chosen.phrase.clone().unwrap_or_else(|| old.phrase.clone());
        let mut base = Manifest { phrase, ..old.clone() };
        if let Some(labels) = self.labels(checkpoint, family)? {
            part.extend(labels.settings);
            base.entity_types = labels.entity_types;
            notes.extend(labels.notes);
        }
        let mut alone = with_part(&base, (self.stage, chosen.architecture), part, out)?;
        notes.extend(question::notes(&old, &alone, chosen));

        let words = self.words(&alone, family)?;
        if let Some(words) = &words {
            let file = trial.join(format!("{}{TOKENIZER}", self.stage));
            std::fs::write(&file, &words.json).map_err(|source| BundleError::Write { file, source })?;
            notes.push(words.note.clone());
        }
        let pieces = words.is_none().then(|| self.fitting_tokenizer(&alone, chosen.importing));
        let fitting = pieces.transpose()?.flatten();
        if let Some(fitting) = &fitting {
            let file = trial.join(format!("{}{TOKENIZER}", self.stage));
            let written = fitting.tokenizer.save(&file, false);
            written.map_err(|source| BundleError::Write { file, source: std::io::Error::other(source) })?;
            notes.extend(fitting.notes.iter().cloned());
            if let Some(part) = alone.recognise.as_mut().filter(|_| !self.settings.contains_key(TEXT)) {
                part.text = fitting.text;
            }
        }
        let replaced = match (chosen.importing.tensors, alone.parts().first()) {
            (Some(tensors), Some(part)) => tensors(checkpoint, part.dimensions)?,
            _ => Replaced::default(),
        };
        notes.extend(replaced.note);
        let weights = trial.join(format!("{}{WEIGHTS}", self.stage));
        let report = convert_with(checkpoint, family, &weights, self.stored, &replaced.tensors)?;

        if fitting.is_some() {
            alone.ask_in_self_test(self.stage, &SelfTestQuestion::example(&base.phrase));
        }
        let alone = self.with_files(alone, trial, fitting.is_some() || words.is_some())?;
        write_manifest(trial, alone).map_err(|error| self.of_the_checkpoint(error, trial))?;
        let tried = Bundle::open(trial)?;
        let prompts = fitting.as_ref().and_then(|fitting| fitting.prompts.as_ref());
        for part in tried.manifest().parts() {
            let source = tried.source(part.weights, part.precision, Device::Cpu);
            notes.extend(self.check_answers(&source, &part, (prompts, chosen.importing))?);
        }
        // A network of which nothing tells for what it was trained serves both stages as it is.
        if chosen.importing.answers.is_some() {
            notes.extend(same_weights(&old, tried.manifest()));
        }
        let mut bundle = base;
        bundle.take_stage(self.stage, tried.manifest());
        place(folder, trial, &old, bundle)?;
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
}
