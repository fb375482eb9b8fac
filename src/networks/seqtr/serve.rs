//! SeqTR behind the scheduler: a grounder, which draws outlines where it was taught to.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::TchError;

use super::decode::{Ruler, Sequence};
use super::reader::{Input, Reader};
use super::{SeqTr, SeqTrConfig};
use crate::networks::blocks::asked::Asked;
use crate::networks::blocks::encodings::Known;
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::ground::{Reply, Request};

/// Answers where in pictures phrases are: with boxes, or with outlines and the boxes around them.
#[derive(Debug)]
pub struct SeqTrGrounder {
    reader: Reader,
    processor: Arc<SeqTrProcessor>,
}

/// The host half of [`SeqTrGrounder`].
#[derive(Debug)]
pub struct SeqTrProcessor {
    config: SeqTrConfig,
    known: Known,
}

impl SeqTrGrounder {
    /// Serves a network whose weights have been loaded, remembering within a budget what it saw in pictures.
    #[must_use]
    pub fn new(seqtr: SeqTr, remembered: impl Into<Remembered>) -> Self {
        let reader = Reader::new(seqtr, remembered);
        let processor = SeqTrProcessor { config: reader.seqtr.config().clone(), known: reader.known() };
        Self { reader, processor: Arc::new(processor) }
    }

    /// How many pictures have gone through the trunk so far. The counter is shared: it can be read from other threads
    /// after the network has moved to the device's.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.reader.trunk_runs()
    }

    /// Tokens of the square that the picture is laid into, and words of the phrase.
    #[must_use]
    pub fn cost(request: &Request) -> Cost {
        Asked { picture: &request.picture, prompt: &request.prompt }.cost()
    }

    fn answer(&mut self, batch: Input) -> Result<Vec<Sequence>, TchError> {
        let encoded = self.reader.read(batch)?;
        self.reader.seqtr.answer(&encoded)
    }
}

impl Processor for SeqTrProcessor {
    type Request = Request;
    type Reply = Reply;
    type Input = Input;
    type Output = Vec<Sequence>;

    fn cost(&self, request: &Request) -> Cost {
        SeqTrGrounder::cost(request)
    }

    fn prepare(&self, batch: &[Request]) -> Result<Input, ModelError> {
        Input::of(batch, &self.config, &self.known)
    }

    fn finish(&self, batch: &[Request], sequences: Vec<Sequence>) -> Result<Vec<Reply>, ModelError> {
        let reply = |(request, sequence): (&Request, &Sequence)| {
            let ruler = Ruler::of(&request.picture, self.config.bins);
            let outline = self.config.contour_points.map(|_| ruler.outline(sequence));
            let corners = outline.as_ref().map_or_else(|| ruler.corners(sequence), |one| one.corners());
            Reply { corners, log_probability: sequence.log_probability, outline, others: Vec::new() }
        };
        Ok(batch.iter().zip(&sequences).map(reply).collect())
    }
}

impl Model for SeqTrGrounder {
    type Processor = SeqTrProcessor;

    fn processor(&self) -> Arc<SeqTrProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: Input) -> Result<Vec<Sequence>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.answer(input)?)
    }

    fn free_memory(&mut self) {
        self.reader.forget();
    }
}
