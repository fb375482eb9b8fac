//! Sizes of a bench's requests: texts, prompts and pictures as long and as large as the paper's data have them in the mean.

use std::sync::Arc;

use crate::domain::{ContentHash, Frame};
use crate::stages::recognise;

/// Words of a post with what is known of it, in pieces, and tokens of a prompt: the means of the paper's data, where the
/// network can read as many.
const PIECES: usize = 160;
pub(super) const PROMPT: usize = 40;

/// Pieces of a text, each second of which begins a word.
pub(super) fn words(rows: i64, most: usize) -> recognise::Request {
    let pieces = tokens(PIECES.min(most), rows);
    let first_pieces = (1..pieces.len() as u32 - 1).step_by(2).collect();
    recognise::Request { pieces, first_pieces, context_first_pieces: Vec::new() }
}

/// Ids that every vocabulary has and that are special in none.
pub(super) fn tokens(count: usize, rows: i64) -> Vec<u32> {
    let last = u32::try_from(rows - 1).unwrap_or(u32::MAX);
    (3..).step_by(7).take(count).map(|id: u32| id.min(last)).collect()
}

/// A picture different from all others.
pub(super) fn frame(number: usize, side: u32) -> Arc<Frame> {
    let hash = ContentHash(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let level = |index: u32| ((index as usize * 31 + number * 17) % 256) as u8;
    Arc::new(Frame {
        hash,
        width: side,
        height: side,
        orientation: 1,
        reduced: 1,
        rgb: (0..3 * side * side).map(level).collect(),
    })
}
