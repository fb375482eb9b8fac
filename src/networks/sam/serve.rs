//! SAM behind the scheduler: what its encoding is, and how its masks become pixels.

use tch::{Kind, TchError, Tensor};

use super::Sam;
use crate::networks::blocks::promptable::{self, BoxSegmenter, Promptable, Sees, Toggles};

/// SAM behind the scheduler: remembers encodings by the content of the picture.
pub type SamSegmenter = BoxSegmenter<Sam>;

impl Promptable for Sam {
    fn sees(&self) -> Sees {
        Sees::Within(self.config.image_size)
    }

    fn encode_bytes(&self, pictures: &[Tensor]) -> Result<Tensor, TchError> {
        let pixels: Vec<Tensor> = pictures.iter().map(|rgb| self.pixels(rgb)).collect();
        // Kept as it lies in memory, channels last.
        self.encode(&Tensor::f_stack(&pixels, 0)?).f_permute([0, 2, 3, 1])
    }

    fn best_masks(&self, encodings: &Tensor, rows: &Tensor, boxes: &Tensor) -> (Tensor, Tensor) {
        let (low_res, ious) = self.decode(&encodings.index_select(0, rows).permute([0, 3, 1, 2]), boxes);
        promptable::best(&low_res, &ious)
    }

    fn threshold(&self) -> f64 {
        self.config.mask_threshold
    }

    /// Logits are interpolated twice: up to the network's square, and from the part of that which is the picture to the
    /// original's size.
    fn paint(
        &self,
        logits: &Tensor,
        resized: (i64, i64),
        original: (u32, u32),
        at_once: i64,
    ) -> Result<Toggles, TchError> {
        let side = self.config.image_size;
        let square = logits.f_to_kind(Kind::Float)?.f_upsample_bilinear2d([side, side], false, None, None)?;
        let picture = square.f_narrow(2, 0, resized.1)?.f_narrow(3, 0, resized.0)?;
        promptable::paint(&picture, original, self.threshold(), at_once)
    }
}
