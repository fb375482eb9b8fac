//! Masks at the original picture's size, computed strip by strip, as the places where they begin and end.
//!
//! A bilinear interpolation is taken across first and then down: the same products and sums as in one step, in the same
//! order, bit by bit. Down can be taken a few columns at a time, in the order in which run lengths walk, and of every
//! strip only the places where inside and outside change leave the device.

use tch::{Kind, TchError, Tensor};

use crate::domain::{Mask, RunLengthBuilder};

/// Where a walk down the columns of a picture changes between inside and outside of a mask: what is read back from the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toggles {
    /// Pixels, counted down the columns.
    places: Vec<u32>,
    /// Of the picture, `(width, height)`.
    size: (u32, u32),
}

impl Toggles {
    /// The mask.
    #[must_use]
    pub fn mask(&self) -> Mask {
        let mut runs = RunLengthBuilder::default();
        self.places.iter().for_each(|&place| runs.toggle_at(u64::from(place)));
        runs.finish(self.size.0, self.size.1)
    }
}

/// Pixels of the original picture whose logits exist at one time: 8 MB of them and 6 MB of comparisons, whatever the
/// size of the picture. What is taken across is smaller than the picture too: as many columns, but no more rows than
/// the logits have, 29 MB for 50 megapixels at 1,024.
pub const PIXELS_AT_ONCE: i64 = 1 << 21;

/// Where one mask begins and ends. Its pixels are those whose logits `[1, 1, h, w]`, interpolated to the size of the original
/// picture, `(width, height)`, exceed a threshold. `at_once` bounds the pixels of the original that are held at one time, to a column at
/// least.
///
/// # Errors
/// As libtorch's.
pub fn paint(
    logits: &Tensor,
    original: (u32, u32),
    threshold: f64,
    at_once: i64,
) -> Result<Toggles, TchError> {
    let (width, height) = (i64::from(original.0), i64::from(original.1));
    let across = logits.f_upsample_bilinear2d([logits.size()[2], width], false, None, None)?;
    let strip = (at_once / height).max(1);

    let mut places = Vec::new();
    // What the walk down the columns came from: outside, in front of the first pixel.
    let mut before = Tensor::f_zeros([1], (Kind::Bool, logits.device()))?;
    for first in (0..width).step_by(strip as usize) {
        let columns = strip.min(width - first);
        // Columns become rows, so that a strip is read in the order of the walk without a copy of all its pixels.
        let columns_first = across.f_narrow(3, first, columns)?.f_transpose(2, 3)?.f_contiguous()?;
        let logits = columns_first.f_upsample_bilinear2d([columns, height], false, None, None)?;
        let inside = logits.f_gt(threshold)?.f_flatten(0, -1)?;
        let pixels = columns * height;
        let walked = Tensor::f_cat(&[&before, &inside], 0)?;
        let changed = walked.f_narrow(0, 0, pixels)?.f_ne_tensor(&walked.f_narrow(0, 1, pixels)?)?;
        let changed = Vec::<i64>::try_from(&changed.f_nonzero()?.f_flatten(0, -1)?)?;
        // No picture has 2^32 pixels.
        places.extend(changed.into_iter().map(|place| (first * height + place) as u32));
        // A copy, which does not keep the strip's memory.
        before = walked.f_narrow(0, pixels, 1)?.f_detach_copy()?;
    }
    Ok(Toggles { places, size: original })
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// Waves of several lengths, nowhere near their threshold for long.
    fn logits((width, height): (i64, i64), phase: f64) -> Tensor {
        let steps = Tensor::arange(width * height, (Kind::Float, Device::Cpu)).view([1, 1, height, width]);
        (&steps * 0.37 + phase).sin() + (steps * 0.011).cos() * 2.0
    }

    /// The whole picture at once, as the published code takes it, and a byte for every pixel.
    fn whole(logits: &Tensor, original: (u32, u32), threshold: f64) -> Mask {
        let size = [i64::from(original.1), i64::from(original.0)];
        let inside = logits.upsample_bilinear2d(size, false, None, None).gt(threshold);
        let bytes = Vec::<u8>::try_from(inside.to_kind(Kind::Uint8).flatten(0, -1)).unwrap();
        Mask::from_pixels(&bytes, original.0, original.1)
    }

    #[test]
    fn strips_of_any_width_hold_the_pixels_of_the_whole_picture() {
        let cases: [((i64, i64), (u32, u32)); 7] = [
            ((64, 48), (640, 480)),
            ((64, 48), (1333, 1000)),
            ((21, 64), (170, 517)),
            ((64, 64), (64, 64)),
            ((32, 32), (500, 90)),
            ((64, 1), (900, 3)),
            ((64, 40), (33, 20)),
        ];
        for (size, original) in cases {
            let waves = logits(size, 0.0);
            let kinds = [logits(size, 1.3), &waves * 0.0 - 1.0, &waves * 0.0 + 1.0, waves.shallow_clone()];
            for (number, logits) in kinds.iter().enumerate() {
                let expected = whole(logits, original, 0.1);
                for at_once in [1, 1000, 4096, PIXELS_AT_ONCE] {
                    let found = paint(logits, original, 0.1, at_once).unwrap().mask();
                    assert!(
                        found == expected,
                        "mask {number} of {original:?} from {size:?}, {at_once} at once"
                    );
                }
            }
        }
    }
}
