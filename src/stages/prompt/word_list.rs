//! Word list: the vocabulary of a network that reads whole words, in the order of SeqTR's authors.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::Utf8Error;

use super::caption_style::is_white;

/// The first words of every list: padding, unknown, and one that SeqTR does not use.
const SPECIAL_WORDS: [&str; 3] = ["PAD", "UNK", "CLS"];
/// The id of unknown words.
const UNKNOWN: u32 = 1;

/// Characters that are removed from phrases.
const PUNCTUATION: &[char] = &['.', ',', '\'', '!', '?', '"', '(', ')', '*', '#', ':', ';'];

/// The words with their ids.
#[derive(Debug, Clone)]
pub struct WordList {
    ids: HashMap<String, u32>,
    max_words: usize,
}

/// The words are not a valid list. Positions count from 0, as ids do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A special word is missing at the beginning.
    #[error("word {position} must be `{expected}`, but is {}", found.as_ref().map_or("not there".to_owned(), |word| format!("`{word}`")))]
    NotSpecial {
        /// Which.
        position: usize,
        /// The expected word.
        expected: &'static str,
        /// The word that was found.
        found: Option<String>,
    },
    /// A word is repeated.
    #[error("`{word}` is both word {first} and word {second}")]
    Repeated {
        /// Which.
        word: String,
        /// Its first position.
        first: u32,
        /// Its second position.
        second: u32,
    },
    /// A word is empty.
    #[error("word {0} is empty")]
    Empty(usize),
}

/// The file is not a word list.
#[derive(Debug, thiserror::Error)]
pub enum WordListError {
    /// It is not text.
    #[error("the list of words `{}` is not UTF-8", path.display())]
    NotText {
        /// Which.
        path: PathBuf,
        /// Where.
        #[source]
        source: Utf8Error,
    },
    /// It begins as JSON, but is not a list of words.
    #[error("`{}` is no JSON list of words", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The words are not a valid list.
    #[error("`{}` is no list of a network's words", path.display())]
    Words {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: WordsError,
    },
}

impl WordList {
    /// Parses a file of all words in the order of their ids: one a line, or a JSON list; PAD, UNK and CLS come first.
    /// `max_words` is the network's input length, `path` is for errors.
    ///
    /// # Errors
    /// [`WordListError`]: the file, or an error of [`WordList::new`].
    pub fn from_bytes(path: &Path, bytes: &[u8], max_words: usize) -> Result<Self, WordListError> {
        let file = || path.to_owned();
        let text = std::str::from_utf8(bytes);
        let text = text.map_err(|source| WordListError::NotText { path: file(), source })?;
        let words = Self::listed(text).map_err(|source| WordListError::Json { path: file(), source })?;
        Self::new(words, max_words).map_err(|source| WordListError::Words { path: file(), source })
    }

    /// The words of a text: one a line, or a JSON list.
    ///
    /// # Errors
    /// It begins as JSON, but is no list of words.
    pub fn listed(text: &str) -> Result<Vec<String>, serde_json::Error> {
        if text.trim_start().starts_with('[') {
            return serde_json::from_str(text);
        }
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// A list of these words in order.
    ///
    /// # Errors
    /// [`WordsError`]: a missing special word, a repeated word, or an empty word.
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

    /// The words of a phrase, in lower case and without punctuation, up to the network's input length. A phrase without
    /// words is one unknown word.
    #[must_use]
    pub fn encode(&self, phrase: &str) -> Vec<u32> {
        let cleaned = Self::clean(phrase);
        let id = |word: &str| self.ids.get(word).copied().unwrap_or(UNKNOWN);
        let ids: Vec<u32> =
            cleaned.split(is_white).filter(|word| !word.is_empty()).take(self.max_words).map(id).collect();
        if ids.is_empty() { vec![UNKNOWN] } else { ids }
    }

    /// A phrase in lower case and without punctuation, as its words are looked up.
    #[must_use]
    pub fn clean(phrase: &str) -> String {
        phrase.to_lowercase().replace(PUNCTUATION, "").replace(['-', '/'], " ")
    }

    /// The number of words: the network's embedding must have as many rows.
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
    fn phrases_are_encoded_as_in_training() {
        let list = WordList::new(words(&["man", "in", "red", "tshirt", "left"]), 4).unwrap();
        assert_eq!(list.size(), 8);
        let cases: [(&str, &[u32]); 7] = [
            ("Man in RED", &[3, 4, 5]),
            ("red-man/left", &[5, 3, 7]),
            ("T'shirt, (red)!", &[6, 5]),
            ("woman in red", &[1, 4, 5]),
            ("man in red tshirt left", &[3, 4, 5, 6]),
            (" ?! ", &[1]),
            // In lower case it is not a special word.
            ("PAD", &[1]),
        ];
        for (phrase, ids) in cases {
            assert_eq!(list.encode(phrase), ids, "{phrase:?}");
        }
    }

    fn read(bytes: &[u8]) -> Result<WordList, WordListError> {
        WordList::from_bytes(Path::new("words.txt"), bytes, 15)
    }

    #[test]
    fn lines_and_json_are_the_same_list() {
        for bytes in [b"PAD\nUNK\nCLS\nman\nred\n".as_slice(), br#"["PAD", "UNK", "CLS", "man", "red"]"#] {
            let list = read(bytes).unwrap();
            assert_eq!(list.encode("red man"), [4, 3]);
            assert_eq!(list.size(), 5);
        }
    }

    #[test]
    fn an_invalid_word_list_is_refused_by_file_and_word() {
        let cases = [
            (vec!["PAD".to_owned()], "word 1 must be `UNK`, but is not there"),
            (vec!["the".to_owned()], "word 0 must be `PAD`, but is `the`"),
            (words(&["a", "b", "a"]), "`a` is both word 3 and word 5"),
            (words(&["a", "", "b"]), "word 4 is empty"),
        ];
        for (words, message) in cases {
            assert_eq!(WordList::new(words, 15).unwrap_err().to_string(), message);
        }
        let cases = [
            (b"\xff".as_slice(), "the list of words `words.txt` is not UTF-8"),
            (b"[1, 2", "`words.txt` is no JSON list of words"),
            (b"the\nman\n", "`words.txt` is no list of a network's words"),
        ];
        for (bytes, message) in cases {
            assert_eq!(read(bytes).unwrap_err().to_string(), message);
        }
    }
}
