//! Line reader: the records of a file, one a line, each bounded by a limit.

use std::io::{self, BufRead, Read};

use bytes::Bytes;

/// The lines of a file that are not blank.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    reader: R,
    /// The longest line that is kept, in bytes.
    limit: u64,
    number: u64,
    /// Bytes read so far.
    position: u64,
}

/// One line that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1 on, blank lines included.
    pub(super) number: u64,
    /// The start of the next line, in bytes from the start of the file.
    pub(super) end: u64,
    /// The trimmed line. A line above the limit is cut just beyond it, which shows that it is too long.
    pub(super) record: Bytes,
}

impl<R: BufRead> LineReader<R> {
    pub(super) fn new(reader: R, limit: u64) -> Self {
        Self { reader, limit, number: 0, position: 0 }
    }

    /// The rest of a file, behind the first lines and their bytes.
    pub(super) fn continued(reader: R, limit: u64, (number, position): (u64, u64)) -> Self {
        Self { reader, limit, number, position }
    }

    /// The next line, blank or not; none at the end.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        // One byte above the limit shows that the line is too long, and two are for its end.
        let kept = Read::take(&mut self.reader, self.limit + 3).read_until(b'\n', &mut bytes)?;
        if kept == 0 {
            return Ok(None);
        }
        self.position += kept as u64;
        if bytes.last() != Some(&b'\n') {
            self.position += skip_to_newline(&mut self.reader)?;
        }
        self.number += 1;
        let mut record = Bytes::from(bytes);
        if self.number == 1 && record.starts_with(BYTE_ORDER_MARK) {
            record = record.slice(BYTE_ORDER_MARK.len()..);
        }
        let record = record.slice_ref(record.trim_ascii());
        Ok(Some(Line { number: self.number, end: self.position, record }))
    }
}

impl<R: BufRead> Iterator for LineReader<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_line().transpose()? {
                Ok(line) if line.record.is_empty() => {}
                found => return Some(found),
            }
        }
    }
}

/// Some editors write it before the first character.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Skips the rest of a line; returns the number of bytes skipped.
fn skip_to_newline(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffered = reader.fill_buf()?;
        let newline = buffered.iter().position(|&byte| byte == b'\n');
        let (used, last) = newline.map_or((buffered.len(), buffered.is_empty()), |at| (at + 1, true));
        reader.consume(used);
        skipped += used as u64;
        if last {
            return Ok(skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, limit: u64) -> Vec<(u64, String, u64)> {
        // A small buffer, so that lines span several of them.
        let reader = io::BufReader::with_capacity(4, text.as_bytes());
        let line = |line: Line| (line.number, String::from_utf8(line.record.to_vec()).unwrap(), line.end);
        LineReader::new(reader, limit).map(|found| line(found.unwrap())).collect()
    }

    #[test]
    fn blank_lines_are_counted_and_passed_over() {
        let found = lines("\u{feff}one\n\n  \r\n two \r\nthree", 100);
        assert_eq!(found, [(1, "one".to_owned(), 7), (4, "two".to_owned(), 19), (5, "three".to_owned(), 24)]);
        assert!(lines("", 100).is_empty() && lines("\n\n", 100).is_empty());
    }

    #[test]
    fn a_line_too_long_is_cut_just_beyond_the_limit_and_the_next_one_is_whole() {
        let found = lines("0123456789\r\n01234567890123456789\nnext\n", 10);
        assert_eq!(found[0], (1, "0123456789".to_owned(), 12));
        assert_eq!((found[1].0, found[1].1.len(), found[1].2), (2, 13, 33));
        assert_eq!(found[2], (3, "next".to_owned(), 38));
    }
}
