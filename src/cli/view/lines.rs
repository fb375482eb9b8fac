//! Lines: the answers of a file, or of standard input, one a line, as the file grows.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::feed::Feed;
use super::plain_file::{FileError, opened};
use super::posts_file::PostsFile;
use super::shown_post::ShownPost;
use crate::cli::line_reader::LineReader;
use crate::kafka::publish::formats::reader;
use crate::telemetry::Causes;

/// The longest line, in bytes: a record of Kafka with masks is seldom above a megabyte.
const MAX_LINE: u64 = 64 << 20;

/// Between two looks whether the file has grown.
const LOOK: Duration = Duration::from_millis(200);

/// A file of answers.
pub(super) struct AnswersFile {
    path: PathBuf,
    input: Input,
    posts: Option<PostsFile>,
    feed: Arc<Feed>,
}

enum Input {
    /// A file with the place of the next line, and the number of lines before it.
    File {
        file: File,
        number: u64,
        position: u64,
    },
    StandardInput,
}

impl AnswersFile {
    /// `-` is standard input.
    pub(super) fn open(path: &Path, posts: Option<PostsFile>, feed: Arc<Feed>) -> Result<Self, FileError> {
        let input = match path.to_str() {
            Some("-") => Input::StandardInput,
            _ => Input::File { file: opened(path)?, number: 0, position: 0 },
        };
        Ok(Self { path: path.to_owned(), input, posts, feed })
    }

    /// Reads until `closed`, or until the end of standard input. Blocks.
    pub(super) fn run(mut self, closed: &CancellationToken) {
        if matches!(self.input, Input::StandardInput) {
            let lines = LineReader::new(BufReader::new(io::stdin()), MAX_LINE);
            for line in lines {
                let Some(line) = or_logged(line, &self.path).filter(|_| !closed.is_cancelled()) else {
                    return;
                };
                self.take(line.number, &line.record);
            }
            return;
        }
        while !closed.is_cancelled() {
            if !self.read_on(closed) {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Reads the whole lines that have come. Returns whether to look again.
    fn read_on(&mut self, closed: &CancellationToken) -> bool {
        let Input::File { file, number, position } = &mut self.input else { return false };
        let length = file.metadata().map_or(0, |found| found.len());
        if length < *position {
            warn!(path = %self.path.display(), "the file has become shorter: it is read from its beginning");
            (*number, *position) = (0, 0);
        }
        let (before, begin) = (*number, *position);
        let reopened = file.try_clone().and_then(|mut file| {
            file.seek(SeekFrom::Start(begin))?;
            Ok(BufReader::new(file.take(length.saturating_sub(begin))))
        });
        let Some(reader) = or_logged(reopened, &self.path) else { return false };
        for line in LineReader::continued(reader, MAX_LINE, (before, begin)) {
            let Some(line) = or_logged(line, &self.path) else { return false };
            // The last line may still be written: it is taken when it is whole.
            if line.end == length && !self.ends_with_newline(length) && reader::read(&line.record).is_err() {
                return true;
            }
            self.take(line.number, &line.record);
            if let Input::File { number, position, .. } = &mut self.input {
                (*number, *position) = (line.number, line.end);
            }
            if closed.is_cancelled() {
                return false;
            }
        }
        true
    }

    fn ends_with_newline(&self, length: u64) -> bool {
        let Input::File { file, .. } = &self.input else { return true };
        let last = file.try_clone().and_then(|mut file| {
            file.seek(SeekFrom::Start(length.saturating_sub(1)))?;
            let mut byte = [0];
            file.read_exact(&mut byte)?;
            Ok(byte[0])
        });
        last.is_ok_and(|byte| byte == b'\n')
    }

    fn take(&mut self, number: u64, record: &[u8]) {
        match reader::read(record) {
            Ok(answer) => {
                let source = self.posts.as_mut().and_then(|posts| posts.find(&answer.annotated.post_id));
                let place = format!("line {number}");
                let post = ShownPost::new(answer, source.as_ref(), &place);
                self.feed.change(|window| window.push_post(post));
            }
            Err(fault) => {
                warn!(path = %self.path.display(), line = number, fault, "no answer of `riveg`: passed over");
            }
        }
    }
}

/// What was read; a fault is logged.
fn or_logged<T>(read: io::Result<T>, path: &Path) -> Option<T> {
    read.inspect_err(|error| warn!(path = %path.display(), error = %Causes(error), "reading ends")).ok()
}
