//! Annotated examples: a JSONL file of posts with a description of their entities.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic_file;
use crate::common::plain_file;

/// One example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its unique id.
    pub id: String,
    /// The post's text.
    pub text: String,
    /// A one-sentence caption of its picture; may be empty.
    #[serde(default)]
    pub caption: String,
    /// The entities of the text with their types, and the reasons.
    pub annotation: String,
    /// Its picture, if there is one; a relative path starts at the file's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PathBuf>,
}

/// All examples of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examples {
    /// In the order of the file, with unique ids and full paths of pictures.
    pub list: Vec<Example>,
    /// BLAKE3 of the file, in hexadecimal. The contents of pictures do not count.
    pub hash: String,
}

impl Examples {
    /// No examples.
    #[must_use]
    pub fn none() -> Self {
        Self { list: Vec::new(), hash: String::new() }
    }
}

/// The file of examples cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// It is missing, unreadable or not UTF-8.
    #[error("failed to read the examples `{}`", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
    /// A line is not an example.
    #[error("line {line} of the examples `{}` is not an example", path.display())]
    Line {
        /// Where.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
        /// What was wrong.
        #[source]
        source: LineFault,
    },
    /// It cannot be written.
    #[error("failed to write the examples `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
}

/// Why a line is not an example.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// It is not the expected JSON.
    #[error(
        "it must be a JSON object with the strings `id`, `text` and `annotation`, and at most `caption` and `picture`"
    )]
    Json(#[from] serde_json::Error),
    /// A string is empty.
    #[error("its `{0}` is empty")]
    Empty(&'static str),
    /// An earlier line has the same id.
    #[error("its `id` is `{id}`, as that of line {before}")]
    Twice {
        /// Which.
        id: String,
        /// The earlier line.
        before: usize,
    },
}

impl Examples {
    /// Reads a JSONL file. Empty lines are skipped.
    ///
    /// # Errors
    /// [`ExamplesError`] names the file, and the line if one is at fault.
    pub fn load(path: &Path) -> Result<Self, ExamplesError> {
        let read = plain_file::read_text(path);
        let text = read.map_err(|source| ExamplesError::Read { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut list = Vec::new();
        let mut lines = HashMap::new();
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            let refused = |source| ExamplesError::Line { path: path.to_owned(), line: number, source };
            let mut example = parsed(line).map_err(refused)?;
            if let Some(before) = lines.insert(example.id.clone(), number) {
                return Err(refused(LineFault::Twice { id: example.id, before }));
            }
            example.picture = example.picture.map(|picture| folder.join(picture));
            list.push(example);
        }
        Ok(Self { list, hash: blake3::hash(text.as_bytes()).to_hex().to_string() })
    }
}

impl Example {
    /// Writes examples as [`Examples::load`] reads them, atomically.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(examples: &[Self], path: &Path) -> Result<(), ExamplesError> {
        let write = || {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let mut file = atomic_file(folder.unwrap_or(Path::new(".")))?;
            for example in examples {
                serde_json::to_writer(&mut file, example)?;
                file.write_all(b"\n")?;
            }
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|source| ExamplesError::Write { path: path.to_owned(), source })
    }
}

fn parsed(line: &str) -> Result<Example, LineFault> {
    let example: Example = serde_json::from_str(line)?;
    for (name, value) in [("id", &example.id), ("text", &example.text), ("annotation", &example.annotation)] {
        if value.trim().is_empty() {
            return Err(LineFault::Empty(name));
        }
    }
    Ok(example)
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use super::*;

    fn load(text: impl AsRef<[u8]>) -> Result<Examples, ExamplesError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("examples.jsonl");
        fs::write(&path, text).unwrap();
        Examples::load(&path)
    }

    #[test]
    fn written_examples_are_read_again_with_full_paths_of_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("examples.jsonl");
        let example = |id: &str, caption: &str, picture: Option<&str>| Example {
            id: id.to_owned(),
            text: format!("text of {id}"),
            caption: caption.to_owned(),
            annotation: "Nobody.\nReason: none.".to_owned(),
            picture: picture.map(PathBuf::from),
        };
        let [one, two] = [example("1", "a crowd", Some("pictures/1.jpg")), example("2", "", None)];
        Example::write(&[one.clone(), two.clone()], &path).unwrap();
        let examples = Examples::load(&path).unwrap();
        let placed = Example { picture: Some(folder.path().join("pictures/1.jpg")), ..one.clone() };
        assert_eq!(examples.list, [placed, two.clone()]);
        Example::write(&[two, one], &path).unwrap();
        assert_ne!(Examples::load(&path).unwrap().hash, examples.hash);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = Example::write(&[], &folder.path().join("nowhere/examples.jsonl")).unwrap_err();
        assert!(error.to_string().starts_with("failed to write the examples `"), "{error}");
    }

    #[test]
    fn a_bad_line_is_named_with_its_file_and_its_fault() {
        let good = r#"{"id": "1", "text": "a", "annotation": "b"}"#;
        let cases = [
            ("not json", "it must be a JSON object"),
            (r#"{"id": "2", "text": "a"}"#, "it must be a JSON object"),
            (r#"{"id": 2, "text": "a", "annotation": "b"}"#, "it must be a JSON object"),
            (r#"{"id": "2", "text": "a", "annotation": "b", "labels": []}"#, "it must be a JSON object"),
            (r#"{"id": " ", "text": "a", "annotation": "b"}"#, "its `id` is empty"),
            (r#"{"id": "2", "text": "", "annotation": "b"}"#, "its `text` is empty"),
            (r#"{"id": "2", "text": "a", "annotation": "\n"}"#, "its `annotation` is empty"),
            (good, "its `id` is `1`, as that of line 1"),
        ];
        for (line, fault) in cases {
            let error = load(format!("{good}\n\n{line}\n")).unwrap_err();
            let message = error.to_string();
            assert!(message.starts_with("line 3 of the examples `"), "{message}");
            assert!(message.contains("examples.jsonl"), "{message}");
            assert!(error.source().unwrap().to_string().starts_with(fault), "{line}");
        }
    }

    #[test]
    fn a_missing_or_binary_file_is_named() {
        let error = Examples::load(Path::new("nowhere/examples.jsonl")).unwrap_err();
        assert_eq!(error.to_string(), "failed to read the examples `nowhere/examples.jsonl`");
        assert!(matches!(load([0xff, 0xfe, b'\n']), Err(ExamplesError::Read { .. })));
        assert_eq!(load("").unwrap().list, []);
    }
}
