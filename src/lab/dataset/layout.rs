//! Layouts of data sets in folders: which files a folder has, and the posts of one split.

use std::path::{Path, PathBuf};

use super::files::{DatasetError, read_text};
use super::h_index::{self, HIndexOutput};
use super::mentions::GoldPost;
use super::reading::{Example, Reading};
use super::twitter::Regions;
use super::{coco, gold_file, label_studio, riveg_text, twitter};

/// The names of one split: data sets call the second one differently.
const DEV_NAMES: &[&str] = &["dev", "valid"];

/// A layout that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// `feed.jsonl` with input records and `gold.jsonl` with their entities, as `riveg world` writes them.
    Riveg {
        /// The folder of both files.
        folder: PathBuf,
    },
    /// `txt/<split>.txt` with boxes in `xml/`, as Twitter-GMNER.
    TwitterGmner {
        /// The file of words.
        words: PathBuf,
    },
    /// `txt/<split>.txt` with masks in `json/`, as Twitter-SMNER.
    TwitterSmner {
        /// The file of words.
        words: PathBuf,
    },
    /// `annotations.json` of COCO.
    Coco {
        /// Its folder.
        folder: PathBuf,
    },
    /// `labelstudio.json`, an export of Label Studio.
    LabelStudio {
        /// Its folder.
        folder: PathBuf,
    },
    /// Words alone, as Twitter-2015, Twitter-2017, and the files of AdaSeq with or without knowledge.
    Words {
        /// The file of words.
        words: PathBuf,
    },
}

impl Layout {
    /// The layout of a folder, by the files that are there.
    ///
    /// # Errors
    /// A folder with none of the layouts.
    pub fn of(directory: &Path, split: &str) -> Result<Self, DatasetError> {
        for folder in [directory.join(split), directory.to_owned()] {
            if folder.join("gold.jsonl").is_file() {
                return Ok(Self::Riveg { folder });
            }
            if folder.join(coco::FILE).is_file() {
                return Ok(Self::Coco { folder });
            }
            if folder.join(label_studio::FILE).is_file() {
                return Ok(Self::LabelStudio { folder });
            }
        }
        let named = |folder: PathBuf| {
            let names = if DEV_NAMES.contains(&split) { DEV_NAMES } else { &[split] };
            let files = [split].into_iter().chain(names.iter().copied());
            files.map(|name| folder.join(format!("{name}.txt"))).find(|file| file.is_file())
        };
        let Some(words) = named(directory.join("txt")) else {
            let words = named(directory.to_owned());
            let none =
                || DatasetError::NoDataset { directory: directory.to_owned(), split: split.to_owned() };
            return Ok(Self::Words { words: words.ok_or_else(none)? });
        };
        Ok(match ["json", "xml"].map(|regions| directory.join(regions).is_dir()) {
            [true, _] => Self::TwitterSmner { words },
            [false, true] => Self::TwitterGmner { words },
            [false, false] => Self::Words { words },
        })
    }

    /// Its name for people.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Riveg { .. } => "riveg (feed.jsonl, gold.jsonl)",
            Self::TwitterGmner { .. } => "Twitter-GMNER (words, boxes)",
            Self::TwitterSmner { .. } => "Twitter-SMNER (words, masks)",
            Self::Coco { .. } => "COCO (annotations.json)",
            Self::LabelStudio { .. } => "Label Studio (labelstudio.json)",
            Self::Words { .. } => "words without regions",
        }
    }
}

/// Reads the posts of one split, with every fault.
///
/// # Errors
/// A folder without a data set, or a file of a whole split that cannot be read.
pub fn read_all(directory: &Path, split: &str) -> Result<Reading, DatasetError> {
    match Layout::of(directory, split)? {
        Layout::Riveg { folder } => gold_file::read(&folder),
        Layout::TwitterGmner { words } => twitter::read(directory, &words, Regions::Voc),
        Layout::TwitterSmner { words } => twitter::read(directory, &words, Regions::Labelme),
        Layout::Coco { folder } => coco::read(&folder),
        Layout::LabelStudio { folder } => label_studio::read(&folder),
        Layout::Words { words } => twitter::read(directory, &words, Regions::Unknown),
    }
}

/// Reads the gold of a file: lines of RiVEG's authors, or the output of H-Index with this number of candidate boxes.
///
/// # Errors
/// The first fault, with its line.
pub fn read_gold_file(file: &Path, candidates: usize) -> Result<Vec<GoldPost>, DatasetError> {
    let text = read_text(file)?;
    if h_index::is_output(&text) {
        return Ok(HIndexOutput::read(file, &text, candidates)?.gold());
    }
    riveg_text::read_gold(file, &text)
}

/// Reads the posts of one split for the engine, which needs their pictures. Of words without regions only texts are scored:
/// there a post whose picture is missing is its text alone.
///
/// # Errors
/// The first fault, with file and line.
pub fn read(directory: &Path, split: &str) -> Result<Vec<Example>, DatasetError> {
    let mut reading = read_all(directory, split)?;
    let missing = reading.missing_pictures.len();
    match Layout::of(directory, split)? {
        Layout::Words { .. } if missing > 0 => {
            tracing::warn!(missing, split, "pictures are missing; their posts are texts alone");
        }
        _ => reading.faults.append(&mut reading.missing_pictures),
    }
    reading.whole()
}
