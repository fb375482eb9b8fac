//! Cached encodings of pictures: which pictures of a batch still have to be encoded, and the encodings of all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Device, TchError, Tensor};

use super::device::send;
use super::remembered::{Reader, Remembered, Shelf};
use crate::common::imaging::Picture;
use crate::domain::{ContentHash, Stage};

/// One network's encodings by the content of their picture, within a budget that it may share with others. The device's
/// side.
#[derive(Debug)]
pub(in crate::networks) struct Encodings {
    kept: Shelf,
    made: Arc<AtomicU64>,
}

/// The host's view of [`Encodings`]: which pictures have one now.
#[derive(Debug, Clone)]
pub(in crate::networks) struct Known(Reader);

/// Makes host tensors of pictures.
type PixelsOf<P> = fn(&[&Picture]) -> Result<P, TchError>;

/// A batch's pictures in host memory, with the pixels of those that had no encoding when they were prepared.
#[derive(Debug)]
pub(in crate::networks) struct PreparedPictures<P> {
    distinct: Vec<Arc<Picture>>,
    /// For each picture of the batch, which of the distinct ones it is.
    rows: Vec<i64>,
    /// Which of the distinct ones have pixels here.
    missing: Vec<usize>,
    pixels: Option<P>,
    pixels_of: PixelsOf<P>,
}

/// The encodings that a batch is about.
#[derive(Debug)]
pub(in crate::networks) struct Distinct {
    /// Of each distinct picture, `[D, ..]`.
    pub(in crate::networks) encodings: Tensor,
    /// For each picture of the batch, which of them is its own.
    pub(in crate::networks) rows: Vec<i64>,
}

/// Encodings that were made now, as one batch and one by one.
struct Fresh {
    batch: Tensor,
    single: Vec<Tensor>,
}

impl Known {
    /// Prepares the pictures of a batch: the pixels of those without an encoding, each once.
    pub(in crate::networks) fn prepare<'a, P>(
        &self,
        pictures: impl Iterator<Item = &'a Arc<Picture>>,
        pixels_of: PixelsOf<P>,
    ) -> Result<PreparedPictures<P>, TchError> {
        let mut numbers: HashMap<ContentHash, usize> = HashMap::new();
        let mut distinct: Vec<Arc<Picture>> = Vec::new();
        let rows = pictures.map(|picture| {
            let number = *numbers.entry(picture.hash).or_insert_with(|| {
                distinct.push(Arc::clone(picture));
                distinct.len() - 1
            });
            number as i64
        });
        let rows = rows.collect();
        let missing = (0..distinct.len()).filter(|&index| !self.0.has(&distinct[index].hash)).collect();
        let mut prepared = PreparedPictures { distinct, rows, missing, pixels: None, pixels_of };
        if !prepared.missing.is_empty() {
            prepared.pixels = Some(prepared.pixels(&prepared.missing)?);
        }
        Ok(prepared)
    }
}

impl<P> PreparedPictures<P> {
    /// The same with its pixels in other memory.
    pub(in crate::networks) fn map_pixels(self, map: impl FnOnce(P) -> P) -> Self {
        Self { pixels: self.pixels.map(map), ..self }
    }

    fn pixels(&self, numbers: &[usize]) -> Result<P, TchError> {
        let pictures: Vec<&Picture> = numbers.iter().map(|&number| self.distinct[number].as_ref()).collect();
        (self.pixels_of)(&pictures)
    }
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

    /// The host's view.
    pub(in crate::networks) fn known(&self) -> Known {
        Known(self.kept.reader())
    }

