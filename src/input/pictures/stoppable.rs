//! Stoppable input: a decoder cannot be interrupted, but its next read fails.

use std::borrow::Cow;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set when the picture is given up.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Encoded bytes whose reads fail once the picture is given up.
#[derive(Debug)]
pub(crate) struct StoppableReader<'a> {
    first: Cow<'a, [u8]>,
    second: &'a [u8],
    at: usize,
    stop: &'a StopFlag,
}

/// The most bytes between two checks of the flag: a few milliseconds of work at the most pixels a byte that formats
/// reach.
const STEP: usize = 512;

impl<'a> StoppableReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], stop: &'a StopFlag) -> Self {
        Self::joined(bytes.into(), &[], stop)
    }

    /// Two parts, read as one.
    pub(crate) fn joined(first: Cow<'a, [u8]>, second: &'a [u8], stop: &'a StopFlag) -> Self {
        Self { first, second, at: 0, stop }
    }

    /// The rest of the part that is being read.
    fn rest(&self) -> io::Result<&[u8]> {
        if self.stop.is_set() {
            // Not `Interrupted`, on which readers try again.
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the picture was given up"));
        }
        Ok(match self.at.checked_sub(self.first.len()) {
            None => &self.first[self.at..],
            Some(at) => self.second.get(at..).unwrap_or_default(),
        })
    }
}

impl Read for StoppableReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        // As much as there is: decoders may take a short read for the end.
        while read < buffer.len() {
            let rest = self.rest()?;
            let length = rest.len().min(buffer.len() - read);
            if length == 0 {
                break;
            }
            buffer[read..read + length].copy_from_slice(&rest[..length]);
            read += length;
            self.at += length;
        }
        Ok(read)
    }
}

impl BufRead for StoppableReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let rest = self.rest()?;
        Ok(&rest[..rest.len().min(STEP)])
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount);
    }
}

impl Seek for StoppableReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => ((self.first.len() + self.second.len()) as u64, by),
            SeekFrom::Current(by) => (self.at as u64, by),
        };
        let at = from.checked_add_signed(by).and_then(|at| usize::try_from(at).ok());
        self.at =
            at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the start"))?;
        Ok(self.at as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_a_cursor_does_until_it_is_stopped() {
        let bytes: Vec<u8> = (0..2000_u32).map(|n| n as u8).collect();
        let stop = StopFlag::default();
        let (first, second) = bytes.split_at(999);
        let mut joined = StoppableReader::joined(first.into(), second, &stop);
        let mut across = [0; 4];
        joined.seek(SeekFrom::Start(997)).unwrap();
        assert_eq!((joined.read(&mut across).unwrap(), &across[..]), (4, &bytes[997..1001]));
        joined.seek(SeekFrom::End(-2)).unwrap();
        assert_eq!((joined.read(&mut across).unwrap(), &across[..2]), (2, &bytes[1998..]));
        joined.seek(SeekFrom::Start(998)).unwrap();
        assert_eq!(joined.fill_buf().unwrap(), &bytes[998..999]);
        joined.consume(1);
        assert_eq!(joined.fill_buf().unwrap(), &bytes[999..999 + STEP]);

        let mut watched = StoppableReader::new(&bytes, &stop);
        let mut read = Vec::new();
        watched.read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
        assert_eq!(watched.seek(SeekFrom::End(-3)).unwrap(), 1997);
        assert_eq!(watched.fill_buf().unwrap(), &bytes[1997..]);
        assert_eq!(watched.seek(SeekFrom::Current(-1997)).unwrap(), 0);
        assert_eq!(watched.fill_buf().unwrap(), &bytes[..STEP]);
        watched.consume(STEP);
        assert_eq!(watched.stream_position().unwrap(), STEP as u64);
        assert!(watched.seek(SeekFrom::Current(-1000)).is_err());
        assert_eq!(watched.seek(SeekFrom::Start(5000)).unwrap(), 5000);
        assert_eq!(watched.read(&mut [0; 4]).unwrap(), 0);

        watched.seek(SeekFrom::Start(0)).unwrap();
        stop.set();
        assert_eq!(watched.read(&mut [0; 4]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(watched.fill_buf().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
