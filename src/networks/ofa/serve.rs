//! OFA behind the scheduler: as the entailer, and as the grounder.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Kind, TchError};

use super::Ofa;
use super::locate::{Beams, Choice, Located};
use super::reader::Reader;
use crate::domain::Stage;
use crate::networks::blocks::asked::{Asked, AskedBatch, AskedProcessor};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::blocks::share::Share;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::entail;
use crate::stages::ground;

/// Answers whether pictures show phrases.
#[derive(Debug)]
pub struct OfaEntailer {
    pub(super) share: Share<Reader>,
    processor: Arc<EntailProcessor>,
}

/// The host half of [`OfaEntailer`].
#[derive(Debug)]
pub struct EntailProcessor(AskedProcessor);

/// Answers where in pictures phrases are.
#[derive(Debug)]
pub struct OfaGrounder {
    pub(super) share: Share<Reader>,
    beam: usize,
    choice: Choice,
    processor: Arc<GroundProcessor>,
}

/// The host half of [`OfaGrounder`].
#[derive(Debug)]
pub struct GroundProcessor {
    asked: AskedProcessor,
    bins: Bins,
}

/// The tokens that are places.
#[derive(Debug, Clone, Copy)]
struct Bins {
    first: i64,
    last: i64,
}

/// The beams of a grounder.
#[derive(Debug)]
pub struct Found {
    chosen: Beams,
    /// Those of bins alone, where some of the others have no box.
    boxes_alone: Option<Beams>,
}

/// A prepared batch of an OFA.
#[derive(Debug)]
pub struct Input(AskedBatch);

impl OfaEntailer {
    /// Serves a network whose weights have been loaded, remembering within a budget what its trunk says of pictures.
    #[must_use]
    pub fn new(ofa: Ofa, remembered: impl Into<Remembered>) -> Self {
        let share = Share::new(Reader::new(ofa, remembered, Stage::Entail));
        let processor = Arc::new(EntailProcessor(share.reader().processor()));
        Self { share, processor }
    }

    /// A grounder with the same network, following `beam` boxes at a time. A picture goes through the trunk once for
    /// both, whichever is asked first; both are to be run by one thread.
    #[must_use]
    pub fn grounder(&self, beam: usize) -> OfaGrounder {
        OfaGrounder::with(self.share.another(), beam)
    }

    /// How many pictures have gone through the trunk for this stage so far. The counter is shared: it can be read from
    /// other threads after the network has moved to the device's.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.share.trunk_runs()
    }

    /// Tokens of the picture and of the prompt.
    #[must_use]
    pub fn cost(request: &entail::Request) -> Cost {
        entailing(request).cost()
    }

    /// The probabilities of no, yes and maybe, request by request.
    fn answer(&self, batch: AskedBatch) -> Result<Vec<f32>, TchError> {
        let mut reader = self.share.reader();
        let (tokens, encoded) = self.share.read(&mut reader, batch)?;
        let logits = reader.ofa.answer_logits(&encoded, &tokens, false);
        Vec::try_from(logits.f_softmax(-1, Kind::Float)?.f_reshape([-1])?)
    }
}

impl Processor for EntailProcessor {
    type Request = entail::Request;
    type Reply = entail::Reply;
    type Input = Input;
    type Output = Vec<f32>;

    fn cost(&self, request: &entail::Request) -> Cost {
        OfaEntailer::cost(request)
    }

    fn prepare(&self, batch: &[entail::Request]) -> Result<Input, ModelError> {
        let asked: Vec<_> = batch.iter().map(entailing).collect();
        self.0.prepare(&asked).map(Input)
    }

    fn finish(
        &self,
        _: &[entail::Request],
        probabilities: Vec<f32>,
    ) -> Result<Vec<entail::Reply>, ModelError> {
        if probabilities.iter().any(|probability| !probability.is_finite()) {
            return Err(ModelError::Failed("the entailer's probabilities are no numbers".to_owned()));
        }
        let reply = |three: &[f32]| entail::Reply { no: three[0], yes: three[1], maybe: three[2] };
        Ok(probabilities.chunks_exact(3).map(reply).collect())
    }
}

impl Model for OfaEntailer {
    type Processor = EntailProcessor;

    fn processor(&self) -> Arc<EntailProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: Input) -> Result<Vec<f32>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.answer(input.0)?)
    }

    fn free_memory(&mut self) {
        self.share.reader().forget();
    }
}

impl OfaGrounder {
    /// Serves a network whose weights have been loaded, following `beam` boxes at a time, remembering
    /// within a budget what its trunk says of pictures.
    #[must_use]
    pub fn new(ofa: Ofa, beam: usize, remembered: impl Into<Remembered>) -> Self {
        Self::with(Share::new(Reader::new(ofa, remembered, Stage::Ground)), beam)
    }

