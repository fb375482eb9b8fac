//! Writer of an export: the steps that all formats have.

use std::io;

use super::state::Mark;
use crate::kafka::publish::formats::reader::ReadAnswer;

/// Writes answers in one format.
pub(super) trait Writer {
    /// Adds an answer. `json`: as it was read.
    ///
    /// # Errors
    /// The output cannot be written.
    fn write(&mut self, answer: &ReadAnswer, json: &[u8]) -> io::Result<()>;

    /// Whether so much is buffered that it should be committed.
    fn is_full(&self) -> bool;

    /// Writes what is buffered. An export can be resumed from the mark.
    ///
    /// # Errors
    /// The output cannot be written.
    fn commit(&mut self) -> io::Result<Mark>;
}

/// Answers between two commits of a format that buffers none.
pub(super) const COMMIT_EVERY: u64 = 1_000;

/// The most answers of a part, and the most bytes that it buffers: what an export takes in memory.
pub(super) const MAX_PART_ANSWERS: u64 = 10_000;
pub(super) const MAX_PART_BYTES: usize = 64 << 20;
