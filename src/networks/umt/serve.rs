//! UMT behind the scheduler: what a post is about as one vector; each distinct picture is seen once.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Device, Kind, TchError};

use super::Umt;
use crate::common::imaging::Picture;
use crate::domain::Stage;
use crate::networks::blocks::asked::{Asked, Limits, levels};
use crate::networks::blocks::device::hand_back;
use crate::networks::blocks::encodings::Encodings;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::blocks::rows;
use crate::scheduler::{Cost, Model, ModelError};
use crate::stages::knowledge::{Reply, Request};

/// Shorter texts are filled up with this piece, which is hidden wherever it fills.
const FILLER: i64 = 0;

/// Says what posts are about.
#[derive(Debug)]
pub struct UmtEncoder {
    umt: Umt,
    seen: Encodings,
}

impl UmtEncoder {
    /// Serves a network whose weights have been loaded, remembering within a budget what it saw in pictures.
    #[must_use]
    pub fn new(umt: Umt, remembered: impl Into<Remembered>) -> Self {
        Self { umt: umt.freeze(), seen: Encodings::within(remembered, Stage::Retrieve) }
    }

    /// How many pictures it has seen so far. The counter is shared: it can be read from other threads after the network
    /// has moved to the device's.
    #[must_use]
    pub fn pictures_seen(&self) -> Arc<AtomicU64> {
        self.seen.made()
    }

    fn limits(&self) -> Limits {
        let config = self.umt.config();
        Limits {
            network: "UMT",
            side: config.image_size,
            longest: config.max_pieces,
            vocabulary: config.vocabulary,
            // What fills up is hidden by its place, whatever it is.
            pad: None,
        }
    }

    /// The numbers of all replies, one after the other.
    fn features(&mut self, batch: &[Request]) -> Result<Vec<f32>, TchError> {
        let Self { umt, seen } = self;
        let (device, side) = (umt.device, umt.config().image_size);
        let pictures: Vec<&Picture> = batch.iter().map(|request| request.picture.as_ref()).collect();
        let seen = seen
            .of(&pictures, |missing| Ok(umt.see(&umt.pixels(&levels(missing, side, device)?), false)))?
            .each()?;
        let texts: Vec<&[u32]> = batch.iter().map(|request| &request.pieces[..]).collect();
        let mask = rows::mask(&texts, device)?;
        let fused = umt.fuse(&rows::padded(&texts, FILLER, device)?, &mask, &seen, 0.0);
        let pooled = Umt::pooled(&fused, &mask);
        Vec::try_from(&pooled.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?)
    }
}

impl Model for UmtEncoder {
    type Request = Request;
    type Reply = Reply;

    /// Pieces of the text, and of the picture, which may have to be seen for this request, tokens of 16 pixels a side
    /// as for the other networks that see.
    fn cost(request: &Request) -> Cost {
        asked(request).cost()
    }

    fn free_memory(&mut self) {
        self.seen.forget();
        hand_back(self.umt.device);
    }

    fn run(&mut self, batch: &[Request]) -> Result<Vec<Reply>, ModelError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let _no_grad = tch::no_grad_guard();
        let limits = self.limits();
        batch.iter().try_for_each(|request| asked(request).check(limits))?;
        let features = self.features(batch).map_err(|error| ModelError::from_message(error.to_string()))?;
        if features.iter().any(|feature| !feature.is_finite()) {
            return Err(ModelError::Failed("what UMT says of a post is no numbers".to_owned()));
        }
        let width = features.len() / batch.len();
        Ok(features.chunks_exact(width).map(|row| Reply { features: row.to_vec() }).collect())
    }
}

fn asked(request: &Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.pieces }
}
