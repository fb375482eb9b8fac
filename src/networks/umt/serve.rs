//! UMT behind the scheduler: a post as one vector; each distinct picture is encoded once.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Device, Kind, TchError};

use super::Umt;
use crate::domain::Stage;
use crate::networks::blocks::asked::{Asked, AskedBatch, AskedProcessor, Limits, levels};
use crate::networks::blocks::device::{hand_back, send};
use crate::networks::blocks::encodings::Encodings;
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::knowledge::{Reply, Request};

/// Shorter texts are padded with this piece, which is masked wherever it pads.
const FILLER: i64 = 0;

/// Says what posts are about.
#[derive(Debug)]
pub struct UmtEncoder {
    umt: Umt,
    seen: Encodings,
    processor: Arc<UmtProcessor>,
}

/// The host half of [`UmtEncoder`].
#[derive(Debug)]
pub struct UmtProcessor(AskedProcessor);

/// A prepared batch of a UMT.
#[derive(Debug)]
pub struct UmtInput(AskedBatch);

impl UmtEncoder {
    /// Serves a network whose weights have been loaded, remembering within a budget what it saw in pictures.
    #[must_use]
    pub fn new(umt: Umt, remembered: impl Into<Remembered>) -> Self {
        let (umt, seen) = (umt.freeze(), Encodings::within(remembered, Stage::Retrieve));
        let config = umt.config();
        let limits = Limits {
            network: "UMT",
            side: config.image_size,
            longest: config.max_pieces,
            vocabulary: config.vocabulary,
            // Padding is masked by its place, whatever it is.
            pad: None,
        };
        let asked = AskedProcessor { limits, filler: FILLER, known: seen.known(), device: umt.device };
        Self { umt, seen, processor: Arc::new(UmtProcessor(asked)) }
    }

    /// How many pictures it has seen so far. The counter is shared: it can be read from other threads after the network
    /// has moved to the device's.
    #[must_use]
    pub fn pictures_seen(&self) -> Arc<AtomicU64> {
        self.seen.made()
    }

    /// Pieces of the text, and of the picture, which may have to be seen for this request, tokens of 16 pixels a side
    /// as for the other networks that see.
    #[must_use]
    pub fn cost(request: &Request) -> Cost {
        asked(request).cost()
    }

    /// The numbers of all replies, one after the other.
    fn features(&mut self, batch: AskedBatch) -> Result<Vec<f32>, TchError> {
        let Self { umt, seen, .. } = self;
        let device = umt.device;
        let seen = seen
            .of(batch.pictures, |bytes| Ok(umt.see(&umt.pixels(&levels(&bytes, device)?), false)))?
            .each()?;
        let (pieces, mask) = (send(&batch.tokens, device)?, send(&batch.mask, device)?);
        let pooled = Umt::pooled(&umt.fuse(&pieces, &mask, &seen, 0.0), &mask);
        Vec::try_from(&pooled.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?)
    }
}

impl Processor for UmtProcessor {
    type Request = Request;
    type Reply = Reply;
    type Input = UmtInput;
    type Output = Vec<f32>;

    fn cost(&self, request: &Request) -> Cost {
        UmtEncoder::cost(request)
    }

    fn prepare(&self, batch: &[Request]) -> Result<UmtInput, ModelError> {
        let asked: Vec<_> = batch.iter().map(asked).collect();
        self.0.prepare(&asked).map(UmtInput)
    }

    fn finish(&self, batch: &[Request], features: Vec<f32>) -> Result<Vec<Reply>, ModelError> {
        if features.iter().any(|feature| !feature.is_finite()) {
            return Err(ModelError::Failed("what UMT says of a post is no numbers".to_owned()));
        }
        let width = features.len() / batch.len();
        Ok(features.chunks_exact(width).map(|row| Reply { features: row.to_vec() }).collect())
    }
}

impl Model for UmtEncoder {
    type Processor = UmtProcessor;

    fn processor(&self) -> Arc<UmtProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: UmtInput) -> Result<Vec<f32>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.features(input.0)?)
    }

    fn free_memory(&mut self) {
        self.seen.forget();
        hand_back(self.umt.device);
    }
}

fn asked(request: &Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.pieces }
}
