//! ALBEF behind the scheduler, as the entailer: each distinct picture is encoded once, whatever is asked about it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Kind, TchError};

use super::{Albef, PAD};
use crate::domain::Stage;
use crate::networks::blocks::asked::{Asked, AskedBatch, AskedProcessor, Limits, levels};
use crate::networks::blocks::device::{hand_back, send};
use crate::networks::blocks::encodings::Encodings;
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::entail::{Reply, Request};

/// Answers whether pictures show phrases.
#[derive(Debug)]
pub struct AlbefEntailer {
    albef: Albef,
    seen: Encodings,
    processor: Arc<AlbefProcessor>,
}

/// The host half of [`AlbefEntailer`].
#[derive(Debug)]
pub struct AlbefProcessor(AskedProcessor);

/// A prepared batch of an ALBEF.
#[derive(Debug)]
pub struct AlbefInput(AskedBatch);

impl AlbefEntailer {
    /// Serves a network whose weights have been loaded, remembering within a budget what it saw in pictures.
    #[must_use]
    pub fn new(albef: Albef, remembered: impl Into<Remembered>) -> Self {
        let seen = Encodings::within(remembered, Stage::Entail);
        let config = albef.config();
        let limits = Limits {
            network: "ALBEF",
            side: config.image_size,
            longest: config.max_positions,
            vocabulary: config.vocabulary,
            pad: Some(PAD),
        };
        let asked = AskedProcessor { limits, filler: PAD, known: seen.known(), device: albef.device };
        let processor = Arc::new(AlbefProcessor(asked));
        Self { albef, seen, processor }
    }

    /// How many pictures it has seen so far. The counter is shared: it can be read from other threads after the network
    /// has moved to the device's.
    #[must_use]
    pub fn pictures_seen(&self) -> Arc<AtomicU64> {
        self.seen.made()
    }

    /// Tokens of the picture, which may have to be seen for this request, and of the prompt.
    #[must_use]
    pub fn cost(request: &Request) -> Cost {
        asked(request).cost()
    }

    /// The probabilities of contradiction, neutral and entailment, request by request.
    fn answer(&mut self, batch: AskedBatch) -> Result<Vec<f32>, TchError> {
        let Self { albef, seen, .. } = self;
        let device = albef.device;
        let seen = seen.of(batch.pictures, |bytes| Ok(albef.see(&albef.pixels(&levels(&bytes, device)?))))?;
        let (tokens, mask) = (send(&batch.tokens, device)?, send(&batch.mask, device)?);
        let logits = albef.logits(&tokens, &mask, &seen.encodings, &seen.rows(device)?);
        Vec::try_from(logits.f_softmax(-1, Kind::Float)?.f_reshape([-1])?)
    }
}

impl Processor for AlbefProcessor {
    type Request = Request;
    type Reply = Reply;
    type Input = AlbefInput;
    type Output = Vec<f32>;

    fn cost(&self, request: &Request) -> Cost {
        AlbefEntailer::cost(request)
    }

    fn prepare(&self, batch: &[Request]) -> Result<AlbefInput, ModelError> {
        let asked: Vec<_> = batch.iter().map(asked).collect();
        self.0.prepare(&asked).map(AlbefInput)
    }

    fn finish(&self, _: &[Request], probabilities: Vec<f32>) -> Result<Vec<Reply>, ModelError> {
        if probabilities.iter().any(|probability| !probability.is_finite()) {
            return Err(ModelError::Failed("the entailer's probabilities are no numbers".to_owned()));
        }
        // What contradicts the picture is not shown; what is neither contradicted nor entailed may be.
        let reply = |three: &[f32]| Reply { no: three[0], maybe: three[1], yes: three[2] };
        Ok(probabilities.chunks_exact(3).map(reply).collect())
    }
}

impl Model for AlbefEntailer {
    type Processor = AlbefProcessor;

    fn processor(&self) -> Arc<AlbefProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: AlbefInput) -> Result<Vec<f32>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.answer(input.0)?)
    }

    fn free_memory(&mut self) {
        self.seen.forget();
        hand_back(self.albef.device);
    }
}

fn asked(request: &Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.prompt }
}
