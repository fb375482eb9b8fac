//! Folder of a published network as Hugging Face lays it out: its weights, its `config.json` and its vocabulary.

use std::path::{Path, PathBuf};

use super::request::Import;
use crate::domain::Stage;
use crate::networks::descriptor::{ConfigJson, ImportError};
use crate::networks::weights::{BundleError, Fault};
use crate::stages::vocabulary;

/// Where weights are, the preferred first: safetensors hold nothing but numbers.
const WEIGHTS: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];
/// What other weights end with.
const ENDINGS: [&str; 6] = [".safetensors", ".index.json", ".bin", ".pt", ".pth", ".ckpt"];
pub(super) const CONFIG: &str = "config.json";

/// An import of which all files are known.
pub(super) struct Resolved {
    /// The import from a file.
    pub(super) import: Import,
    /// What the folder says of the network.
    pub(super) config: Option<ConfigJson>,
    /// What was chosen for the user.
    pub(super) notes: Vec<String>,
}

impl Import {
    /// The import with the weights and the vocabulary of its folder; a file is what it is.
    pub(super) fn resolved(&self) -> Result<Resolved, ImportError> {
        if !self.from.is_dir() {
            return Ok(Resolved { import: self.clone(), config: None, notes: Vec::new() });
        }
        let folder = &self.from;
        let (from, note) = weights(folder)?;
        let mut notes: Vec<String> = note.into_iter().collect();
        let config = folder.join(CONFIG);
        let config = if config.is_file() { Some(ConfigJson::read(&config)?) } else { None };
        let mut import = Self { from, ..self.clone() };
        if import.tokenizer.is_empty() && self.stage != Stage::Segment && vocabulary::is_in(folder) {
            notes.push(format!("the vocabulary is that of `{}`", folder.display()));
            import.tokenizer.push(folder.clone());
        }
        Ok(Resolved { import, config, notes })
    }
}

/// The file of the weights, or their index, and a note where others lie beside it.
pub(super) fn weights(folder: &Path) -> Result<(PathBuf, Option<String>), BundleError> {
    let mut there: Vec<&str> = WEIGHTS.into_iter().filter(|name| folder.join(name).is_file()).collect();
    let others: Vec<String> = if there.is_empty() { with_endings(folder)? } else { Vec::new() };
    if let [only] = others.as_slice() {
        there.push(only);
    }
    let Some((chosen, rest)) = there.split_first() else {
        let expected = format!("one of `{}`, or one file of weights", WEIGHTS.join("`, `"));
        let found = if others.is_empty() { "none".to_owned() } else { format!("`{}`", others.join("`, `")) };
        let faults = vec![Fault::new("the weights", expected, found)];
        return Err(BundleError::Unfit { file: folder.to_owned(), faults });
    };
    let note = (!rest.is_empty()).then(|| {
        format!("the weights are those of `{chosen}`; `{}` beside it is not read", rest.join("`, `"))
    });
    Ok((folder.join(chosen), note))
}

/// The files that may hold weights, sorted.
fn with_endings(folder: &Path) -> Result<Vec<String>, BundleError> {
    let unreadable = |source| BundleError::Read { file: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if ENDINGS.iter().any(|ending| name.ends_with(ending)) && entry.path().is_file() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn safetensors_are_preferred_and_what_is_not_read_is_told() {
        for (names, chosen, note) in [
            (&["model.safetensors", "README.md"][..], "model.safetensors", None),
            (
                &["pytorch_model.bin", "model.safetensors"],
                "model.safetensors",
                Some(
                    "the weights are those of `model.safetensors`; `pytorch_model.bin` beside it is not read",
                ),
            ),
            (
                &["model-00001-of-00001.safetensors", "model.safetensors.index.json"],
                "model.safetensors.index.json",
                None,
            ),
            (&["pytorch_model.bin", "training_args.bin"], "pytorch_model.bin", None),
            (&["best_model.pth", "dict.txt"], "best_model.pth", None),
        ] {
            let folder = folder(names);
            let (found, found_note) = weights(folder.path()).unwrap();
            assert_eq!(found, folder.path().join(chosen));
            assert_eq!(found_note.as_deref(), note);
        }
    }

    #[test]
    fn a_folder_with_none_or_several_weights_is_refused_with_what_it_has() {
        for (names, expected) in [
            (&["config.json"][..], "found none"),
            (&["b.pt", "a.safetensors"], "found `a.safetensors`, `b.pt`"),
        ] {
            let error = weights(folder(names).path()).unwrap_err().to_string();
            assert!(error.contains("one of `model.safetensors`, "), "{error}");
            assert!(error.ends_with(expected), "{error}");
        }
    }
}
