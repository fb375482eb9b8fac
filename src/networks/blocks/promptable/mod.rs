//! Promptable segmentation: the parts that SAM and SAM 2 have in common.
//!
//! Both encode a picture once and decode a box in a moment, with the same two-way transformer between prompt and picture.

pub(in crate::networks) mod layers;
mod paint;
pub(in crate::networks) mod prompts;
mod serve;
pub(in crate::networks) mod two_way;
pub(in crate::networks) mod windows;

use tch::{Kind, Tensor};

pub use paint::{PIXELS_AT_ONCE, Toggles, paint};
pub use serve::{BoxSegmenter, Painted, Promptable, Sees};

/// Mean of the training pictures' channels, 0 to 255.
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
/// Their standard deviation.
const DEVIATION: [f32; 3] = [58.395, 57.12, 57.375];

/// Mask tokens beside the one for unambiguous prompts: whole, part and subpart in the published networks.
pub const MULTIMASK_OUTPUTS: i64 = 3;
/// Mask tokens: one for unambiguous prompts, the others for ambiguous ones.
pub(in crate::networks) const MASK_TOKENS: i64 = MULTIMASK_OUTPUTS + 1;

/// Bytes of pictures `[.., 3]` in 0 to 255, normalised as the training pictures were. On the device of the bytes.
pub(in crate::networks) fn normalised(rgb: &Tensor) -> Tensor {
    let channel = |values: &[f32; 3]| Tensor::from_slice(values).to_device(rgb.device());
    (rgb.to_kind(Kind::Float) - channel(&MEAN)) / channel(&DEVIATION)
}

/// Of each prompt's masks `[N, M, h, w]` the one with the best predicted IoU `[N, M]`, the first on a tie: `[N, 1, h, w]`
/// and `[N, 1]`.
pub(in crate::networks) fn best(masks: &Tensor, ious: &Tensor) -> (Tensor, Tensor) {
    if ious.size()[1] == 1 {
        return (masks.shallow_clone(), ious.shallow_clone());
    }
    chosen(masks, ious, &ious.argmax(1, true))
}

/// Of each prompt's masks `[N, M, h, w]` and IoUs `[N, M]` those of one number `[N, 1]`.
pub(in crate::networks) fn chosen(masks: &Tensor, ious: &Tensor, number: &Tensor) -> (Tensor, Tensor) {
    let (height, width) = (masks.size()[2], masks.size()[3]);
    let everywhere = number.view([-1, 1, 1, 1]).expand([-1, 1, height, width], false);
    (masks.gather(1, &everywhere, false), ious.gather(1, number, false))
}
