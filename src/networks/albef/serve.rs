//! ALBEF behind the scheduler, as the entailer: each distinct picture is seen once, whatever is asked about it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Kind, TchError};

use super::{Albef, PAD};
use crate::common::imaging::Picture;
use crate::domain::Stage;
use crate::networks::blocks::asked::{Asked, Limits, levels};
use crate::networks::blocks::device::hand_back;
use crate::networks::blocks::encodings::Encodings;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::blocks::rows;
use crate::scheduler::{Cost, Model, ModelError};
use crate::stages::entail::{Reply, Request};

/// Answers whether pictures show phrases.
#[derive(Debug)]
pub struct AlbefEntailer {
    albef: Albef,
    seen: Encodings,
}

impl AlbefEntailer {
    /// Serves a network whose weights have been loaded, remembering within a budget what it saw in pictures.
    #[must_use]
    pub fn new(albef: Albef, remembered: impl Into<Remembered>) -> Self {
        Self { albef, seen: Encodings::within(remembered, Stage::Entail) }
    }

    /// How many pictures it has seen so far. The counter is shared: it can be read from other threads after the network
    /// has moved to the device's.
    #[must_use]
    pub fn pictures_seen(&self) -> Arc<AtomicU64> {
        self.seen.made()
    }

    fn limits(&self) -> Limits {
        let config = self.albef.config();
        Limits {
            network: "ALBEF",
            side: config.image_size,
            longest: config.max_positions,
            vocabulary: config.vocabulary,
            pad: Some(PAD),
        }
    }

    /// The probabilities of contradiction, neutral and entailment, request by request.
    fn answer(&mut self, batch: &[Request]) -> Result<Vec<f32>, TchError> {
        let Self { albef, seen } = self;
        let device = albef.device;
        let pictures: Vec<&Picture> = batch.iter().map(|request| request.picture.as_ref()).collect();
        let side = albef.config().image_size;
        let seen =
            seen.of(&pictures, |missing| Ok(albef.see(&albef.pixels(&levels(missing, side, device)?))))?;

        let prompts: Vec<&[u32]> = batch.iter().map(|request| &request.prompt[..]).collect();
        let tokens = rows::padded(&prompts, PAD, device)?;
        let mask = rows::mask(&prompts, device)?;
        let logits = albef.logits(&tokens, &mask, &seen.encodings, &seen.rows(device)?);
        Vec::try_from(logits.f_softmax(-1, Kind::Float)?.f_reshape([-1])?)
    }
}

impl Model for AlbefEntailer {
    type Request = Request;
    type Reply = Reply;

    /// Tokens of the picture, which may have to be seen for this request, and of the prompt.
    fn cost(request: &Request) -> Cost {
        asked(request).cost()
    }

    fn free_memory(&mut self) {
        self.seen.forget();
        hand_back(self.albef.device);
    }

    fn run(&mut self, batch: &[Request]) -> Result<Vec<Reply>, ModelError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let _no_grad = tch::no_grad_guard();
        let limits = self.limits();
        batch.iter().try_for_each(|request| asked(request).check(limits))?;
        let probabilities =
            self.answer(batch).map_err(|error| ModelError::from_message(error.to_string()))?;
        if probabilities.iter().any(|probability| !probability.is_finite()) {
            return Err(ModelError::Failed("the entailer's probabilities are no numbers".to_owned()));
        }
        // What contradicts the picture is not shown; what is neither contradicted nor entailed may be.
        let reply = |three: &[f32]| Reply { no: three[0], maybe: three[1], yes: three[2] };
        Ok(probabilities.chunks_exact(3).map(reply).collect())
    }
}

fn asked(request: &Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.prompt }
}