    /// The encodings of a batch's pictures; those that are not kept come from `encode`, which gives a row for each
    /// picture. A picture that another executor encodes now is waited for, after the others are encoded: executors that
    /// wait for each other have made what the other waits for.
    ///
    /// Pictures that were encoded or evicted since they were prepared have the wrong pixels there, or none: then all that
    /// are needed are made here.
    pub(in crate::networks) fn of<P>(
        &mut self,
        mut batch: PreparedPictures<P>,
        mut encode: impl FnMut(P) -> Result<Tensor, TchError>,
    ) -> Result<Distinct, TchError> {
        let (mut encodings, claims) = self.kept.claim(batch.distinct.iter().map(|picture| &picture.hash));
        let claimed = claims.places();
        if !claimed.is_empty() {
            let fresh = self.encode(&mut batch, &claimed, &mut encode)?;
            if claimed.len() == batch.distinct.len() {
                return Ok(Distinct { encodings: fresh.batch, rows: batch.rows });
            }
            for (number, encoding) in claimed.into_iter().zip(fresh.single) {
                encodings[number] = Some(encoding);
            }
        }
        drop(claims);
        for (number, encoding) in encodings.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
            *encoding = match self.kept.wait_for(&batch.distinct[number].hash) {
                Some(encoding) => Some(encoding),
                // It failed there, or was evicted at once.
                None => self.encode(&mut batch, &[number], &mut encode)?.single.pop(),
            };
        }
        let encodings: Vec<Tensor> = encodings.into_iter().flatten().collect();
        Ok(Distinct { encodings: Tensor::f_stack(&encodings, 0)?, rows: batch.rows })
    }

    /// Encodes some pictures of a batch and keeps their encodings.
    fn encode<P>(
        &self,
        batch: &mut PreparedPictures<P>,
        numbers: &[usize],
        encode: &mut impl FnMut(P) -> Result<Tensor, TchError>,
    ) -> Result<Fresh, TchError> {
        let prepared = batch.pixels.take_if(|_| batch.missing == numbers);
        let fresh = encode(prepared.map_or_else(|| batch.pixels(numbers), Ok)?)?.f_contiguous()?;
        self.made.fetch_add(numbers.len() as u64, Ordering::Relaxed);
        let mut single = Vec::with_capacity(numbers.len());
        for (row, &number) in (0..).zip(numbers) {
            // A copy: a slice of the batch would keep the whole batch alive in the cache.
            let copy = fresh.f_get(row)?.f_detach_copy()?;
            self.kept.keep(batch.distinct[number].hash, copy.shallow_clone());
            single.push(copy);
        }
        Ok(Fresh { batch: fresh, single })
    }

    /// Forgets all encodings, which are made again when they are asked for.
    pub(in crate::networks) fn forget(&mut self) {
        self.kept.forget();
    }
}

impl Distinct {
    /// Which row each picture of the batch has, `[B]` of `Int64`.
    pub(in crate::networks) fn rows(&self, device: Device) -> Result<Tensor, TchError> {
        send(&Tensor::f_from_slice(&self.rows)?, device)
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

    fn picture(value: u8) -> Arc<Picture> {
        let hash = ContentHash([value; 32]);
        let rgb = vec![value; 3];
        Arc::new(Picture { hash, width: 1, height: 1, original_width: 1, original_height: 1, rgb })
    }

    /// The first level of each picture.
    fn first_levels(pictures: &[&Picture]) -> Result<Vec<u8>, TchError> {
        Ok(pictures.iter().map(|picture| picture.rgb[0]).collect())
    }

    fn prepare(encodings: &Encodings, values: &[u8]) -> PreparedPictures<Vec<u8>> {
        let pictures: Vec<Arc<Picture>> = values.iter().map(|&value| picture(value)).collect();
        encodings.known().prepare(pictures.iter(), first_levels).unwrap()
    }

    /// Encodes pictures as so many cells of their first level, and says which it was asked for.
    fn encode_prepared(
        encodings: &mut Encodings,
        batch: PreparedPictures<Vec<u8>>,
        cells: i64,
    ) -> (Vec<u8>, Distinct) {
        let mut asked = Vec::new();
        let distinct = encodings.of(batch, |levels| {
            asked.clone_from(&levels);
            let levels: Vec<f32> = levels.into_iter().map(f32::from).collect();
            Tensor::from_slice(&levels).f_view([-1, 1])?.f_expand([-1, cells], false)
        });
        (asked, distinct.unwrap())
    }

    fn encode(encodings: &mut Encodings, values: &[u8], cells: i64) -> (Vec<u8>, Distinct) {
        let batch = prepare(encodings, values);
        encode_prepared(encodings, batch, cells)
    }

    #[test]
    fn pictures_encoded_or_evicted_after_they_were_prepared_get_their_own_encodings() {
        for then in [vec![1], vec![2, 1], vec![]] {
            let mut encodings = Encodings::within(1000, Stage::Ground);
            encode(&mut encodings, &[9], 2);
            let waiting = prepare(&encodings, &[9, 1, 2, 1]);
            assert_eq!(waiting.pixels, Some(vec![1, 2]));
            if then.is_empty() {
                encodings.forget();
            } else {
                encode(&mut encodings, &then, 2);
            }
            let (asked, distinct) = encode_prepared(&mut encodings, waiting, 2);
            let expected: &[u8] = match then[..] {
                [1] => &[2],
                [] => &[9, 1, 2],
                _ => &[],
            };
            assert_eq!(asked, expected);
            let each = Vec::<Vec<f64>>::try_from(distinct.each().unwrap().to_kind(Kind::Double)).unwrap();
            assert_eq!(each, [[9.0; 2], [1.0; 2], [2.0; 2], [1.0; 2]]);
        }
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
