//! Encoder input: each distinct picture goes through the trunk once, and prompts are padded to one length.

use std::sync::atomic::Ordering;

use tch::{Device, TchError, Tensor};

use super::{Encoded, Ofa, PAD};
use crate::domain::Stage;
use crate::networks::blocks::asked::{AskedBatch, AskedProcessor, Limits, levels};
use crate::networks::blocks::device::{hand_back, send};
use crate::networks::blocks::encodings::Encodings;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::blocks::share::Share;

impl Share<Reader> {
    /// [`Reader::read`], counting for this stage.
    pub(super) fn read(&self, reader: &mut Reader, batch: AskedBatch) -> Result<(Tensor, Encoded), TchError> {
        let made = |reader: &Reader| reader.known.made().load(Ordering::Relaxed);
        self.counting(reader, made, |reader| reader.read(batch))
    }
}

/// A frozen network that remembers what its trunk said of pictures.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) ofa: Ofa,
    device: Device,
    known: Encodings,
}

impl Reader {
    pub(super) fn new(ofa: Ofa, remembered: impl Into<Remembered>, stage: Stage) -> Self {
        let device = ofa.embedding.device();
        Self { ofa: ofa.freeze(), device, known: Encodings::within(remembered, stage) }
    }

    /// The host half, which prepares batches for [`Share::read`].
    pub(super) fn processor(&self) -> AskedProcessor {
        let config = self.ofa.config();
        let limits = Limits {
            network: "OFA",
            side: config.patch_image_size,
            longest: config.max_positions,
            vocabulary: config.vocabulary,
            pad: Some(PAD),
        };
        AskedProcessor { limits, filler: PAD, known: self.known.known(), device: self.device }
    }

    /// Gives back what is remembered of pictures.
    pub(super) fn forget(&mut self) {
        self.known.forget();
        hand_back(self.device);
    }

    /// Reads a batch: the prompts, `[B, L]`, and what encoder and pictures make of them.
    fn read(&mut self, batch: AskedBatch) -> Result<(Tensor, Encoded), TchError> {
        let Self { ofa, device, known } = self;
        let tokens = send(&batch.tokens, *device)?;
        let trunk = known.of(batch.pictures, |bytes| Ok(ofa.trunk(&pixels(ofa, &bytes, *device)?, false)))?;
        let encoded = ofa.encode_padded(&trunk.each()?, &tokens, batch.is_padded);
        Ok((tokens, encoded))
    }
}

/// Pixels as the network was taught them, `[pictures, 3, S, S]`, -1 to 1.
fn pixels(ofa: &Ofa, bytes: &Tensor, device: Device) -> Result<Tensor, TchError> {
    levels(bytes, device)?.f_divide_scalar_(127.5)?.f_sub_scalar_(1.0)?.f_to_kind(ofa.place().0)
}
