//! Thresholds of a bundle, and how it was made: entries of its manifest that change without its networks, replaced atomically.

use std::path::Path;

use crate::domain::Stage;
use crate::networks::weights::BundleError;

use super::manifest::Manifest;
use super::open::Bundle;
use super::write::write_unfilled;

/// Thresholds that are set; none: it stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Thresholds {
    /// The gate's, `entail.threshold`.
    pub entail: Option<f32>,
    /// The grounder's, `ground.threshold`.
    pub ground: Option<f32>,
}

/// Writes thresholds into the manifest of the bundle in a folder. Its hash changes; its networks and their answers do not.
///
/// # Errors
/// The bundle cannot be opened or written, or lacks the stage of a threshold.
pub fn set_thresholds(folder: &Path, thresholds: Thresholds) -> Result<(), BundleError> {
    let bundle = Bundle::open(folder)?;
    let mut manifest: Manifest = bundle.manifest().clone();
    if let Some(threshold) = thresholds.entail {
        let entail = manifest.entail.as_mut();
        entail.ok_or_else(|| bundle.unfinished(Stage::Entail, "network"))?.threshold = threshold;
    }
    if let Some(threshold) = thresholds.ground {
        let ground = manifest.ground.as_mut();
        ground.ok_or_else(|| bundle.unfinished(Stage::Ground, "network"))?.threshold = threshold;
    }
    write_unfilled(folder, &manifest)
}

/// Writes how the bundle in a folder was made into its manifest, for people. Its hash changes; its networks do not.
///
/// # Errors
/// The bundle cannot be opened or written.
pub fn set_made(folder: &Path, made: String) -> Result<(), BundleError> {
    let bundle = Bundle::open(folder)?;
    write_unfilled(folder, &Manifest { made, ..bundle.manifest().clone() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::manifest::MANIFEST;
    use super::super::tiny::bundle::without_tokenizers;
    use super::*;

    #[test]
    fn only_the_thresholds_and_the_hash_change() {
        let folder = without_tokenizers();
        let before = Bundle::open(folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join(MANIFEST)).unwrap();
        assert!(
            !text[text.find("[ground]").unwrap()..].contains("\nthreshold ="),
            "0 is not written: {text}"
        );
        set_thresholds(folder.path(), Thresholds { entail: Some(0.43), ground: Some(0.125) }).unwrap();
        let after = Bundle::open(folder.path()).unwrap();
        assert_ne!(before.hash(), after.hash());
        assert_eq!((after.entail().unwrap().threshold, after.ground().unwrap().threshold), (0.43, 0.125));
        let text = fs::read_to_string(folder.path().join(MANIFEST)).unwrap();
        assert!(text.contains("threshold = 0.43\n"), "in its shortest form: {text}");
        set_thresholds(folder.path(), Thresholds { entail: Some(0.5), ground: Some(0.0) }).unwrap();
        assert_eq!(Bundle::open(folder.path()).unwrap().manifest(), before.manifest());
    }

    #[test]
    fn a_threshold_that_is_no_probability_and_a_missing_stage_change_nothing() {
        let folder = without_tokenizers();
        let hash = || Bundle::open(folder.path()).unwrap().hash().to_owned();
        let before = hash();
        let wrong = Thresholds { ground: Some(1.5), ..Thresholds::default() };
        let error = set_thresholds(folder.path(), wrong).unwrap_err().to_string();
        assert!(error.contains("ground.threshold"), "{error}");
        assert_eq!(hash(), before);
        fs::create_dir(folder.path().join("bundle.toml.partial")).unwrap();
        let unwritten = Thresholds { entail: Some(0.25), ..Thresholds::default() };
        assert!(set_thresholds(folder.path(), unwritten).is_err());
        assert_eq!(hash(), before);
    }
}
