//! Posts file: the posts of a file by their ids. Of each post its place is remembered, and it is read again when it is
//! asked for.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use tracing::warn;

use super::plain_file::{FileError, opened};
use super::source_post::{PostReader, SourcePost};
use crate::cli::line_reader::LineReader;
use crate::telemetry::Causes;

/// The most posts whose places are remembered: some hundred megabytes of memory.
const MAX_POSTS: usize = 2_000_000;

/// The posts of a file.
pub(super) struct PostsFile {
    file: File,
    reader: PostReader,
    max_line: u64,
    /// First byte and length of the line of each post.
    places: HashMap<String, (u64, u64)>,
    /// Up to where the file is known.
    known: u64,
}

impl PostsFile {
    /// `max_line`: the longest line, in bytes.
    pub(super) fn open(path: &Path, reader: PostReader, max_line: u64) -> Result<Self, FileError> {
        Ok(Self { file: opened(path)?, reader, max_line, places: HashMap::new(), known: 0 })
    }

    /// The post of an id; none where the file does not have it.
    pub(super) fn find(&mut self, id: &str) -> Option<SourcePost> {
        if !self.places.contains_key(id)
            && let Err(error) = self.read_on()
        {
            warn!(error = %Causes(&error), "the file of posts cannot be read on");
        }
        let &(begin, length) = self.places.get(id)?;
        let line = self.line(begin, length).ok()?;
        self.reader.read(&line, None).into_iter().find(|post| post.id == id)
    }

    /// Remembers the places of the posts that have come.
    fn read_on(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let begin = self.known;
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(begin))?;
        let lines = BufReader::new(file.take(length.saturating_sub(begin)));
        let mut start = begin;
        for line in LineReader::continued(lines, self.max_line, (0, begin)) {
            let line = line?;
            let posts = self.reader.read(&line.record, None);
            // The last line may still be written.
            if posts.is_empty() && line.end == length {
                break;
            }
            for post in posts {
                if self.places.len() < MAX_POSTS {
                    self.places.insert(post.id, (start, line.end - start));
                }
            }
            (start, self.known) = (line.end, line.end);
        }
        Ok(())
    }

    fn line(&mut self, begin: u64, length: u64) -> io::Result<Bytes> {
        self.file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        (&self.file).take(length.min(self.max_line)).read_to_end(&mut bytes)?;
        let bytes = Bytes::from(bytes);
        Ok(bytes.slice_ref(bytes.trim_ascii()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::config::{Config, Sources};

    #[test]
    fn posts_are_found_in_any_order_and_as_the_file_grows() {
        let config = Config::load(&Sources::default()).unwrap().config;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let begun =
            "{\"id\":\"a\",\"text\":\"one\"}\n\nno json\n{\"id\":\"b\",\"text\":\"two\"}\n{\"id\":\"c\",";
        file.write_all(begun.as_bytes()).unwrap();
        let mut posts = PostsFile::open(file.path(), PostReader::new(&config), 1 << 20).unwrap();
        let mut found = |id: &str| posts.find(id).map(|post| post.id);
        assert_eq!([found("b"), found("a"), found("c")], [Some("b".to_owned()), Some("a".to_owned()), None]);
        writeln!(file, "\"text\":\"three\"}}").unwrap();
        assert_eq!(found("c").as_deref(), Some("c"));
    }
}
