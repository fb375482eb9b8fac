//! Texts of a batch as tensors: their pieces, and which word each piece is of.

use tch::{TchError, Tensor};

use crate::networks::blocks::rows;
use crate::stages::recognise::Request;

/// Texts of a batch.
#[derive(Debug)]
pub struct Text {
    /// `[B, L]` of `Int64`, both ends counted.
    pub pieces: Tensor,
    /// `[B, L]` of `Bool`: where there is a piece; those of a row come first.
    pub mask: Tensor,
    /// `[B, L]` of `Int64`: which word a piece is of, and `W` for pieces of no word of the text.
    pub word_of: Tensor,
    /// `[B, W]` of `Bool`: where there is a word; those of a row come first.
    pub is_word: Tensor,
}

impl Text {
    /// Texts in host memory, of which shorter ones are filled up with `pad`. A text without words has one that is empty, so
    /// that there is something to look at.
    ///
    /// # Errors
    /// libtorch has no memory.
    pub fn of(batch: &[&Request], pad: i64) -> Result<Self, TchError> {
        let counts: Vec<usize> = batch.iter().map(|request| request.first_pieces.len().max(1)).collect();
        let widest = counts.iter().copied().max().unwrap_or(1);
        let pieces: Vec<&[u32]> = batch.iter().map(|request| &request.pieces[..]).collect();
        let words: Vec<Vec<u32>> = batch.iter().map(|request| word_of(request, widest as u32)).collect();
        let words: Vec<&[u32]> = words.iter().map(Vec::as_slice).collect();
        let held: Vec<bool> =
            counts.iter().flat_map(|&count| (0..widest).map(move |place| place < count)).collect();
        Ok(Self {
            mask: rows::mask(&pieces)?,
            pieces: rows::padded(&pieces, pad)?,
            word_of: rows::padded(&words, widest as i64)?,
            is_word: Tensor::f_from_slice(&held)?.f_view([batch.len() as i64, widest as i64])?,
        })
    }
}

/// Which word each piece of a text is of; `none` for the ends and for what follows the text.
pub(super) fn word_of(text: &Request, none: u32) -> Vec<u32> {
    let last = text.pieces.len().saturating_sub(1);
    let after = text.context_first_pieces.first().map_or(last, |&first| first as usize);
    let mut words = vec![none; text.pieces.len()];
    let ends = text.first_pieces.iter().skip(1).map(|&next| next as usize).chain([after]);
    for ((number, &begin), end) in (0..).zip(&text.first_pieces).zip(ends) {
        for piece in words.iter_mut().take(end).skip(begin as usize) {
            *piece = number;
        }
    }
    words
}
