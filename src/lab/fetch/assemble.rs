//! Assembly of a fetched bundle: every stage is imported and answers its self-test, then the bundle takes its place.

use std::fs;
use std::path::{Path, PathBuf};

use super::Order;
use super::download::Downloads;
use super::error::FetchError;
use super::lock::{LOCK, Lock};
use super::recipe::{Source, StageRecipe};
use super::work::Work;
use crate::domain::Stage;
use crate::networks::bundle::{Bundle, GivenLabels, Import, Imported, Precision, TypeMap, set_made};
use crate::networks::checkpoint::Float;

/// Settings of the engine that go with a bundle.
const SETTINGS: &str = "riveg.toml";

/// The digits of a commit that people read; the lock has all.
const COMMIT_DIGITS: usize = 12;

/// What was made.
#[derive(Debug)]
pub enum Assembled {
    /// The bundle, with what each import says.
    New {
        /// The stages.
        stages: Vec<(Stage, Imported)>,
        /// The settings that go with it.
        settings: Option<PathBuf>,
    },
    /// The bundle that was there is of the very files.
    Same,
}

impl Order {
    /// Imports what was downloaded into the bundle's folder, atomically.
    ///
    /// # Errors
    /// A stage cannot be imported, or the folder cannot be written; then it is as it was.
    pub fn assemble(&self, downloads: &Downloads) -> Result<Assembled, FetchError> {
        if self.is_there(downloads)? {
            return Ok(Assembled::Same);
        }
        let work = Work::take(&self.out)?;
        let bundle = work.bundle();
        let unwritable = |file: &Path, source| FetchError::Write { file: file.to_owned(), source };
        let mut stages = Vec::new();
        for (stage, recipe) in self.recipe.stages() {
            let import = self.import((stage, recipe), downloads, &work)?;
            let imported = import.run(&bundle).map_err(|source| FetchError::Import { stage, source })?;
            stages.push((stage, imported));
        }
        set_made(&bundle, self.made(&downloads.lock))?;
        let write = |name: &str, text: &str| {
            let file = bundle.join(name);
            fs::write(&file, text).map_err(|source| unwritable(&file, source))
        };
        write(LOCK, &downloads.lock.text())?;
        if let Some(settings) = &self.recipe.settings {
            write(SETTINGS, &settings.to_string())?;
        }
        work.place()?;
        let settings = self.recipe.settings.as_ref().map(|_| self.out.join(SETTINGS));
        Ok(Assembled::New { stages, settings })
    }

    /// How the bundle is made: the recipe, the revisions and their commits, and what users gave.
    fn made(&self, lock: &Lock) -> String {
        let published = lock.file.iter().map(|file| match (&file.revision, &file.commit) {
            (Some((repository, revision)), Some(commit)) => {
                let commit: String = commit.chars().take(COMMIT_DIGITS).collect();
                format!("{repository}@{revision} ({commit})")
            }
            _ => file.of.clone(),
        });
        let own = self.own.keys().map(|stage| format!("a {stage} of one's own"));
        let mut parts: Vec<String> = Vec::new();
        for part in own.chain(published) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        format!("`riveg bundle fetch {}` of {}", self.name, parts.join(", "))
    }

    /// Whether the bundle is there already, of the same recipe and the same files, and whole. Files of the user may have
    /// changed, so with them it is made anew.
    fn is_there(&self, downloads: &Downloads) -> Result<bool, FetchError> {
        let same = !self.update
            && self.own.is_empty()
            && Lock::read(&self.out)?.is_some_and(|old| old == downloads.lock);
        Ok(same && Bundle::open(&self.out).is_ok())
    }

    fn import(
        &self,
        (stage, recipe): (Stage, &StageRecipe),
        downloads: &Downloads,
        work: &Work,
    ) -> Result<Import, FetchError> {
        let links = |name: &str, source: &Source| {
            let files = downloads.of(source);
            work.links(name, files.iter().map(|(name, fetched)| (name.clone(), fetched.file.as_path())))
        };
        let from = match (self.own.get(&stage), &recipe.from) {
            (Some(own), _) => own.clone(),
            (None, Some(from)) => links(stage.as_str(), from)?,
            (None, None) => {
                let what = recipe.own.clone().unwrap_or_default();
                return Err(FetchError::Own { recipe: self.name.clone(), stage, what });
            }
        };
        let tokenizer = recipe.tokenizer.as_ref().map(|source| links(&format!("{stage}.vocabulary"), source));
        let refused = |message| FetchError::Recipe { recipe: self.name.clone(), message };
        Ok(Import {
            stage,
            from,
            preset: recipe.preset.clone(),
            recipe: recipe.recipe.clone(),
            network: recipe.network.clone(),
            tokenizer: tokenizer.transpose()?.into_iter().collect(),
            stored: recipe.store.map(|store| match store {
                Precision::F32 => Float::F32,
                Precision::F16 => Float::F16,
                Precision::Bf16 => Float::Bf16,
            }),
            labels: GivenLabels {
                types: recipe.types.clone(),
                labels: Vec::new(),
                map: TypeMap::parse(&recipe.type_map).map_err(refused)?,
            },
            settings: recipe.settings.clone(),
        })
    }
}
