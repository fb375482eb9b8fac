//! Prompt file: the wording of a question to language models, as TOML, with the checks that every wording must pass.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::AnswerFormat;
use crate::common::plain_file;

/// A file of the settings that is no prompt.
#[derive(Debug, thiserror::Error)]
pub enum PromptFileError {
    /// It is missing, unreadable or not UTF-8.
    #[error("cannot read the prompt `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not TOML, or a key is missing, unknown or of another type.
    #[error("the prompt `{}` cannot be used: {message}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// What the reader says, with the line.
        message: String,
    },
    /// A text cannot be a part of a question.
    #[error("the prompt `{}` cannot be used: `{}` {}", path.display(), .fault.key, .fault.reason)]
    Key {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        fault: PromptFault,
    },
}

/// A key of a prompt whose text cannot be a part of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptFault {
    /// The key.
    pub key: &'static str,
    /// What is wrong, and what is expected.
    pub reason: String,
}

/// A line of a question, with the places that it must have.
#[derive(Debug, Clone, Copy)]
pub struct PromptLine<'a> {
    /// Its key.
    pub key: &'static str,
    /// Its text.
    pub text: &'a str,
    /// What must stand in it once each.
    pub places: &'a [&'a str],
}

/// Reads a prompt and checks it.
///
/// # Errors
/// [`PromptFileError`] names the file, and the key and the reason.
pub fn read_prompt<P: DeserializeOwned>(
    path: &Path,
    check: impl FnOnce(&P) -> Result<(), PromptFault>,
) -> Result<P, PromptFileError> {
    let text = plain_file::read_text(path);
    let text = text.map_err(|source| PromptFileError::Read { path: path.to_owned(), source })?;
    let prompt: P = toml::from_str(&text).map_err(|error| {
        let message = error.to_string().trim_end().to_owned();
        PromptFileError::Format { path: path.to_owned(), message }
    })?;
    check(&prompt).map_err(|fault| PromptFileError::Key { path: path.to_owned(), fault })?;
    Ok(prompt)
}

/// Checks the lines of a question. Each is one line with its places once each, and begins as lines of such questions do: an
/// answer that goes on with a further question of its own ends there.
///
/// # Errors
/// The first fault.
pub fn check_lines(format: AnswerFormat, lines: &[PromptLine<'_>]) -> Result<(), PromptFault> {
    for &PromptLine { key, text, places } in lines {
        let fault = |reason: String| Err(PromptFault { key, reason });
        if text.trim().is_empty() || text.lines().count() != 1 {
            return fault("must be one line".to_owned());
        }
        if let Some(place) = places.iter().find(|place| text.matches(**place).count() != 1) {
            return fault(format!("must hold `{place}` once"));
        }
        let starts = format.prompt_line_starts();
        if !starts.iter().any(|start| text.starts_with(start)) {
            return fault(format!("must begin with `{}`", starts.join("`, `")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wording {
        text: String,
    }

    #[test]
    fn a_file_that_is_no_prompt_is_refused_with_key_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompt.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let places = ["<data>{text}</data>"];
            read_prompt(&path, |wording: &Wording| {
                let line = PromptLine { key: "text", text: &wording.text, places: &places };
                check_lines(AnswerFormat::Knowledge, &[line])
            })
        };
        let cases = [
            ("text = 1", "invalid type: integer `1`, expected a string"),
            ("texts = ''", "unknown field `texts`, expected `text`"),
            ("text = ", "TOML parse error at line 1"),
            ("text = ' '", "`text` must be one line"),
            ("text = \"Text: <data>{text}</data>\\nmore\"", "`text` must be one line"),
            ("text = 'Text: {text}'", "`text` must hold `<data>{text}</data>` once"),
            ("text = 'Post: <data>{text}</data>'", "`text` must begin with `Text:`, `Image:`, `Question:`"),
        ];
        for (text, reason) in cases {
            let error = read(text).unwrap_err().to_string();
            let begins = format!("the prompt `{}` cannot be used: ", path.display());
            assert!(error.starts_with(&begins) && error.contains(reason), "{text}: {error}");
        }
        assert_eq!(read("text = 'Text: <data>{text}</data>'").unwrap().text, "Text: <data>{text}</data>");
        let missing = read_prompt(&folder.path().join("none.toml"), |_: &Wording| Ok(())).unwrap_err();
        assert!(missing.to_string().contains("none.toml") && missing.source().is_some(), "{missing}");
    }
}