    fn with(share: Share<Reader>, beam: usize) -> Self {
        let processor = {
            let reader = share.reader();
            let (asked, config) = (reader.processor(), reader.ofa.config());
            let bins = Bins { first: config.first_bin, last: config.first_bin + config.bins - 1 };
            Arc::new(GroundProcessor { asked, bins })
        };
        Self { share, beam, choice: Choice::Bins, processor }
    }

    /// Follows tokens of this choice. Of [`Choice::Anything`] the likeliest answer that is a box is taken; where none is
    /// one, the likeliest of bins alone, so that there always is a box.
    #[must_use]
    pub fn among(self, choice: Choice) -> Self {
        Self { choice, ..self }
    }

    /// How many pictures have gone through the trunk so far; shared as [`OfaEntailer::trunk_runs`] is.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.share.trunk_runs()
    }

    /// Tokens of the picture and of the prompt.
    #[must_use]
    pub fn cost(request: &ground::Request) -> Cost {
        grounding(request).cost()
    }

    fn answer(&self, batch: AskedBatch) -> Result<Found, TchError> {
        let mut reader = self.share.reader();
        let (_, encoded) = self.share.read(&mut reader, batch)?;
        let (ofa, bins) = (&reader.ofa, self.processor.bins);
        let chosen = ofa.beams(&encoded, self.beam, self.choice)?;
        let has_boxes =
            self.choice == Choice::Bins || bins.boxes(&chosen)?.iter().all(|boxes| !boxes.is_empty());
        let boxes_alone =
            if has_boxes { None } else { Some(ofa.beams(&encoded, self.beam, Choice::Bins)?) };
        Ok(Found { chosen, boxes_alone })
    }
}

impl Bins {
    /// The answers of each beam that are boxes, best first.
    fn boxes(self, beams: &Beams) -> Result<Vec<Vec<Located>>, TchError> {
        let is_box =
            |answer: &Located| answer.tokens.iter().all(|token| (self.first..=self.last).contains(token));
        Ok(beams.located()?.into_iter().map(|answers| answers.into_iter().filter(is_box).collect()).collect())
    }

    /// The best of a beam's boxes, with the others; none if there is no box.
    fn reply(self, boxes: &[Located]) -> Option<ground::Reply> {
        let (best, others) = boxes.split_first()?;
        let other = |one: &Located| {
            let corners = self.corners(one)?;
            Some(ground::OtherBox { corners, log_probability: one.log_probability })
        };
        let others = others.iter().map(other).collect::<Option<Vec<_>>>()?;
        let log_probability = best.log_probability;
        Some(ground::Reply { corners: self.corners(best)?, log_probability, outline: None, others })
    }

    fn corners(self, located: &Located) -> Option<[f64; 4]> {
        // The picture is squashed: the first bin is its left or upper edge, the last one its right or lower edge.
        let fraction = |token: &i64| (token - self.first) as f64 / (self.last - self.first) as f64;
        let corners: Vec<f64> = located.tokens.iter().map(fraction).collect();
        corners.try_into().ok()
    }
}

impl Processor for GroundProcessor {
    type Request = ground::Request;
    type Reply = ground::Reply;
    type Input = Input;
    type Output = Found;

    fn cost(&self, request: &ground::Request) -> Cost {
        OfaGrounder::cost(request)
    }

    fn prepare(&self, batch: &[ground::Request]) -> Result<Input, ModelError> {
        let asked: Vec<_> = batch.iter().map(grounding).collect();
        self.asked.prepare(&asked).map(Input)
    }

    fn finish(&self, _: &[ground::Request], found: Found) -> Result<Vec<ground::Reply>, ModelError> {
        let mut boxes = self.bins.boxes(&found.chosen)?;
        if let Some(boxes_alone) = &found.boxes_alone {
            for (found, boxes_alone) in boxes.iter_mut().zip(self.bins.boxes(boxes_alone)?) {
                if found.is_empty() {
                    *found = boxes_alone;
                }
            }
        }
        let none = || ModelError::Failed("the grounder found no box at all".to_owned());
        boxes.iter().map(|found| self.bins.reply(found).ok_or_else(none)).collect()
    }
}

impl Model for OfaGrounder {
    type Processor = GroundProcessor;

    fn processor(&self) -> Arc<GroundProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: Input) -> Result<Found, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.answer(input.0)?)
    }

    fn free_memory(&mut self) {
        self.share.reader().forget();
    }
}

pub(super) fn entailing(request: &entail::Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.prompt }
}

pub(super) fn grounding(request: &ground::Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.prompt }
}
