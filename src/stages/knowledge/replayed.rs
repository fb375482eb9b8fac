//! Replayed knowledge: what somebody's language model said about posts, from a file instead of a model.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use crate::common::answer_file::{AnswerFile, AnswerFileError};
use crate::llm::cached::normalised_text;

/// The answers of a file, by the normalised text of the post: a post is known by its words, because answers that were
/// published do not have the feed's ids.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ReplayedKnowledge {
    by_text: HashMap<String, String>,
}

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    knowledge: String,
}

/// What a line must be.
const LINE: &str = "must be a JSON object with the strings `text` and `knowledge`";

impl ReplayedKnowledge {
    /// Reads a JSONL file. Empty lines are skipped; of several lines with one text the last counts.
    ///
    /// # Errors
    /// [`AnswerFileError`] names the file, and the line if one is at fault.
    pub fn load(path: &Path) -> Result<Self, AnswerFileError> {
        let file = AnswerFile::read(path)?;
        let mut by_text = HashMap::new();
        for line in file.lines().filter(|(_, line)| !line.trim().is_empty()) {
            let Line { text, knowledge } = file.json(line, LINE)?;
            by_text.insert(normalised_text(&text), knowledge);
        }
        Ok(Self { by_text })
    }

    /// What the file says about a normalised text.
    #[must_use]
    pub fn about(&self, text: &str) -> Option<&str> {
        self.by_text.get(text).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn load(text: &str) -> Result<ReplayedKnowledge, AnswerFileError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers.jsonl");
        std::fs::write(&file, text).unwrap();
        ReplayedKnowledge::load(&file)
    }

    #[test]
    fn a_post_is_known_by_its_words() {
        let answers =
            load("{\"text\":\"Ann  sings https://a.example\",\"knowledge\":\"Ann is a singer.\"}\n\n")
                .unwrap();
        assert_eq!(answers.about(&normalised_text("RT @x Ann sings")), Some("Ann is a singer."));
        assert_eq!(answers.about("Ann"), None);
    }

    #[test]
    fn a_damaged_line_is_named() {
        for (text, cause) in [("{}", "missing field `text`"), ("\n{\"text\":1}", "invalid type")] {
            let error = load(text).unwrap_err();
            let line = if text.starts_with('\n') { "line 2" } else { "line 1" };
            assert!(error.to_string().contains(line), "{error}");
            assert!(error.source().unwrap().to_string().contains(cause), "{error:?}");
        }
        assert!(ReplayedKnowledge::load(Path::new("no/such/file")).is_err());
    }
}
