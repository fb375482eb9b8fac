//! SAM 2 behind the scheduler: what is kept of its encoding, and how its masks become pixels.

use tch::{Kind, TchError, Tensor};

use super::config::Sam2Config;
use super::{Encoded, Sam2};
use crate::networks::blocks::promptable::{self, BoxSegmenter, Promptable, Sees, Toggles};

/// SAM 2 behind the scheduler: remembers encodings by the content of the picture.
pub type Sam2Segmenter = BoxSegmenter<Sam2>;

impl Promptable for Sam2 {
    fn sees(&self) -> Sees {
        Sees::Square(self.config.image_size)
    }

    /// The three levels of each picture in one row: 16.8 MB in f32 at the published sizes.
    fn encode_bytes(&self, pictures: &[Tensor]) -> Result<Tensor, TchError> {
        let Encoded { fine, middle, coarse } = self.encode(&self.pixels(&Tensor::f_stack(pictures, 0)?));
        let rows = [fine, middle, coarse].map(|level| level.flatten(1, 3));
        Tensor::f_cat(&rows, 1)
    }

    fn best_masks(&self, encodings: &Tensor, rows: &Tensor, boxes: &Tensor) -> (Tensor, Tensor) {
        let decoded = self.decode(&unpacked(&self.config, encodings), rows, boxes);
        promptable::best(&decoded.masks, &decoded.ious)
    }

    fn threshold(&self) -> f64 {
        self.config.mask_threshold
    }

    /// Logits of the whole square are interpolated to the original's size at once.
    fn paint(
        &self,
        logits: &Tensor,
        _resized: (i64, i64),
        original: (u32, u32),
        at_once: i64,
    ) -> Result<Toggles, TchError> {
        let logits = logits.f_to_kind(Kind::Float)?;
        promptable::paint(&logits, original, self.threshold(), at_once)
    }
}

/// The levels of packed rows.
fn unpacked(config: &Sam2Config, encodings: &Tensor) -> Encoded {
    let mut start = 0;
    let mut level = |stage: usize, channels: i64| {
        let grid = config.grid(stage);
        let length = grid * grid * channels;
        let level = encodings.narrow(1, start, length).view([-1, grid, grid, channels]);
        start += length;
        level
    };
    let width = config.output_channels;
    Encoded { fine: level(0, width / 8), middle: level(1, width / 4), coarse: level(2, width) }
}
