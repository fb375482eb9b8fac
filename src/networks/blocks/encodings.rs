//! Which pictures need no second encoding? Those whose encoding the device still remembers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Device, TchError, Tensor};

use super::remembered::{Remembered, Shelf};
use crate::common::imaging::Picture;
use crate::domain::{ContentHash, Stage};

/// One network's encodings by the content of their picture, within a budget that it may share with others.
#[derive(Debug)]
pub(in crate::networks) struct Encodings {
    kept: Shelf,
    made: Arc<AtomicU64>,
}

/// The encodings that a batch is about.
#[derive(Debug)]
pub(in crate::networks) struct Distinct {
    /// Of each distinct picture, `[D, ..]`.
    pub(in crate::networks) encodings: Tensor,
    /// For each picture of the batch, which of them is its own.
    pub(in crate::networks) rows: Vec<i64>,
}

impl Encodings {
    pub(in crate::networks) fn within(budget: impl Into<Remembered>, stage: Stage) -> Self {
        Self { kept: budget.into().shelf(stage), made: Arc::default() }
    }

    /// How many pictures have been encoded so far. The counter is shared: it can be read from other threads after the
    /// network has moved to the device's.
    pub(in crate::networks) fn made(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.made)
    }

    /// The encodings of a batch's pictures; those that are not kept come from `encode`, which gives a row for each
    /// picture, in one call.
    pub(in crate::networks) fn of(
        &mut self,
        pictures: &[&Picture],
        encode: impl FnOnce(&[&Picture]) -> Result<Tensor, TchError>,
    ) -> Result<Distinct, TchError> {
        let mut numbers: HashMap<ContentHash, usize> = HashMap::new();
        let mut distinct: Vec<(&Picture, Option<Tensor>)> = Vec::new();
        let mut rows = Vec::with_capacity(pictures.len());
        for picture in pictures {
            let number = *numbers.entry(picture.hash).or_insert_with(|| {
                distinct.push((picture, self.kept.get(&picture.hash)));
                distinct.len() - 1
            });
            rows.push(number as i64);
        }

        let missing: Vec<&Picture> =
            distinct.iter().filter(|(_, known)| known.is_none()).map(|(picture, _)| *picture).collect();
        if !missing.is_empty() {
            let fresh = encode(&missing)?;
            self.made.fetch_add(missing.len() as u64, Ordering::Relaxed);
            let unknown = distinct.iter_mut().filter(|(_, known)| known.is_none());
            for (row, (picture, known)) in (0..).zip(unknown) {
                // A copy: a slice of the batch would keep the whole batch alive in the cache.
                let copy = fresh.f_get(row)?.f_contiguous()?.f_detach_copy()?;
                self.kept.keep(picture.hash, copy.shallow_clone());
                *known = Some(copy);
            }
        }

        let encodings: Vec<Tensor> = distinct.into_iter().filter_map(|(_, known)| known).collect();
        Ok(Distinct { encodings: Tensor::f_stack(&encodings, 0)?, rows })
    }

    /// Forgets all encodings, which are made again when they are asked for.
    pub(in crate::networks) fn forget(&mut self) {
        self.kept.forget();
    }
}

impl Distinct {
    /// Which row each picture of the batch has, `[B]` of `Int64`.
    pub(in crate::networks) fn rows(&self, device: Device) -> Result<Tensor, TchError> {
        Tensor::f_from_slice(&self.rows)?.f_to_device(device)
    }

    /// A row for each picture of the batch, `[B, ..]`.
    pub(in crate::networks) fn each(self) -> Result<Tensor, TchError> {
        if self.encodings.size()[0] == self.rows.len() as i64 {
            return Ok(self.encodings);
        }
        self.encodings.f_index_select(0, &self.rows(self.encodings.device())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn picture(value: u8) -> Picture {
        let hash = ContentHash([value; 32]);
        Picture { hash, width: 1, height: 1, original_width: 1, original_height: 1, rgb: vec![value; 3] }
    }

    /// Encodes pictures as so many cells of their first level, and says which it was asked for.
    fn encode(encodings: &mut Encodings, values: &[u8], cells: i64) -> (Vec<u8>, Distinct) {
        let pictures: Vec<Picture> = values.iter().map(|&value| picture(value)).collect();
        let mut asked = Vec::new();
        let distinct = encodings.of(&pictures.iter().collect::<Vec<_>>(), |missing| {
            asked.extend(missing.iter().map(|picture| picture.rgb[0]));
            let levels: Vec<f32> = asked.iter().map(|&level| f32::from(level)).collect();
            Tensor::from_slice(&levels).f_view([-1, 1])?.f_expand([-1, cells], false)
        });
        (asked, distinct.unwrap())
    }

    #[test]
    fn the_encoding_longest_unused_goes_when_the_bytes_are_spent() {
        let budget = Remembered::within(100);
        let mut encodings = Encodings::within(budget.clone(), Stage::Ground);
        let bytes = budget.bytes(Stage::Ground);
        assert_eq!(encode(&mut encodings, &[1, 2], 10).0, [1, 2]);
        assert_eq!(encode(&mut encodings, &[1], 10).0, [0; 0]);
        assert_eq!(encode(&mut encodings, &[3], 10).0, [3]);
        assert_eq!(encode(&mut encodings, &[1, 3], 10).0, [0; 0]);
        assert_eq!(bytes.load(Ordering::Relaxed), 80);
        assert_eq!(encode(&mut encodings, &[2], 5).0, [2]);
        assert_eq!(bytes.load(Ordering::Relaxed), 100);
        assert_eq!(encode(&mut encodings, &[4], 1000).0, [4]);
        assert_eq!(encode(&mut encodings, &[4], 1000).0, [4], "larger than the budget");
        assert_eq!(encodings.made().load(Ordering::Relaxed), 6);
    }

    #[test]
    fn what_was_forgotten_is_encoded_again() {
        let budget = Remembered::within(1000);
        let mut encodings = Encodings::within(budget.clone(), Stage::Ground);
        assert_eq!(encode(&mut encodings, &[1, 2], 10).0, [1, 2]);
        encodings.forget();
        assert_eq!(budget.all_bytes(), 0);
        assert_eq!(encode(&mut encodings, &[2], 10).0, [2]);
    }

    #[test]
    fn each_picture_of_a_batch_gets_its_own_encoding_and_is_encoded_once() {
        let mut encodings = Encodings::within(1000, Stage::Ground);
        encode(&mut encodings, &[7], 2);
        for (values, missing) in [(vec![5, 7, 5, 9, 7], vec![5, 9]), (vec![9, 8, 7], vec![8])] {
            let (asked, distinct) = encode(&mut encodings, &values, 2);
            assert_eq!(asked, missing);
            let each = Vec::<Vec<f64>>::try_from(distinct.each().unwrap().to_kind(Kind::Double)).unwrap();
            let expected: Vec<_> = values.iter().map(|&value| vec![f64::from(value); 2]).collect();
            assert_eq!(each, expected);
        }
    }
}
