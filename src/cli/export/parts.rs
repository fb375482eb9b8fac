//! Parts: the numbered files of a format that cannot be appended to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::state::Mark;

/// The folder of parts, and what is counted over all of them.
pub(super) struct Parts {
    folder: PathBuf,
    extension: &'static str,
    /// Complete parts, and the counts.
    pub(super) mark: Mark,
}

impl Parts {
    pub(super) fn open(folder: &Path, extension: &'static str, mark: Mark) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), extension, mark })
    }

    /// The next number of this kind of thing, from 1 on, over all parts.
    pub(super) fn number(&mut self, kind: &str) -> u64 {
        let number = self.mark.numbers.entry(kind.to_owned()).or_default();
        *number += 1;
        *number
    }

    /// The number of a category, from 1 on, over all parts.
    pub(super) fn category(&mut self, name: &str) -> usize {
        let known = self.mark.categories.iter().position(|other| other == name);
        let place = known.unwrap_or_else(|| {
            self.mark.categories.push(name.to_owned());
            self.mark.categories.len() - 1
        });
        place + 1
    }

    /// Writes a part as a whole: a reader never sees half of one.
    pub(super) fn add(
        &mut self,
        write: impl FnOnce(&mut tempfile::NamedTempFile) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        write(&mut file)?;
        file.as_file().sync_data()?;
        let name = format!("part-{:05}.{}", self.mark.parts, self.extension);
        file.persist(self.folder.join(name))?;
        self.mark.parts += 1;
        Ok(())
    }
}
