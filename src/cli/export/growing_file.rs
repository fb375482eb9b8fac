//! Growing file: a file that an interrupted export left is cut at the last mark, and written on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::path::Path;

/// An output that is only appended to.
pub(super) struct GrowingFile {
    out: BufWriter<Box<dyn Out>>,
    length: u64,
}

/// A file, or standard output.
trait Out: Write + Send {
    fn sync(&mut self) -> io::Result<()>;
}

impl Out for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

impl Out for io::Stdout {
    fn sync(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl GrowingFile {
    /// A file with the first `length` bytes of what is there.
    pub(super) fn open(path: &Path, length: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        if file.metadata()?.len() < length {
            let message = format!("`{}` is shorter than the state of the export says", path.display());
            return Err(io::Error::other(message));
        }
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Self { out: BufWriter::new(Box::new(file)), length })
    }

    /// Standard output.
    pub(super) fn stdout() -> Self {
        Self { out: BufWriter::new(Box::new(io::stdout())), length: 0 }
    }

    /// Writes what is buffered, and returns the length of the file.
    pub(super) fn commit(&mut self) -> io::Result<u64> {
        self.out.flush()?;
        self.out.get_mut().sync()?;
        Ok(self.length)
    }
}

impl Write for GrowingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_behind_the_mark_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/out.nt");
        let mut file = GrowingFile::open(&path, 0).unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(file.commit().unwrap(), 8);
        let mut again = GrowingFile::open(&path, 4).unwrap();
        again.write_all(b"2\n").unwrap();
        assert_eq!(again.commit().unwrap(), 6);
        assert_eq!(fs::read(&path).unwrap(), b"one\n2\n");
        assert!(GrowingFile::open(&path, 7).is_err());
    }
}
