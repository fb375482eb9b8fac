//! TensorBoard's event file: records of a length, a checksum, a protobuf message and its checksum.
//!
//! The messages have five fields, so they are written here rather than by a code generator: `Event` has the time (1),
//! the step (2), the file's version (3) and a `Summary` (5) of values (1) with a tag (1) and a number (2).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::lines::Line;

/// TensorBoard reads files whose names contain `tfevents`.
const FILE: &str = "events.out.tfevents.0.riveg";
/// What the first record of a file says.
const VERSION: &str = "brain.Event:2";

/// An event file that is written.
pub(super) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Begins the event file of a folder, in the place of one that is there.
    pub(super) fn create(folder: &Path, time: f64) -> Result<Self> {
        let path = folder.join(FILE);
        let file = File::create(&path).with_context(|| format!("failed to write `{}`", path.display()))?;
        let mut events = Self { path, file };
        events.append(&[message(time, 0), field(3, VERSION.as_bytes())].concat())?;
        Ok(events)
    }

    /// Writes the figures of a step or a validation.
    pub(super) fn write(&mut self, line: &Line) -> Result<()> {
        let score = line.name.as_ref().map(|name| format!("dev/{name}")).zip(line.score);
        let figures = [("loss", line.loss), ("gradient norm", line.norm), ("learning rate", line.rate)];
        let figures = figures.into_iter().filter_map(|(tag, value)| Some((tag.to_owned(), value?)));
        let summary: Vec<u8> =
            figures.chain(score).flat_map(|(tag, value)| field(1, &scalar(&tag, value))).collect();
        if summary.is_empty() {
            return Ok(());
        }
        self.append(&[message(line.time, line.step), field(5, &summary)].concat())
    }

    fn append(&mut self, event: &[u8]) -> Result<()> {
        let written = self.file.write_all(&record(event));
        written.with_context(|| format!("failed to write `{}`", self.path.display()))
    }
}

/// A record around a message.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), message, &masked(message).to_le_bytes()].concat()
}

/// Time and step of an event.
fn message(time: f64, step: i64) -> Vec<u8> {
    [&[0x09][..], &time.to_le_bytes(), &[0x10], &varint(step.unsigned_abs())].concat()
}

/// A tag and its number, which TensorBoard holds in single precision.
fn scalar(tag: &str, value: f64) -> Vec<u8> {
    [&field(1, tag.as_bytes())[..], &[0x15], &(value as f32).to_le_bytes()].concat()
}

/// A field of bytes: its number, below 16, and wire type 2; its length; the bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[(number << 3) | 2][..], &varint(bytes.len() as u64), bytes].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// CRC-32C, rotated and shifted, as the format asks, so that a checksum of a checksum is not a constant.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The Castagnoli polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(varint(300), [0xac, 0x02]);
    }

    #[test]
    fn a_file_has_a_record_for_its_version_and_one_for_each_line_with_figures() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::create(folder.path(), 2.0).unwrap();
        events.write(&Line { step: 300, time: 3.0, loss: Some(0.5), ..Line::default() }).unwrap();
        events.write(&Line { step: 300, time: 3.0, ..Line::default() }).unwrap();
        let bytes = std::fs::read(folder.path().join(FILE)).unwrap();
        let mut rest = bytes.as_slice();
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], masked(&rest[..8]).to_le_bytes());
            messages.push(rest[12..12 + length].to_vec());
            assert_eq!(rest[12 + length..16 + length], masked(&rest[12..12 + length]).to_le_bytes());
            rest = &rest[16 + length..];
        }
        assert_eq!(messages.len(), 2);
        assert!(messages[0].ends_with(b"\x1a\x0dbrain.Event:2"), "{messages:?}");
        let expected = [
            &b"\x09"[..],
            &3.0_f64.to_le_bytes(),
            b"\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15",
            &0.5_f32.to_le_bytes(),
        ]
        .concat();
        assert_eq!(messages[1], expected);
    }
}
