//! Which words does SeqTR know? Those of the expressions it was taught, each with its number.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::config::{SPECIAL_WORDS, UNKNOWN};

/// What is taken out of phrases before they are cut into words.
const PUNCTUATION: &[char] = &['.', ',', '\'', '!', '?', '"', '(', ')', '*', '#', ':', ';'];

/// Turns phrases into the ids that the network reads.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    ids: HashMap<String, u32>,
    max_words: usize,
}

/// A list of words that no vocabulary can be made of. Positions count from 0, as ids do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// The list does not begin with the special words.
    #[error("word {position} of SeqTR's vocabulary must be `{expected}`, but is {}", found.as_ref().map_or("not there".to_owned(), |word| format!("`{word}`")))]
    NotSpecial {
        /// Which.
        position: usize,
        /// What must stand there.
        expected: &'static str,
        /// What stands there.
        found: Option<String>,
    },
    /// A word stands there twice.
    #[error("`{word}` is both word {first} and word {second} of SeqTR's vocabulary")]
    Repeated {
        /// Which.
        word: String,
        /// Where first.
        first: u32,
        /// Where again.
        second: u32,
    },
    /// A word has no letters.
    #[error("word {0} of SeqTR's vocabulary is empty")]
    Empty(usize),
}

/// A file that is no vocabulary.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// It cannot be read.
    #[error("failed to read SeqTR's vocabulary `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It begins as JSON does, but is no list of words.
    #[error("SeqTR's vocabulary `{}` is no JSON list of words", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Its words make no vocabulary.
    #[error("`{}` is no vocabulary", path.display())]
    Words {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: WordsError,
    },
}

impl Vocabulary {
    /// Reads a file of all words in the order of their ids, [`SPECIAL_WORDS`] first: one a line, or a JSON list.
    /// `max_words` is how many the network reads of a phrase.
    ///
    /// # Errors
    /// [`VocabularyError`]: the file, or what [`Vocabulary::new`] refuses.
    pub fn load(path: &Path, max_words: usize) -> Result<Self, VocabularyError> {
        let file = || path.to_owned();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| VocabularyError::Read { path: file(), source })?;
        let words: Vec<String> = if text.trim_start().starts_with('[') {
            serde_json::from_str(&text).map_err(|source| VocabularyError::Json { path: file(), source })?
        } else {
            text.lines().map(str::to_owned).collect()
        };
        Self::new(words, max_words).map_err(|source| VocabularyError::Words { path: file(), source })
    }

    /// Numbers words in their order.
    ///
    /// # Errors
    /// [`WordsError`]: other words than the special ones first, a word twice, or one without letters.
    pub fn new(words: Vec<String>, max_words: usize) -> Result<Self, WordsError> {
        for (position, expected) in SPECIAL_WORDS.into_iter().enumerate() {
            let found = words.get(position).cloned();
            if found.as_deref() != Some(expected) {
                return Err(WordsError::NotSpecial { position, expected, found });
            }
        }
        let mut ids = HashMap::with_capacity(words.len());
        for (word, id) in words.into_iter().zip(0u32..) {
            if word.is_empty() {
                return Err(WordsError::Empty(id as usize));
            }
            if let Some(&first) = ids.get(&word) {
                return Err(WordsError::Repeated { word, first, second: id });
            }
            ids.insert(word, id);
        }
        Ok(Self { ids, max_words })
    }

    /// A phrase's words, lower case and without punctuation: at least one, and no more than the network reads. A phrase
    /// without words is one word that is not known.
    #[must_use]
    pub fn encode(&self, phrase: &str) -> Vec<u32> {
        let cleaned = phrase.to_lowercase().replace(PUNCTUATION, "").replace(['-', '/'], " ");
        let id = |word: &str| self.ids.get(word).copied().unwrap_or(UNKNOWN);
        let ids: Vec<u32> = cleaned.split_whitespace().take(self.max_words).map(id).collect();
        if ids.is_empty() { vec![UNKNOWN] } else { ids }
    }

    /// How many words it has: the network's table must have as many rows.
    #[must_use]
    pub fn size(&self) -> usize {
        self.ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(own: &[&str]) -> Vec<String> {
        SPECIAL_WORDS.iter().chain(own).map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn phrases_are_read_as_the_training_expressions_were() {
        let vocabulary = Vocabulary::new(words(&["man", "in", "red", "tshirt", "left"]), 4).unwrap();
        assert_eq!(vocabulary.size(), 8);
        let cases: [(&str, &[u32]); 7] = [
            ("Man in RED", &[3, 4, 5]),
            ("red-man/left", &[5, 3, 7]),
            ("T'shirt, (red)!", &[6, 5]),
            ("woman in red", &[1, 4, 5]),
            ("man in red tshirt left", &[3, 4, 5, 6]),
            (" ?! ", &[1]),
            // Lower case is none of the special words.
            ("PAD", &[1]),
        ];
        for (phrase, ids) in cases {
            assert_eq!(vocabulary.encode(phrase), ids, "{phrase:?}");
        }
    }

    #[test]
    fn lines_and_json_are_the_same_list() {
        let folder = tempfile::tempdir().unwrap();
        let (lines, json) = (folder.path().join("words.txt"), folder.path().join("words.json"));
        std::fs::write(&lines, "PAD\nUNK\nCLS\nman\nred\n").unwrap();
        std::fs::write(&json, r#"["PAD", "UNK", "CLS", "man", "red"]"#).unwrap();
        for path in [lines, json] {
            let vocabulary = Vocabulary::load(&path, 15).unwrap();
            assert_eq!(vocabulary.encode("red man"), [4, 3]);
            assert_eq!(vocabulary.size(), 5);
        }
    }

    #[test]
    fn lists_that_are_no_vocabulary_are_refused_by_word() {
        let cases = [
            (vec!["PAD".to_owned()], "word 1 of SeqTR's vocabulary must be `UNK`, but is not there"),
            (vec!["the".to_owned()], "word 0 of SeqTR's vocabulary must be `PAD`, but is `the`"),
            (words(&["a", "b", "a"]), "`a` is both word 3 and word 5 of SeqTR's vocabulary"),
            (words(&["a", "", "b"]), "word 4 of SeqTR's vocabulary is empty"),
        ];
        for (words, message) in cases {
            assert_eq!(Vocabulary::new(words, 15).unwrap_err().to_string(), message);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        let refused = |path: &Path| Vocabulary::load(path, 15).unwrap_err();
        assert!(matches!(refused(&path), VocabularyError::Read { .. }));
        std::fs::write(&path, "[1, 2").unwrap();
        assert!(matches!(refused(&path), VocabularyError::Json { .. }));
        std::fs::write(&path, "the\nman\n").unwrap();
        assert!(matches!(refused(&path), VocabularyError::Words { .. }));
    }
}
