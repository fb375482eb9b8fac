//! Placing of an imported stage, in an order in which a crash at any moment leaves a whole bundle: as it was before, or
//! with all of the stage.
//!
//! Files carry a part of their hash in their names, so a new one never takes the place of one in use; the manifest, which
//! names them, is replaced atomically when they are there; what it no longer names goes last.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::request::{TOKENIZER, WEIGHTS};
use crate::domain::Stage;
use crate::networks::bundle::disk::settle;
use crate::networks::bundle::manifest::Manifest;
use crate::networks::bundle::write::write_unfilled;
use crate::networks::descriptor::ImportError;
use crate::networks::weights::{BundleError, hash_of};

/// How folders are called in which a stage is tried.
pub(super) const TRIAL: &str = ".import";
/// Digits of a hash in a name: among a bundle's few files no two share as many.
const DIGITS: usize = 12;
const SUFFIXES: [&str; 2] = [WEIGHTS, TOKENIZER];

/// A bundle's folder, in which nobody else imports while this lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Whether it was made when it was taken.
    is_new: bool,
    /// Locked until it is dropped, or the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Takes a folder, which is made where it is not there, and removes what imports that were cut off have left.
    pub(super) fn take(path: &Path) -> Result<Self, ImportError> {
        let unwritable = |source| BundleError::Write { file: path.to_owned(), source };
        let is_new = !path.exists();
        fs::create_dir_all(path).map_err(unwritable)?;
        let lock = File::open(path).map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ImportError::Busy { folder: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unwritable(source).into()),
        }
        for entry in fs::read_dir(path).map_err(unwritable)? {
            let entry = entry.map_err(unwritable)?;
            if entry.file_name().to_string_lossy().starts_with(TRIAL) {
                fs::remove_dir_all(entry.path()).map_err(unwritable)?;
            }
        }
        Ok(Self { path: path.to_owned(), is_new, _lock: lock })
    }

    /// Removes the folder again where it was made for nothing.
    pub(super) fn abandon(self) {
        if self.is_new {
            // It goes only if it is empty, and if it stays nothing is wrong.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// One thing that is done to a bundle's folder.
#[derive(Debug)]
enum Step {
    /// A file comes in; nothing names it yet.
    Bring { from: PathBuf, to: PathBuf },
    /// The manifest becomes another.
    Rename(Box<Manifest>),
    /// A file goes that nothing names any more.
    Remove(PathBuf),
}

/// Puts the files that `new` names and `trial` holds into a bundle that was `old`, and its manifest in place.
pub(super) fn place(folder: &Folder, trial: &Path, old: &Manifest, new: Manifest) -> Result<(), BundleError> {
    let steps = steps(&folder.path, trial, old, new)?;
    steps.iter().try_for_each(|step| carry_out(&folder.path, step))
}

fn steps(folder: &Path, trial: &Path, old: &Manifest, new: Manifest) -> Result<Vec<Step>, BundleError> {
    let named = names(&new);
    let brought = named.iter().filter(|name| trial.join(name).is_file());
    let mut steps: Vec<Step> =
        brought.map(|name| Step::Bring { from: trial.join(name), to: folder.join(name) }).collect();
    let mut there: BTreeSet<String> = names(old).into_iter().collect();
    let unreadable = |source| BundleError::Read { file: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        there.extend(is_of_an_import(&name).then_some(name));
    }
    steps.push(Step::Rename(Box::new(new)));
    steps.extend(there.difference(&named).map(|name| Step::Remove(folder.join(name))));
    Ok(steps)
}

fn carry_out(folder: &Path, step: &Step) -> Result<(), BundleError> {
    match step {
        Step::Bring { from, to } => {
            let unwritable = |source| BundleError::Write { file: to.clone(), source };
            File::open(from).and_then(|file| file.sync_all()).map_err(unwritable)?;
            fs::rename(from, to).map_err(unwritable)
        }
        Step::Rename(manifest) => {
            // What it names is on the disk before it is.
            settle(folder).map_err(|source| BundleError::Write { file: folder.to_owned(), source })?;
            write_unfilled(folder, manifest)
        }
        Step::Remove(file) => match fs::remove_file(file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(BundleError::Write { file: file.clone(), source })
            }
            _ => Ok(()),
        },
    }
}

/// Gives a file of a trial the name under which a bundle may hold it: the stage, a part of its hash, and what it is.
pub(super) fn named_by_hash(trial: &Path, stage: Stage, suffix: &str) -> Result<String, BundleError> {
    let file = trial.join(format!("{stage}{suffix}"));
    let name = format!("{stage}-{}{suffix}", &hash_of(&file)?[..DIGITS]);
    fs::rename(&file, trial.join(&name)).map_err(|source| BundleError::Write { file, source })?;
    Ok(name)
}

fn is_of_an_import(name: &str) -> bool {
    let bare = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    let parts = bare.and_then(|bare| bare.rsplit_once('-'));
    parts.is_some_and(|(stage, digits)| {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        Stage::ALL.into_iter().any(|known| known.as_str() == stage)
            && digits.len() == DIGITS
            && digits.bytes().all(hex)
    })
}

fn names(manifest: &Manifest) -> BTreeSet<String> {
    manifest.files().into_iter().map(|(_, entry)| entry.file.clone()).collect()
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::networks::bundle::manifest::MANIFEST;
    use crate::networks::bundle::tiny::bundle::without_tokenizers;
    use crate::networks::bundle::{Bundle, write_manifest};

    /// A bundle whose gate was imported, and in it a trial that holds other weights for the gate.
    fn about_to_change() -> (tempfile::TempDir, PathBuf, Manifest, Manifest) {
        let folder = without_tokenizers();
        let mut old = Bundle::open(folder.path()).unwrap().manifest().clone();
        let name = named_by_hash(folder.path(), Stage::Entail, ".safetensors").unwrap();
        old.entail.as_mut().unwrap().weights.entry_mut().unwrap().file = name;
        write_unfilled(folder.path(), &old).unwrap();
        let trial = folder.path().join(".import-trial");
        fs::create_dir(&trial).unwrap();
        fs::copy(folder.path().join("ground.safetensors"), trial.join("entail.safetensors")).unwrap();
        let name = named_by_hash(&trial, Stage::Entail, ".safetensors").unwrap();
        let mut alone = Manifest {
            recognise: None,
            ground: None,
            segment: None,
            lexicon: None,
            examples: None,
            ..old.clone()
        };
        let entail = alone.entail.as_mut().unwrap();
        entail.weights = crate::networks::bundle::Weights::named(&name);
        entail.tokenizer = None;
        write_manifest(&trial, alone).unwrap();
        let tried = Bundle::open(&trial).unwrap().manifest().clone();
        let new = Manifest { entail: tried.entail, ..old.clone() };
        (folder, trial, old, new)
    }

    #[test]
    fn a_cut_after_any_step_leaves_the_old_stage_or_the_new_one_whole_and_the_next_import_tidies_up() {
        let (folder, trial, old, new) = about_to_change();
        let all = steps(folder.path(), &trial, &old, new).unwrap().len();
        assert!(all > 2);
        let mut seen = BTreeSet::new();
        for done in 0..=all {
            let (folder, trial, old, new) = about_to_change();
            let path = folder.path();
            for step in steps(path, &trial, &old, new.clone()).unwrap().iter().take(done) {
                carry_out(path, step).unwrap();
            }
            // Cut off here. What is there is a bundle, and its gate says what its manifest says that it does.
            let bundle = Bundle::open(path).unwrap();
            let is_new = bundle.manifest() == &new;
            assert!(is_new || bundle.manifest() == &old, "after {done} steps");
            seen.insert(is_new);
            for part in bundle.manifest().parts() {
                bundle.verify(&part, Device::Cpu).unwrap();
            }
            // The next import, of the same, starts from there.
            let (_elsewhere, next, ..) = about_to_change();
            let taken = Folder::take(path).unwrap();
            assert!(!trial.exists(), "what was tried is gone");
            place(&taken, &next, bundle.manifest(), new.clone()).unwrap();
            let mut left: BTreeSet<String> = names(&new);
            left.insert(MANIFEST.to_owned());
            let there =
                fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            assert_eq!(there.collect::<BTreeSet<_>>(), left, "after {done} steps");
            Bundle::open(path).unwrap();
        }
        assert_eq!(seen.len(), 2, "some cuts leave the old one, others the new one");
    }

    #[test]
    fn two_imports_into_one_bundle_do_not_work_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::take(folder.path()).unwrap();
        let error = Folder::take(folder.path()).unwrap_err().to_string();
        assert!(error.contains("another import is at work in"), "{error}");
        drop(first);
        Folder::take(folder.path()).unwrap();
    }

    #[test]
    fn only_files_that_imports_bring_are_taken_for_theirs() {
        for (name, expected) in [
            ("entail-0123456789ab.safetensors", true),
            ("recognise-0123456789ab.tokenizer.json", true),
            ("entail.safetensors", false),
            ("entail-0123456789AB.safetensors", false),
            ("entail-0123.safetensors", false),
            ("mine-0123456789ab.safetensors", false),
            ("entail-0123456789ab.txt", false),
        ] {
            assert_eq!(is_of_an_import(name), expected, "{name}");
        }
    }
}
