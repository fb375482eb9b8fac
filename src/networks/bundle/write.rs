//! Writing of manifests: hashes and answers to self-tests are filled in, then the file is replaced as a whole.

use std::fs;
use std::path::Path;

use tch::Device;

use super::disk::replace;
use super::manifest::{MANIFEST, Manifest};
use super::open::Bundle;
use crate::domain::Stage;
use crate::networks::weights::{BundleError, SelfTestError, hash_of};

/// Writes a manifest into a bundle's folder, with the hashes of the files that it names as they lie there, and with
/// what its networks answer to their self-tests.
///
/// # Errors
/// Where a file is missing, weights do not fit, the manifest would not be read again, or the folder cannot be written.
pub fn write_manifest(folder: &Path, mut manifest: Manifest) -> Result<(), SelfTestError> {
    for entry in manifest.files_mut() {
        entry.sha256 = hash_of(&folder.join(&entry.file))?;
    }
    let bundle =
        Bundle { folder: folder.to_owned(), manifest, hash: String::new(), taken: Vec::new(), shared: None };
    let answers = bundle
        .manifest
        .parts()
        .into_iter()
        .map(|part| Ok((part.stage, bundle.self_test(part.stage, Device::Cpu)?)));
    let answers: Vec<(Stage, Vec<f64>)> = answers.collect::<Result<_, SelfTestError>>()?;
    let mut manifest = bundle.manifest;
    for (stage, answer) in answers {
        if let Some(recorded) = manifest.self_test_mut(stage) {
            *recorded = answer;
        }
    }
    Ok(write_unfilled(folder, &manifest)?)
}

/// Writes a manifest as it is, atomically.
///
/// # Errors
/// Where it would not be read again, or the folder cannot be written.
pub fn write_unfilled(folder: &Path, manifest: &Manifest) -> Result<(), BundleError> {
    let file = folder.join(MANIFEST);
    let unwritable = |source| BundleError::Write { file: file.clone(), source };
    let text = toml::to_string_pretty(manifest).map_err(|error| unwritable(std::io::Error::other(error)))?;
    Manifest::parse(&file, &text)?;
    fs::create_dir_all(folder).map_err(unwritable)?;
    replace(&file, text.as_bytes()).map_err(unwritable)
}
