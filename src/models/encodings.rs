//! Which pictures need no second encoding? The latest encodings, as many as a budget of bytes holds.

use std::collections::HashMap;

use tch::{TchError, Tensor};

use crate::cache::Bounded;
use crate::domain::ContentHash;
use crate::imaging::Picture;

/// Encodings by the content of their picture; the one longest unused goes first.
#[derive(Debug)]
pub(super) struct Encodings(Bounded<ContentHash, Tensor>);

impl Encodings {
    pub(super) fn within(budget: usize) -> Self {
        Self(Bounded::new(budget))
    }

    pub(super) fn get(&mut self, hash: &ContentHash) -> Option<Tensor> {
        self.0.get(hash).map(Tensor::shallow_clone)
    }

    /// Keeps an encoding that owns its memory; one larger than the whole budget is not kept.
    pub(super) fn keep(&mut self, hash: ContentHash, encoding: Tensor) {
        let bytes = bytes_of(&encoding);
        self.0.insert(hash, encoding, bytes);
    }

    /// The encoding of each picture, one a row, in their order: what is remembered of them, and what `encode` makes of
    /// the distinct others in one batch, one a row too.
    pub(super) fn of(
        &mut self,
        pictures: &[&Picture],
        encode: impl FnOnce(&[&Picture]) -> Result<Tensor, TchError>,
    ) -> Result<Tensor, TchError> {
        let mut numbers: HashMap<ContentHash, usize> = HashMap::new();
        let mut distinct: Vec<(&Picture, Option<Tensor>)> = Vec::new();
        let mut rows = Vec::with_capacity(pictures.len());
        for picture in pictures {
            let number = *numbers.entry(picture.hash).or_insert_with(|| {
                distinct.push((picture, self.get(&picture.hash)));
                distinct.len() - 1
            });
            rows.push(number as i64);
        }

        let unknown: Vec<_> = distinct.iter_mut().filter(|(_, known)| known.is_none()).collect();
        if !unknown.is_empty() {
            let missing: Vec<&Picture> = unknown.iter().map(|(picture, _)| *picture).collect();
            let fresh = encode(&missing)?;
            for (row, (picture, known)) in (0..).zip(unknown) {
                // A copy each: a slice of the batch would keep the whole batch alive in the cache.
                let copy = fresh.f_get(row)?.f_contiguous()?.f_detach_copy()?;
                self.keep(picture.hash, copy.shallow_clone());
                *known = Some(copy);
            }
        }

        let distinct: Vec<Tensor> = distinct.into_iter().filter_map(|(_, known)| known).collect();
        let stacked = Tensor::f_stack(&distinct, 0)?;
        if distinct.len() == pictures.len() {
            return Ok(stacked);
        }
        let rows = Tensor::f_from_slice(&rows)?.f_to_device(stacked.device())?;
        stacked.f_index_select(0, &rows)
    }
}

fn bytes_of(encoding: &Tensor) -> usize {
    encoding.numel() * encoding.kind().elt_size_in_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn encoding(cells: i64) -> Tensor {
        Tensor::zeros([cells], (Kind::Float, Device::Cpu))
    }

    #[test]
    fn the_encoding_longest_unused_goes_when_the_bytes_are_spent() {
        let hash = |value: u8| ContentHash([value; 32]);
        let mut encodings = Encodings::within(100);
        encodings.keep(hash(1), encoding(10));
        encodings.keep(hash(2), encoding(10));
        assert!(encodings.get(&hash(1)).is_some());
        encodings.keep(hash(3), encoding(10));
        assert!(encodings.get(&hash(2)).is_none());
        assert!(encodings.get(&hash(1)).is_some());
        assert!(encodings.get(&hash(3)).is_some());

        encodings.keep(hash(1), encoding(5));
        assert_eq!(encodings.0.bytes(), 60);
        encodings.keep(hash(4), encoding(1000));
        assert!(encodings.get(&hash(4)).is_none());
        assert_eq!(encodings.0.bytes(), 60);
    }

    #[test]
    fn distinct_pictures_are_encoded_once_and_answered_in_their_order() {
        let picture = |value: u8| Picture {
            hash: ContentHash([value; 32]),
            width: 1,
            height: 1,
            original_width: 1,
            original_height: 1,
            rgb: vec![value; 3],
        };
        let pictures = [5, 3, 5, 9].map(picture);
        let mut encodings = Encodings::within(1000);
        for (asked, expected) in [(&pictures[..2], &[5, 3][..]), (&pictures[..], &[9]), (&pictures[1..], &[])]
        {
            let mut encoded = Vec::new();
            let asked: Vec<&Picture> = asked.iter().collect();
            let answers = encodings.of(&asked, |missing| {
                encoded = missing.iter().map(|picture| i64::from(picture.rgb[0])).collect();
                Ok(Tensor::from_slice(&encoded).unsqueeze(1))
            });
            let answers = Vec::<i64>::try_from(answers.unwrap().squeeze_dim(1)).unwrap();
            assert_eq!(answers, asked.iter().map(|picture| i64::from(picture.rgb[0])).collect::<Vec<_>>());
            assert_eq!(encoded, expected);
        }
    }
}
