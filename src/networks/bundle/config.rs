//! The section `bundle` of the configuration: which networks are used.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::Stage;

/// Folders of bundles.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the bundle.
    pub path: PathBuf,
    /// Folder of the bundle whose tagger is used; empty: `path`.
    pub recognise: PathBuf,
    /// As `recognise`, for the gate.
    pub entail: PathBuf,
    /// As `recognise`, for the grounder.
    pub ground: PathBuf,
    /// As `recognise`, for the segmenter; `none`: there is none.
    pub segment: PathBuf,
}

/// The word for no network, in place of a bundle's folder.
const NONE: &str = "none";

impl Config {
    /// Range faults: the key within the section, and why its value cannot work.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut hold = |key: String, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        let is_named = !self.path.as_os_str().is_empty();
        hold("path".to_owned(), is_named, "is empty; it must name the bundle's folder");
        for (stage, folder) in self.elsewhere() {
            let is_folder = folder != Path::new(NONE);
            hold(stage.to_string(), is_folder, "cannot be `none`: only the segmenter can be left out");
        }
        faults
    }

    /// The stages that come from other bundles, with the folders of these.
    #[must_use]
    pub fn elsewhere(&self) -> Vec<(Stage, &Path)> {
        let folders = [&self.recognise, &self.entail, &self.ground, &self.segment].map(PathBuf::as_path);
        let named = Stage::ALL.into_iter().zip(folders).filter(|(_, folder)| !folder.as_os_str().is_empty());
        named.filter(|&(stage, _)| stage != Stage::Segment || self.has_segmenter()).collect()
    }

    /// Whether a segmenter is used.
    #[must_use]
    pub fn has_segmenter(&self) -> bool {
        self.segment != Path::new(NONE)
    }
}
