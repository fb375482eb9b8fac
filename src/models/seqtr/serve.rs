//! SeqTR behind the scheduler: as a grounder, and as one that draws contours.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::TchError;

use super::decode::{Contour, Ruler, Sequence};
use super::reader::{Reader, check, cost};
use super::{SeqTr, SeqTrConfigError};
use crate::ground::{Reply, Request};
use crate::scheduler::{Cost, Model, ModelError};

/// Answers where in pictures phrases are.
#[derive(Debug)]
pub struct SeqTrGrounder {
    reader: Reader,
}

/// Answers with the outlines of what phrases name in pictures.
#[derive(Debug)]
pub struct SeqTrContour {
    reader: Reader,
}

impl SeqTrGrounder {
    /// Serves a network of boxes whose weights have been loaded, remembering up to `cache_bytes` of what it saw in
    /// pictures.
    ///
    /// # Errors
    /// [`SeqTrConfigError::DrawsContours`].
    pub fn new(seqtr: SeqTr, cache_bytes: usize) -> Result<Self, SeqTrConfigError> {
        match seqtr.config().contour_points {
            Some(points) => Err(SeqTrConfigError::DrawsContours(points)),
            None => Ok(Self { reader: Reader::new(seqtr, cache_bytes) }),
        }
    }

    /// How many pictures have gone through the trunk so far. The counter is shared: it can be read from other threads
    /// after the network has moved to the device's.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.reader.trunk_runs()
    }
}

impl Model for SeqTrGrounder {
    type Request = Request;
    type Reply = Reply;

    /// Cells of the picture and words of the phrase.
    fn cost(request: &Request) -> Cost {
        cost(request)
    }

    fn run(&mut self, batch: &[Request]) -> Result<Vec<Reply>, ModelError> {
        let sequences = answer(&mut self.reader, batch)?;
        let bins = self.reader.seqtr.config().bins;
        let reply = |(request, sequence): (&Request, &Sequence)| {
            let ruler = Ruler::of(&request.picture, bins);
            let corner = |edge: usize| ruler.fraction(edge % 2, sequence.bins[edge]);
            Reply { corners: [0, 1, 2, 3].map(corner), log_probability: sequence.log_probability }
        };
        Ok(batch.iter().zip(&sequences).map(reply).collect())
    }
}

impl SeqTrContour {
    /// Serves a network of contours; everything else as with [`SeqTrGrounder::new`].
    ///
    /// # Errors
    /// [`SeqTrConfigError::GivesBoxes`].
    pub fn new(seqtr: SeqTr, cache_bytes: usize) -> Result<Self, SeqTrConfigError> {
        match seqtr.config().contour_points {
            Some(_) => Ok(Self { reader: Reader::new(seqtr, cache_bytes) }),
            None => Err(SeqTrConfigError::GivesBoxes),
        }
    }

    /// How many pictures have gone through the trunk so far; shared as [`SeqTrGrounder::trunk_runs`] is.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.reader.trunk_runs()
    }
}

impl Model for SeqTrContour {
    type Request = Request;
    type Reply = Contour;

    /// Cells of the picture and words of the phrase.
    fn cost(request: &Request) -> Cost {
        cost(request)
    }

    fn run(&mut self, batch: &[Request]) -> Result<Vec<Contour>, ModelError> {
        let sequences = answer(&mut self.reader, batch)?;
        let bins = self.reader.seqtr.config().bins;
        let contour = |(request, sequence): (&Request, &Sequence)| {
            Ruler::of(&request.picture, bins).contour(sequence, &request.picture)
        };
        Ok(batch.iter().zip(&sequences).map(contour).collect())
    }
}

fn answer(reader: &mut Reader, batch: &[Request]) -> Result<Vec<Sequence>, ModelError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let _no_grad = tch::no_grad_guard();
    batch.iter().try_for_each(|request| check(request, reader.seqtr.config()))?;
    let failed = |error: TchError| ModelError::from_message(error.to_string());
    let encoded = reader.read(batch).map_err(failed)?;
    reader.seqtr.answer(&encoded).map_err(failed)
}
