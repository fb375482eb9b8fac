//! Masks at the original picture's size, computed strip by strip, as run lengths.
//!
//! The network's logits are interpolated twice: up to its square, and from the part of that which is the picture to the
//! original's size. Both steps are bilinear, so the second is taken across first and then down: the same products and
//! sums as in one step, in the same order, bit by bit. Down can be taken a few columns at a time, in the order in which
//! run lengths walk, and of every strip only the places where inside and outside change leave the device.

use tch::{Kind, TchError, Tensor};

use super::Sam;
use crate::domain::{Mask, RunLengthBuilder};

/// Pixels of the original picture whose logits exist at one time: 8 MB of them and 6 MB of comparisons, whatever the
/// size of the picture. What is taken across is smaller than the picture too: as many columns, but no more rows than
/// the network reads, 29 MB for 50 megapixels at the published 1,024.
pub(super) const PIXELS_AT_ONCE: i64 = 1 << 21;

impl Sam {
    /// The pixels of one mask's logits, `[1, 1, 4h, 4w]`, at the size of the original picture. Sizes are
    /// `(width, height)`, of the picture as the network read it and of the original; `at_once` bounds the pixels of the
    /// original that are held at one time, to a column at least.
    pub(super) fn paint(
        &self,
        low_res: &Tensor,
        resized: (i64, i64),
        original: (u32, u32),
        at_once: i64,
    ) -> Result<Mask, TchError> {
        let (width, height) = (i64::from(original.0), i64::from(original.1));
        let picture = self.picture_logits(low_res, resized)?;
        let across = picture.f_upsample_bilinear2d([resized.1, width], false, None, None)?;
        let strip = (at_once / height).max(1);

        let mut runs = RunLengthBuilder::default();
        // What the walk down the columns came from: outside, in front of the first pixel.
        let mut before = Tensor::f_zeros([1], (Kind::Bool, low_res.device()))?;
        for first in (0..width).step_by(strip as usize) {
            let columns = strip.min(width - first);
            // Columns become rows, so that a strip is read in the order of the walk without a copy of all its pixels.
            let columns_first = across.f_narrow(3, first, columns)?.f_transpose(2, 3)?.f_contiguous()?;
            let logits = columns_first.f_upsample_bilinear2d([columns, height], false, None, None)?;
            let inside = logits.f_gt(self.config().mask_threshold)?.f_flatten(0, -1)?;
            let pixels = columns * height;
            let walked = Tensor::f_cat(&[&before, &inside], 0)?;
            let changed = walked.f_narrow(0, 0, pixels)?.f_ne_tensor(&walked.f_narrow(0, 1, pixels)?)?;
            for place in Vec::<i64>::try_from(&changed.f_nonzero()?.f_flatten(0, -1)?)? {
                runs.toggle_at((first * height + place) as u64);
            }
            // A copy, which does not keep the strip's memory.
            before = walked.f_narrow(0, pixels, 1)?.f_detach_copy()?;
        }
        Ok(runs.finish(original.0, original.1))
    }

    /// Logits of a mask at the network's square, without what is no picture: `[1, 1, H, W]` of the resized picture.
    fn picture_logits(&self, low_res: &Tensor, resized: (i64, i64)) -> Result<Tensor, TchError> {
        let side = self.config().image_size;
        let square =
            low_res.f_to_kind(Kind::Float)?.f_upsample_bilinear2d([side, side], false, None, None)?;
        square.f_narrow(2, 0, resized.1)?.f_narrow(3, 0, resized.0)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor, nn};

    use super::super::SamConfig;
    use super::super::tests::tiny;
    use super::*;

    /// Waves of several lengths, nowhere near their threshold for long.
    fn logits(side: i64, phase: f64) -> Tensor {
        let steps = Tensor::arange(side * side, (Kind::Float, Device::Cpu)).view([1, 1, side, side]);
        (&steps * 0.37 + phase).sin() + (steps * 0.011).cos() * 2.0
    }

    /// Both steps at once over the whole picture, as the published code takes them, and a byte for every pixel.
    fn whole(sam: &Sam, low_res: &Tensor, resized: (i64, i64), original: (u32, u32)) -> Mask {
        let size = [i64::from(original.1), i64::from(original.0)];
        let picture = sam.picture_logits(low_res, resized).unwrap();
        let inside = picture.upsample_bilinear2d(size, false, None, None).gt(sam.config().mask_threshold);
        let bytes = Vec::<u8>::try_from(inside.to_kind(Kind::Uint8).flatten(0, -1)).unwrap();
        Mask::from_pixels(&bytes, original.0, original.1)
    }

    #[test]
    fn strips_of_any_width_hold_the_pixels_of_the_whole_picture() {
        let vs = nn::VarStore::new(Device::Cpu);
        let sam = Sam::new(&vs.root(), &SamConfig { mask_threshold: 0.1, ..tiny() });
        let cases: [((i64, i64), (u32, u32)); 6] = [
            ((64, 48), (640, 480)),
            ((64, 48), (1333, 1000)),
            ((21, 64), (170, 517)),
            ((64, 64), (64, 64)),
            ((64, 1), (900, 3)),
            ((64, 40), (33, 20)),
        ];
        let low_res =
            [logits(32, 0.0), logits(32, 1.3), logits(32, 0.0) * 0.0 - 1.0, logits(32, 0.0) * 0.0 + 1.0];
        for (resized, original) in cases {
            for (number, low_res) in low_res.iter().enumerate() {
                let expected = whole(&sam, low_res, resized, original);
                for at_once in [1, 1000, 4096, PIXELS_AT_ONCE] {
                    let found = sam.paint(low_res, resized, original, at_once).unwrap();
                    assert!(
                        found == expected,
                        "mask {number} of {original:?} from {resized:?}, {at_once} at once"
                    );
                }
            }
        }
    }
}
