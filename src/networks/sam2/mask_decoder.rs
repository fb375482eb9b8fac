//! Mask decoder of SAM 2: a mask for each mask token, with its predicted IoU, and whether there is an object.

use tch::Tensor;
use tch::nn;

use super::config::{EPSILON, Sam2Config};
use super::neck::Encoded;
use crate::networks::blocks::promptable::MASK_TOKENS;
use crate::networks::blocks::promptable::layers::{Head, doubling, embedding, layer_norm};
use crate::networks::blocks::promptable::two_way::{TwoWay, TwoWayTransformer};

/// What norms of the two-way transformer add to the variance.
const TWO_WAY_EPSILON: f64 = 1e-5;

/// The mask decoder, under `mask_decoder`.
#[derive(Debug)]
pub(super) struct MaskDecoder {
    obj_score_token: Tensor,
    iou_token: Tensor,
    mask_tokens: Tensor,
    transformer: TwoWayTransformer,
    upscale_conv1: nn::ConvTranspose2D,
    upscale_conv2: nn::ConvTranspose2D,
    upscale_layer_norm: nn::LayerNorm,
    output_hypernetworks_mlps: Vec<Head>,
    iou_prediction_head: Head,
    pred_obj_score_head: Head,
}

/// What the decoder says of each box.
#[derive(Debug)]
pub struct Decoded {
    /// Logits of the masks, `[N, M, S/4, S/4]`.
    pub masks: Tensor,
    /// Their predicted IoUs, `[N, M]`.
    pub ious: Tensor,
    /// The logit of there being an object, `[N, 1]`; for pictures, neither the authors nor `transformers` use it.
    pub object: Tensor,
}

impl MaskDecoder {
    pub(super) fn new(vs: &nn::Path, config: &Sam2Config) -> Self {
        let width = config.output_channels;
        let two_way = TwoWay {
            layers: config.decoder_layers,
            width,
            heads: config.decoder_heads,
            inner: config.decoder_mlp,
            epsilon: TWO_WAY_EPSILON,
            output: "o_proj",
            mlp: ["proj_in", "proj_out"],
        };
        Self {
            obj_score_token: embedding(&(vs / "obj_score_token"), 1, width),
            iou_token: embedding(&(vs / "iou_token"), 1, width),
            mask_tokens: embedding(&(vs / "mask_tokens"), MASK_TOKENS, width),
            transformer: TwoWayTransformer::new(&(vs / "transformer"), &two_way),
            upscale_conv1: doubling(&(vs / "upscale_conv1"), width, width / 4),
            upscale_conv2: doubling(&(vs / "upscale_conv2"), width / 4, width / 8),
            upscale_layer_norm: layer_norm(&(vs / "upscale_layer_norm"), width / 4, EPSILON),
            output_hypernetworks_mlps: (0..MASK_TOKENS)
                .map(|index| Head::new(&(vs / "output_hypernetworks_mlps" / index), width, width / 8))
                .collect(),
            iou_prediction_head: Head::new(&(vs / "iou_prediction_head"), width, MASK_TOKENS),
            pred_obj_score_head: Head::new(&(vs / "pred_obj_score_head"), width, 1),
        }
    }

    /// The encoding of each box's picture, its cells' places `[1, hw, C]` and prompts `[N, P, C]` to all four masks of each
    /// box.
    pub(super) fn forward(&self, encoded: &Encoded, places: &Tensor, prompts: &Tensor) -> Decoded {
        let (rows, grid) = (prompts.size()[0], encoded.coarse.size()[1]);
        let own = Tensor::cat(&[&self.obj_score_token, &self.iou_token, &self.mask_tokens], 0);
        let tokens = Tensor::cat(&[&own.unsqueeze(0).expand([rows, -1, -1], false), prompts], 1);
        let cells = encoded.coarse.flatten(1, 2);
        let (tokens, cells) = self.transformer.forward(&tokens, &cells, places);

        let fine = doubled(&cells.view([rows, grid, grid, -1]), &self.upscale_conv1) + &encoded.middle;
        let fine = fine.apply(&self.upscale_layer_norm).gelu("none");
        let fine = (doubled(&fine, &self.upscale_conv2) + &encoded.fine).gelu("none");

        let directions: Vec<Tensor> = self
            .output_hypernetworks_mlps
            .iter()
            .zip(2..)
            .map(|(head, token)| head.forward(&tokens.select(1, token)))
            .collect();
        let masks = Tensor::stack(&directions, 1).matmul(&fine.flatten(1, 2).transpose(1, 2));
        Decoded {
            masks: masks.view([rows, MASK_TOKENS, 4 * grid, 4 * grid]),
            ious: self.iou_prediction_head.forward(&tokens.select(1, 1)).sigmoid(),
            object: self.pred_obj_score_head.forward(&tokens.select(1, 0)),
        }
    }
}

/// A transposed convolution of `[N, side, side, D]` that doubles both sides: a fully connected layer to the four cells that
/// each cell becomes, which are then put in their places.
fn doubled(features: &Tensor, conv: &nn::ConvTranspose2D) -> Tensor {
    let (rows, side, _, width) =
        features.size4().unwrap_or_else(|_| unreachable!("features have four dimensions"));
    let weight = conv.ws.permute([2, 3, 1, 0]).reshape([-1, width]);
    let bias = conv.bs.as_ref().map(|bias| bias.repeat([4]));
    features
        .linear(&weight, bias.as_ref())
        .view([rows, side, side, 2, 2, -1])
        .permute([0, 1, 3, 2, 4, 5])
        .reshape([rows, 2 * side, 2 * side, -1])
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn doubling_is_a_transposed_convolution() {
        let vs = nn::VarStore::new(Device::Cpu);
        let conv = doubling(&vs.root(), 6, 4);
        let features = Tensor::randn([2, 3, 3, 6], (Kind::Float, Device::Cpu));
        let expected = features.permute([0, 3, 1, 2]).apply(&conv).permute([0, 2, 3, 1]);
        assert!(doubled(&features, &conv).allclose(&expected, 1e-5, 1e-6, false));
    }
}
