//! OFA behind the scheduler: as the entailer, and as the grounder.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Kind, TchError};

use super::Ofa;
use super::locate::{Choice, Located};
use super::reader::Share;
use crate::domain::Stage;
use crate::networks::blocks::asked::Asked;
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, Model, ModelError};
use crate::stages::entail;
use crate::stages::ground;

/// Answers whether pictures show phrases.
#[derive(Debug)]
pub struct OfaEntailer {
    pub(super) share: Share,
}

/// Answers where in pictures phrases are.
#[derive(Debug)]
pub struct OfaGrounder {
    pub(super) share: Share,
    beam: usize,
    choice: Choice,
}

impl OfaEntailer {
    /// Serves a network whose weights have been loaded, remembering within a budget what its trunk says of pictures.
    #[must_use]
    pub fn new(ofa: Ofa, remembered: impl Into<Remembered>) -> Self {
        Self { share: Share::new(ofa, remembered, Stage::Entail) }
    }

    /// A grounder with the same network, following `beam` boxes at a time. A picture goes through the trunk once for
    /// both, whichever is asked first; both are to be run by one thread.
    #[must_use]
    pub fn grounder(&self, beam: usize) -> OfaGrounder {
        OfaGrounder { share: self.share.another(), beam, choice: Choice::Bins }
    }

    /// How many pictures have gone through the trunk for this stage so far. The counter is shared: it can be read from
    /// other threads after the network has moved to the device's.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.share.trunk_runs()
    }

    fn answer(&self, batch: &[entail::Request]) -> Result<Vec<f32>, TchError> {
        let asked: Vec<_> = batch.iter().map(entailing).collect();
        let mut reader = self.share.reader();
        let (tokens, encoded) = self.share.read(&mut reader, &asked)?;
        let logits = reader.ofa.answer_logits(&encoded, &tokens, false);
        Vec::try_from(logits.f_softmax(-1, Kind::Float)?.f_reshape([-1])?)
    }
}

impl Model for OfaEntailer {
    type Request = entail::Request;
    type Reply = entail::Reply;

    /// Tokens of the picture and of the prompt.
    fn cost(request: &entail::Request) -> Cost {
        entailing(request).cost()
    }

    fn free_memory(&mut self) {
        self.share.reader().forget();
    }

    fn run(&mut self, batch: &[entail::Request]) -> Result<Vec<entail::Reply>, ModelError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let _no_grad = tch::no_grad_guard();
        let limits = self.share.reader().limits();
        batch.iter().try_for_each(|request| entailing(request).check(limits))?;
        let probabilities =
            self.answer(batch).map_err(|error| ModelError::from_message(error.to_string()))?;
        if probabilities.iter().any(|probability| !probability.is_finite()) {
            return Err(ModelError::Failed("the entailer's probabilities are no numbers".to_owned()));
        }
        let reply = |three: &[f32]| entail::Reply { no: three[0], yes: three[1], maybe: three[2] };
        Ok(probabilities.chunks_exact(3).map(reply).collect())
    }
}

impl OfaGrounder {
    /// Serves a network whose weights have been loaded, following `beam` boxes at a time, remembering
    /// within a budget what its trunk says of pictures.
    #[must_use]
    pub fn new(ofa: Ofa, beam: usize, remembered: impl Into<Remembered>) -> Self {
        Self { share: Share::new(ofa, remembered, Stage::Ground), beam, choice: Choice::Bins }
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

    fn answer(&self, batch: &[ground::Request]) -> Result<Vec<Option<ground::Reply>>, TchError> {
        let asked: Vec<_> = batch.iter().map(grounding).collect();
        let mut reader = self.share.reader();
        let (_, encoded) = self.share.read(&mut reader, &asked)?;
        let ofa = &reader.ofa;
        let (first, last) = (ofa.config().first_bin, ofa.config().bins - 1);
        let is_box =
            |answer: &Located| answer.tokens.iter().all(|token| (first..=first + last).contains(token));
        let likeliest = |choice| -> Result<Vec<Option<Located>>, TchError> {
            let located = ofa.locate(&encoded, self.beam, choice)?;
            Ok(located.into_iter().map(|answers| answers.into_iter().find(is_box)).collect())
        };
        let mut located = likeliest(self.choice)?;
        if self.choice == Choice::Anything && located.contains(&None) {
            for (answer, box_alone) in located.iter_mut().zip(likeliest(Choice::Bins)?) {
                *answer = answer.take().or(box_alone);
            }
        }
        let reply = |best: Option<Located>| {
            let best = best?;
            // The picture is squashed: the first bin is its left or upper edge, the last one its right or lower edge.
            let fraction = |token: &i64| (token - first) as f64 / last as f64;
            let corners: Vec<f64> = best.tokens.iter().map(fraction).collect();
            let log_probability = best.log_probability;
            Some(ground::Reply { corners: corners.try_into().ok()?, log_probability, outline: None })
        };
        Ok(located.into_iter().map(reply).collect())
    }
}

impl Model for OfaGrounder {
    type Request = ground::Request;
    type Reply = ground::Reply;

    /// Tokens of the picture and of the prompt.
    fn cost(request: &ground::Request) -> Cost {
        grounding(request).cost()
    }

    fn free_memory(&mut self) {
        self.share.reader().forget();
    }

    fn run(&mut self, batch: &[ground::Request]) -> Result<Vec<ground::Reply>, ModelError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let _no_grad = tch::no_grad_guard();
        let limits = self.share.reader().limits();
        batch.iter().try_for_each(|request| grounding(request).check(limits))?;
        let replies = self.answer(batch).map_err(|error| ModelError::from_message(error.to_string()))?;
        let none = || ModelError::Failed("the grounder found no box at all".to_owned());
        replies.into_iter().map(|reply| reply.ok_or_else(none)).collect()
    }
}

pub(super) fn entailing(request: &entail::Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.prompt }
}

pub(super) fn grounding(request: &ground::Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.prompt }
}
