//! Position and remaining length of a file that is read. A length is accepted only if it fits.

use std::io::{self, Read};
use std::path::Path;

use super::CheckpointError;

/// The longest name of a module or class, in bytes. Python's are shorter by far.
pub(super) const LONGEST_NAME: usize = 512;

/// A stretch of a file that is read from front to back.
#[derive(Debug)]
pub(super) struct Input<'file, R> {
    file: &'file Path,
    reader: R,
    position: u64,
    end: u64,
}

impl<'file, R: Read> Input<'file, R> {
    /// `reader` stands at byte `position` of the file; `length` bytes of it may be read.
    pub(super) fn new(file: &'file Path, reader: R, position: u64, length: u64) -> Self {
        Self { file, reader, position, end: position.saturating_add(length) }
    }

    pub(super) fn file(&self) -> &'file Path {
        self.file
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// So many bytes, which `what` describes.
    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], CheckpointError> {
        let mut bytes = [0; N];
        self.claim(N as u64, what)?;
        self.reader.read_exact(&mut bytes).map_err(|error| CheckpointError::read(self.file, error))?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// As many bytes as the file says, if there are as many.
    pub(super) fn bytes(&mut self, length: u64, what: &str) -> Result<Vec<u8>, CheckpointError> {
        let claimed = self.claim(length, what)?;
        let mut bytes = vec![0; claimed];
        self.reader.read_exact(&mut bytes).map_err(|error| CheckpointError::read(self.file, error))?;
        self.position += length;
        Ok(bytes)
    }

    /// As [`Self::bytes`], for what nobody reads.
    pub(super) fn skip(&mut self, length: u64, what: &str) -> Result<(), CheckpointError> {
        self.claim(length, what)?;
        let skipped = io::copy(&mut self.reader.by_ref().take(length), &mut io::sink());
        let skipped = skipped.map_err(|error| CheckpointError::read(self.file, error))?;
        if skipped < length {
            return Err(CheckpointError::read(self.file, io::ErrorKind::UnexpectedEof.into()));
        }
        self.position += length;
        Ok(())
    }

    /// What stands before the next line feed, which is read too.
    pub(super) fn line(&mut self, what: &str) -> Result<String, CheckpointError> {
        let start = self.position;
        let mut line = Vec::new();
        loop {
            match self.array(what)? {
                [b'\n'] => break,
                [byte] if line.len() < LONGEST_NAME => line.push(byte),
                [_] => return Err(self.too_much(LONGEST_NAME as u64, "bytes in a name")),
            }
        }
        String::from_utf8(line).map_err(|error| CheckpointError::damaged(self.file, start, what, error))
    }

    pub(super) fn too_much(&self, most: u64, what: &'static str) -> CheckpointError {
        CheckpointError::TooMuch { file: self.file.to_owned(), position: self.position, most, what }
    }

    /// Checks that so much is left before any memory is asked for.
    fn claim(&self, length: u64, what: &str) -> Result<usize, CheckpointError> {
        let left = self.end - self.position;
        match usize::try_from(length) {
            Ok(claimed) if length <= left => Ok(claimed),
            _ => {
                let expected = format!("{what} of {length} bytes");
                let found = format!("an end after {left} bytes");
                Err(CheckpointError::damaged(self.file, self.position, expected, found))
            }
        }
    }
}
