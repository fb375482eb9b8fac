//! Answer file: what somebody's model wrote about posts, one answer a line, read whole within a limit.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::plain_file;

/// The longest file, in bytes. It is held in memory: a million answers of two sentences fit, and the published files of
/// the field have a few megabytes.
pub const LONGEST: u64 = 256 * 1024 * 1024;

/// The file of answers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFileError {
    /// It is missing, unreadable or not UTF-8.
    #[error("failed to read the answers `{}`", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
    /// It is longer than what is held in memory.
    #[error("the answers `{}` are longer than {most} bytes, which is the most that is held in memory", path.display())]
    TooLong {
        /// Where.
        path: PathBuf,
        /// The limit.
        most: u64,
    },
    /// A line is not an answer.
    #[error("line {line} of the answers `{}` {fault}", path.display())]
    Line {
        /// Where.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
        /// The rest of the sentence.
        fault: String,
        /// What was wrong with it as JSON.
        #[source]
        source: Option<serde_json::Error>,
    },
}

/// The text of a file of answers.
#[derive(Debug)]
pub struct AnswerFile {
    path: PathBuf,
    text: String,
}

impl AnswerFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`AnswerFileError`] names the file.
    pub fn read(path: &Path) -> Result<Self, AnswerFileError> {
        Self::read_within(path, LONGEST)
    }

    fn read_within(path: &Path, most: u64) -> Result<Self, AnswerFileError> {
        let mut bytes = Vec::new();
        let failed = |source| AnswerFileError::Read { path: path.to_owned(), source };
        let file = plain_file::open(path).map_err(failed)?;
        file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > most {
            return Err(AnswerFileError::TooLong { path: path.to_owned(), most });
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// The lines with their numbers from 1, without marks of order and ends of lines.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.strip_prefix('\u{feff}').unwrap_or(&self.text).lines())
    }

    /// The fault of a line, as the rest of a sentence.
    pub fn fault(&self, line: usize, fault: impl Into<String>) -> AnswerFileError {
        AnswerFileError::Line { path: self.path.clone(), line, fault: fault.into(), source: None }
    }

    /// A line as a JSON object; `expected` is the rest of a sentence about a line that is none.
    ///
    /// # Errors
    /// [`AnswerFileError`] names the line.
    pub fn json<'text, T: serde::Deserialize<'text>>(
        &self,
        (number, line): (usize, &'text str),
        expected: &str,
    ) -> Result<T, AnswerFileError> {
        serde_json::from_str(line).map_err(|source| AnswerFileError::Line {
            path: self.path.clone(),
            line: number,
            fault: expected.to_owned(),
            source: Some(source),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_a_longer_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}a\r\n\nb").unwrap();
        let read = AnswerFile::read_within(file.path(), 8).unwrap();
        assert_eq!(read.lines().collect::<Vec<_>>(), [(1, "a"), (2, ""), (3, "b")]);
        let error = AnswerFile::read_within(file.path(), 7).unwrap_err().to_string();
        assert!(
            error.ends_with("are longer than 7 bytes, which is the most that is held in memory"),
            "{error}"
        );
        std::fs::write(file.path(), [0xff]).unwrap();
        assert!(matches!(AnswerFile::read(file.path()), Err(AnswerFileError::Read { .. })));
    }
}
