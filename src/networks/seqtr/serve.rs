//! SeqTR behind the scheduler: a grounder, which draws outlines where it was taught to.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::TchError;

use super::SeqTr;
use super::decode::{Ruler, Sequence};
use super::reader::{Reader, check, cost};
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, Model, ModelError};
use crate::stages::ground::{Reply, Request};

/// Answers where in pictures phrases are: with boxes, or with outlines and the boxes around them.
#[derive(Debug)]
pub struct SeqTrGrounder {
    reader: Reader,
}

impl SeqTrGrounder {
    /// Serves a network whose weights have been loaded, remembering within a budget what it saw in pictures.
    #[must_use]
    pub fn new(seqtr: SeqTr, remembered: impl Into<Remembered>) -> Self {
        Self { reader: Reader::new(seqtr, remembered) }
    }

    /// How many pictures have gone through the trunk so far. The counter is shared: it can be read from other threads
    /// after the network has moved to the device's.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.reader.trunk_runs()
    }

    fn answer(&mut self, batch: &[Request]) -> Result<Vec<Sequence>, TchError> {
        let encoded = self.reader.read(batch)?;
        self.reader.seqtr.answer(&encoded)
    }
}

impl Model for SeqTrGrounder {
    type Request = Request;
    type Reply = Reply;

    /// Cells of the square that the picture is laid into, and words of the phrase.
    fn cost(request: &Request) -> Cost {
        cost(request)
    }

    fn free_memory(&mut self) {
        self.reader.forget();
    }

    fn run(&mut self, batch: &[Request]) -> Result<Vec<Reply>, ModelError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let _no_grad = tch::no_grad_guard();
        batch.iter().try_for_each(|request| check(request, self.reader.seqtr.config()))?;
        let sequences = self.answer(batch).map_err(|error| ModelError::from_message(error.to_string()))?;
        let config = self.reader.seqtr.config();
        let reply = |(request, sequence): (&Request, &Sequence)| {
            let ruler = Ruler::of(&request.picture, config.bins);
            let outline = config.contour_points.map(|_| ruler.outline(sequence));
            let corners = outline.as_ref().map_or_else(|| ruler.corners(sequence), |one| one.corners());
            Reply { corners, log_probability: sequence.log_probability, outline }
        };
        Ok(batch.iter().zip(&sequences).map(reply).collect())
    }
}
