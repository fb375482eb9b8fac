//! Prompt of Grounding DINO: its pieces, which of them attend to each other, and where each is in its phrase.
//!
//! Phrases end with a full stop. The pieces of one see those of another nowhere in the text tower and in the encoder's
//! attention among words.

use tch::{Device, Tensor};

use super::config::GroundingDinoConfig;

/// A prompt in host memory or on a device.
#[derive(Debug)]
pub struct Prompt {
    /// `[L]` of `Int64`.
    pub(super) pieces: Tensor,
    /// Which piece attends to which, `[L, L]` of `Bool`.
    pub(super) open: Tensor,
    /// Where each piece is in its phrase, `[L]` of `Int64`.
    pub(super) places: Tensor,
}

impl Prompt {
    /// The prompt of these pieces.
    #[must_use]
    pub fn of(pieces: &[u32], config: &GroundingDinoConfig) -> Self {
        let ids: Vec<i64> = pieces.iter().map(|&id| i64::from(id)).collect();
        let (ends, places) = phrases(&ids, config.delimiters);
        let length = ids.len() as i64;
        let open: Vec<bool> = (0..ids.len())
            .flat_map(|one| {
                let ends = &ends;
                (0..ends.len())
                    .map(move |other| one == other || (ends[one].is_some() && ends[one] == ends[other]))
            })
            .collect();
        Self {
            pieces: Tensor::from_slice(&ids),
            open: Tensor::from_slice(&open).view([length, length]),
            places: Tensor::from_slice(&places),
        }
    }

    /// The same on a device.
    #[must_use]
    pub fn to_device(&self, device: Device) -> Self {
        Self {
            pieces: self.pieces.to_device(device),
            open: self.open.to_device(device),
            places: self.places.to_device(device),
        }
    }
}

/// For each piece, the delimiter that ends its phrase and its place in the phrase. The piece before the first phrase and
/// those that only the last piece ends belong to no phrase: they are alone, at place 0.
fn phrases(ids: &[i64], delimiters: [i64; 4]) -> (Vec<Option<usize>>, Vec<i64>) {
    let (mut ends, mut places) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
    let is_end = |id: &i64| delimiters.contains(id);
    let mut start = 0;
    while start < ids.len() {
        let found = ids[start..].iter().position(is_end).map(|length| start + length);
        let end = found.filter(|&end| end != 0 && end + 1 != ids.len());
        let next = found.map_or(ids.len(), |end| end + 1);
        for place in start..next {
            ends.push(end);
            places.push(if end.is_some() { (place - start) as i64 } else { 0 });
        }
        start = next;
    }
    (ends, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begin, end, full stop, question mark.
    const DELIMITERS: [i64; 4] = [1, 2, 3, 4];

    /// Pieces, the end of each one's phrase, and its place in the phrase.
    type Case = (&'static [i64], &'static [Option<usize>], &'static [i64]);

    #[test]
    fn pieces_see_those_of_their_phrase_and_are_counted_in_it() {
        let cases: [Case; 5] = [
            // [begin] a cat . dog . [end]
            (
                &[1, 10, 11, 3, 12, 3, 2],
                &[None, Some(3), Some(3), Some(3), Some(5), Some(5), None],
                &[0, 0, 1, 2, 0, 1, 0],
            ),
            (&[1, 10, 4, 2], &[None, Some(2), Some(2), None], &[0, 0, 1, 0]),
            // Without a full stop there is no phrase.
            (&[1, 10, 11, 2], &[None; 4], &[0; 4]),
            (&[1, 3, 2], &[None, Some(1), None], &[0, 0, 0]),
            (&[1, 10, 11], &[None; 3], &[0; 3]),
        ];
        for (ids, ends, places) in cases {
            assert_eq!(phrases(ids, DELIMITERS), (ends.to_vec(), places.to_vec()), "{ids:?}");
        }
    }
}
