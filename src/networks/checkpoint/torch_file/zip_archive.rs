//! Torch's zip archives: `<anything>/data.pkl` and a `<anything>/data/<key>` for each storage, none of it compressed.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::{contents, size};
use crate::networks::checkpoint::CheckpointError;
use crate::networks::checkpoint::error::first_few;
use crate::networks::checkpoint::input::Input;
use crate::networks::checkpoint::pickle::{self, Foreign};
use crate::networks::checkpoint::tensor::Contents;

/// Entries are read at their places in the file rather than through the archive: of a large storage only the numbers of
/// one tensor are wanted. Their checksums stay unread; torch may be told not to compute them.
struct Archive<'file> {
    path: &'file Path,
    file: &'file File,
    length: u64,
    zip: ZipArchive<BufReader<&'file File>>,
    /// What stands before the name of each entry, with its slash.
    prefix: String,
}

/// Where an entry's bytes are.
struct Entry {
    start: u64,
    length: u64,
}

/// Finds the tensors of an archive of so many bytes.
pub(crate) fn open(path: &Path, file: &File, length: u64) -> Result<Contents, CheckpointError> {
    let zip =
        ZipArchive::new(BufReader::new(file)).map_err(|error| unreadable(path, "its directory", error))?;
    let prefix = prefix(path, &zip)?;
    let mut archive = Archive { path, file, length, zip, prefix };
    archive.check_byte_order()?;

    let (entry, bytes) = archive.read("data.pkl", pickle::LONGEST, "bytes in a pickle")?;
    let mut input = Input::new(path, bytes.as_slice(), entry.start, entry.length);
    let pickled = pickle::read(&mut input, Foreign::Opaque)?;
    contents(path, &pickled, |storage| {
        let name = format!("data/{}", storage.key);
        let entry = archive.entry(&name)?;
        if size(storage) != Some(entry.length) {
            let expected = format!("{} numbers of {:?}", storage.numel, storage.dtype);
            return Err(CheckpointError::unfit(path, &name, expected, format!("{} bytes", entry.length)));
        }
        Ok(entry.start)
    })
}

/// The folder of the one pickle that holds the object that was saved.
fn prefix(path: &Path, zip: &ZipArchive<BufReader<&File>>) -> Result<String, CheckpointError> {
    let mut names: Vec<_> = zip.file_names_raw().map(String::from_utf8_lossy).collect();
    names.sort_unstable();
    let prefixes = names.iter().filter_map(|name| name.strip_suffix("data.pkl"));
    let prefixes: Vec<&str> = prefixes.filter(|prefix| prefix.ends_with('/')).collect();
    if let [prefix] = prefixes[..] {
        return Ok(prefix.to_owned());
    }
    let found = format!("{} of them, among {}", prefixes.len(), first_few(names.iter().map(AsRef::as_ref)));
    let expected = "one entry `<name>/data.pkl`, as torch writes";
    Err(CheckpointError::unfit(path, "its directory", expected, found))
}

impl Archive<'_> {
    /// Torch writes numbers as its machine holds them, and since 2.0 says how.
    fn check_byte_order(&mut self) -> Result<(), CheckpointError> {
        const NAME: &str = "byteorder";
        if self.index(NAME).is_none() {
            return Ok(());
        }
        let (_, order) = self.read(NAME, 16, "bytes for a word")?;
        if order == b"little" {
            return Ok(());
        }
        let found = String::from_utf8_lossy(&order).escape_debug().to_string();
        Err(CheckpointError::unfit(self.path, NAME, "little", found))
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.zip.index_for_name_raw(format!("{}{name}", self.prefix).as_bytes())
    }

    /// A small entry whole.
    fn read(
        &mut self,
        name: &str,
        most: u64,
        what: &'static str,
    ) -> Result<(Entry, Vec<u8>), CheckpointError> {
        let entry = self.entry(name)?;
        if entry.length > most {
            let (file, position) = (self.path.to_owned(), entry.start);
            return Err(CheckpointError::TooMuch { file, position, most, what });
        }
        let mut bytes = vec![0; entry.length as usize];
        self.file
            .read_exact_at(&mut bytes, entry.start)
            .map_err(|error| CheckpointError::read(self.path, error))?;
        Ok((entry, bytes))
    }

    /// Where an entry is, once it is sure that its bytes are there as they are.
    fn entry(&mut self, name: &str) -> Result<Entry, CheckpointError> {
        let missing = || CheckpointError::unfit(self.path, name, "an entry of the archive", "none");
        let index = self.index(name).ok_or_else(missing)?;
        let found = self.zip.by_index_raw(index).map_err(|error| unreadable(self.path, name, error))?;
        let (start, length) = (found.data_start().ok_or_else(missing)?, found.size());
        let stored = found.compression() == CompressionMethod::Stored
            && !found.encrypted()
            && found.compressed_size() == length;
        if !stored {
            let found = format!("{} ({} bytes as {})", found.compression(), length, found.compressed_size());
            return Err(CheckpointError::unfit(self.path, name, "an entry stored as it is", found));
        }
        if start.checked_add(length).is_none_or(|end| end > self.length) {
            let found = format!("the end of the file at {}", self.length);
            return Err(CheckpointError::damaged(
                self.path,
                start,
                format!("{length} bytes of `{name}`"),
                found,
            ));
        }
        Ok(Entry { start, length })
    }
}

fn unreadable(path: &Path, part: &str, error: zip::result::ZipError) -> CheckpointError {
    match error {
        // A reader that comes to an end early has been led astray by the directory.
        zip::result::ZipError::Io(source) if source.kind() != ErrorKind::UnexpectedEof => {
            CheckpointError::read(path, source)
        }
        other => {
            CheckpointError::unfit(path, part, "a whole zip archive, which ends with its directory", other)
        }
    }
}
