//! Feature pyramid of SAM 2: three levels of the encoder's stages, the coarse one for the decoder's cells, the finer two for
//! the outlines of masks.

use tch::nn;
use tch::{Kind, Tensor};

use super::config::{STAGES, Sam2Config};
use crate::networks::blocks::promptable::layers::patches;

/// What is kept of a picture, cells row by row in the last but one dimensions.
#[derive(Debug)]
pub struct Encoded {
    /// `[B, S/4, S/4, C/8]`.
    pub fine: Tensor,
    /// `[B, S/8, S/8, C/4]`.
    pub middle: Tensor,
    /// `[B, S/16, S/16, C]`.
    pub coarse: Tensor,
}

/// The pyramid, under `vision_encoder.neck`, and its projections for the mask decoder, under `mask_decoder`.
#[derive(Debug)]
pub(super) struct Neck {
    /// From each stage to the decoder's width, the last stage first.
    convs: Vec<nn::Conv2D>,
    conv_s0: nn::Conv2D,
    conv_s1: nn::Conv2D,
    /// Weight and bias of the layers that do both steps for the fine and the middle level, once frozen.
    folded: Option<[(Tensor, Tensor); 2]>,
}

impl Neck {
    pub(super) fn new(vs: &nn::Path, config: &Sam2Config) -> Self {
        let width = config.output_channels;
        let (neck, decoder) = (vs / "vision_encoder" / "neck", vs / "mask_decoder");
        let convs = config.widths.iter().rev().enumerate();
        Self {
            convs: convs
                .map(|(index, &from)| patches(&(&neck / "convs" / index as i64), from, width, 1))
                .collect(),
            conv_s0: patches(&(&decoder / "conv_s0"), width, width / 8, 1),
            conv_s1: patches(&(&decoder / "conv_s1"), width, width / 4, 1),
            folded: None,
        }
    }

    /// What the stages said, `[B, grid, grid, D]` each, to the levels that the decoder reads.
    pub(super) fn forward(&self, stages: &[Tensor]) -> Encoded {
        let level = |stage: usize| self.lateral(stage, &stages[stage]);
        let below = level(STAGES - 1);
        // Nearest neighbours: each cell of the last stage becomes four.
        let below = below.repeat_interleave_self_int(2, 1, None).repeat_interleave_self_int(2, 2, None);
        let (fine, middle) = match &self.folded {
            Some([fine, middle]) => {
                (stages[0].linear(&fine.0, Some(&fine.1)), stages[1].linear(&middle.0, Some(&middle.1)))
            }
            None => (pointwise(&level(0), &self.conv_s0), pointwise(&level(1), &self.conv_s1)),
        };
        Encoded { fine, middle, coarse: level(STAGES - 2) + below }
    }

    /// Folds the two layers of the fine level into one, and those of the middle level: between them is no non-linearity,
    /// and what lies between them is the largest tensor of the encoder.
    pub(super) fn freeze(&mut self) {
        let _guard = tch::no_grad_guard();
        let fold = |stage: usize, after: &nn::Conv2D| {
            let before = &self.convs[STAGES - 1 - stage];
            let float = |tensor: &Tensor| tensor.to_kind(Kind::Float);
            let bias = |conv: &nn::Conv2D| conv.bs.as_ref().map(float);
            let (weight, outer) = (float(&before.ws).flatten(1, 3), float(&after.ws).flatten(1, 3));
            let inner_bias = bias(before).map(|bias| outer.matmul(&bias));
            let shift = match (inner_bias, bias(after)) {
                (Some(inner), Some(own)) => inner + own,
                (inner, own) => inner
                    .or(own)
                    .unwrap_or_else(|| Tensor::zeros(outer.size()[0], (Kind::Float, outer.device()))),
            };
            let kind = before.ws.kind();
            (outer.matmul(&weight).to_kind(kind), shift.to_kind(kind))
        };
        self.folded = Some([fold(0, &self.conv_s0), fold(1, &self.conv_s1)]);
    }

    fn lateral(&self, stage: usize, features: &Tensor) -> Tensor {
        pointwise(features, &self.convs[STAGES - 1 - stage])
    }
}

/// A convolution of one cell: a fully connected layer over `[.., D]`.
fn pointwise(features: &Tensor, conv: &nn::Conv2D) -> Tensor {
    features.linear(&conv.ws.flatten(1, 3), conv.bs.as_ref())
}
