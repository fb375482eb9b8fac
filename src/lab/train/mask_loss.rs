//! Loss of masks: focal and dice of their pixels, and the squared error of the predicted IoU.
//!
//! It is that of the paper (Kirillov et al., "Segment Anything", 2023, appendix A): focal and dice in the ratio 20 : 1. The
//! focusing exponent is 2, and inside and outside weigh the same. It is taken at the resolution of the picture that the
//! encoder reads, to which logits are interpolated: the engine makes its masks of these, and at the quarter of it that the
//! decoder gives, thin parts of a mask are lost.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, no_grad};

/// What each part of the loss weighs.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MaskWeights {
    /// Of the focal loss.
    pub focal: f64,
    /// Of the dice loss.
    pub dice: f64,
    /// Of the squared error of the predicted IoU.
    pub iou: f64,
}

/// The weights of the paper.
pub(super) const PAPER: MaskWeights = MaskWeights { focal: 20.0, dice: 1.0, iou: 1.0 };

/// What is wrong with masks, one number a mask.
pub(super) struct MaskLosses {
    focal: Tensor,
    dice: Tensor,
    /// Of the predicted IoU.
    error: Tensor,
    /// The IoU of each mask with the truth.
    pub(super) ious: Tensor,
}

impl MaskLosses {
    /// Of logits `[N, S, S]`, of the truth `[N, S, S]`, 0 or 1, and of the predicted IoUs `[N]`. A pixel is inside when its
    /// logit is greater than `threshold`.
    #[must_use]
    pub(super) fn of(logits: &Tensor, truth: &Tensor, predicted: &Tensor, threshold: f64) -> Self {
        let none: Option<Tensor> = None;
        let probability: Tensor = logits.sigmoid();
        let entropy = logits.binary_cross_entropy_with_logits(
            truth,
            none.as_ref(),
            none.as_ref(),
            tch::Reduction::None,
        );
        let missed: Tensor = (truth - &probability).abs();
        let focal: Tensor = (entropy * missed.square()).mean_dim([1, 2].as_slice(), false, Kind::Float);
        let sum =
            |tensor: &Tensor| -> Tensor { tensor.sum_dim_intlist([1, 2].as_slice(), false, Kind::Float) };
        let dice: Tensor =
            1.0 - (sum(&(&probability * truth)) * 2.0 + 1.0) / (sum(&probability) + sum(truth) + 1.0);
        let ious = no_grad(|| {
            let inside = logits.gt(threshold).to_kind(Kind::Float);
            let both = sum(&(&inside * truth));
            &both / (sum(&inside) + sum(truth) - &both).clamp_min(1.0)
        });
        let error = (predicted - &ious).square();
        Self { focal, dice, error, ious }
    }

    /// The loss of each mask.
    pub(super) fn weighed(&self, weights: &MaskWeights) -> Tensor {
        &self.focal * weights.focal + &self.dice * weights.dice + &self.error * weights.iou
    }
}

/// A mask, one byte a pixel, resized with its picture (nearest pixel), in the top left corner of a square of `side`.
#[must_use]
pub(super) fn truth(inside: &[u8], from: (u32, u32), resized: (u32, u32), side: u32) -> Vec<u8> {
    let mut out = vec![0; (side * side) as usize];
    for row in 0..resized.1 {
        let source_row = ((row as f32 + 0.5) * from.1 as f32 / resized.1 as f32) as u32;
        for column in 0..resized.0 {
            let source_column = ((column as f32 + 0.5) * from.0 as f32 / resized.0 as f32) as u32;
            let index = source_row.min(from.1 - 1) * from.0 + source_column.min(from.0 - 1);
            out[(row * side + column) as usize] = inside[index as usize];
        }
    }
    out
}
