//! Vocabulary files: which part each file holds, by its name. Other files are ignored.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::VocabularyError;
use crate::common::plain_file;

/// The parts that were found.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// `tokenizer.json`: all in one.
    pub(super) ready: Option<PathBuf>,
    /// `dict.txt`: GPT-2's ids in fairseq's order.
    pub(super) dictionary: Option<PathBuf>,
    /// `encoder.json` or `vocab.json`: the id of each piece.
    pub(super) ids: Option<PathBuf>,
    /// `vocab.bpe` or `merges.txt`: the merges, by priority.
    pub(super) merges: Option<PathBuf>,
    /// `vocab.txt`: a piece a line.
    pub(super) words: Option<PathBuf>,
    /// `bpe.codes`: the merges of BERTweet.
    pub(super) codes: Option<PathBuf>,
    /// `sentencepiece.bpe.model` or `spm.model`.
    pub(super) sentences: Option<PathBuf>,
    /// `tokenizer_config.json`: whether case matters.
    pub(super) settings: Option<PathBuf>,
}

const NAMES: [&str; 11] = [
    "tokenizer.json",
    "dict.txt",
    "encoder.json",
    "vocab.json",
    "vocab.bpe",
    "merges.txt",
    "vocab.txt",
    "bpe.codes",
    "sentencepiece.bpe.model",
    "spm.model",
    SETTINGS,
];
const SETTINGS: &str = "tokenizer_config.json";

/// The largest file that is read: XLM-R's, the largest published one, has 17 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;

impl Files {
    /// Finds the parts in folders, and classifies files by name. A JSON file of another name is a `tokenizer.json`.
    pub(super) fn find(given: &[PathBuf]) -> Result<Self, VocabularyError> {
        let mut files = Self::default();
        for path in given {
            let kind = fs::metadata(path);
            let kind = kind.map_err(|source| VocabularyError::Read { file: path.clone(), source })?;
            if kind.is_dir() {
                for file in NAMES.iter().map(|name| path.join(name)).filter(|file| file.is_file()) {
                    files.put(&file);
                }
            } else {
                files.put(path);
            }
        }
        Ok(files)
    }

    /// Whether a folder has any part of a vocabulary; the settings alone are none.
    pub(super) fn are_in(folder: &Path) -> bool {
        NAMES.iter().filter(|name| **name != SETTINGS).any(|name| folder.join(name).is_file())
    }

    fn put(&mut self, file: &Path) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let part = match name.as_str() {
            "dict.txt" => &mut self.dictionary,
            "encoder.json" | "vocab.json" => &mut self.ids,
            "vocab.bpe" | "merges.txt" => &mut self.merges,
            "vocab.txt" => &mut self.words,
            "bpe.codes" => &mut self.codes,
            "tokenizer_config.json" => &mut self.settings,
            name if name.ends_with(".model") => &mut self.sentences,
            name if name.ends_with(".json") => &mut self.ready,
            _ => return,
        };
        *part = Some(file.to_owned());
    }

    /// The error for missing parts; OFA has other layouts than other networks.
    pub(super) fn incomplete(&self, given: &[PathBuf], ofa: bool) -> VocabularyError {
        let parts = [
            &self.dictionary,
            &self.ids,
            &self.merges,
            &self.words,
            &self.codes,
            &self.sentences,
            &self.settings,
        ];
        let found: Vec<String> =
            parts.into_iter().flatten().map(|file| format!("`{}`", name(file))).collect();
        let expected = if ofa {
            "a `tokenizer.json`, fairseq's `dict.txt` with `encoder.json` and `vocab.bpe`, or Hugging Face's \
             `vocab.json` with `merges.txt`"
        } else {
            "a `tokenizer.json`, BERT's `vocab.txt`, RoBERTa's `vocab.json` with `merges.txt`, BERTweet's `vocab.txt` \
             with `bpe.codes`, XLM-R's `sentencepiece.bpe.model`, or DeBERTa's `spm.model`"
        };
        let given: Vec<String> = given.iter().map(|path| path.display().to_string()).collect();
        let found = if found.is_empty() {
            "nothing of them".to_owned()
        } else {
            format!("only {}", found.join(", "))
        };
        VocabularyError::Incomplete { given: given.join("`, `"), expected, found }
    }
}

/// The bytes of a file, up to a limit.
pub(super) fn bytes(file: &Path) -> Result<Vec<u8>, VocabularyError> {
    let unreadable = |source| VocabularyError::Read { file: file.to_owned(), source };
    let mut opened = plain_file::open(file).map_err(unreadable)?;
    let length = opened.metadata().map_err(unreadable)?.len();
    if length > MAX_FILE_BYTES {
        let expected = format!("at most {MAX_FILE_BYTES} bytes");
        return Err(VocabularyError::unfit(file, "its size", expected, format!("{length} bytes")));
    }
    let mut bytes = Vec::new();
    opened.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// A file's text.
pub(super) fn text(file: &Path) -> Result<String, VocabularyError> {
    String::from_utf8(bytes(file)?).map_err(|error| {
        let place = format!("byte {}", error.utf8_error().valid_up_to());
        VocabularyError::unfit(file, place, "text in UTF-8", "other bytes")
    })
}

/// The lines without line ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ended = text.strip_suffix('\n').unwrap_or(text);
    ended.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
