//! Mask decoder of SAM: a mask for each mask token, with its predicted IoU.

use std::ops::Range;

use tch::Tensor;
use tch::nn;

use super::config::{EPSILON, SamConfig};
use crate::networks::blocks::promptable::MASK_TOKENS;
use crate::networks::blocks::promptable::layers::{Head, doubling, embedding, layer_norm, quartered};
use crate::networks::blocks::promptable::two_way::{TwoWay, TwoWayTransformer};

/// The mask decoder, under `mask_decoder`.
#[derive(Debug)]
pub(super) struct MaskDecoder {
    iou_token: Tensor,
    mask_tokens: Tensor,
    transformer: TwoWayTransformer,
    upscale_conv1: nn::ConvTranspose2D,
    upscale_conv2: nn::ConvTranspose2D,
    upscale_layer_norm: nn::LayerNorm,
    output_hypernetworks_mlps: Vec<Head>,
    iou_prediction_head: Head,
}

impl MaskDecoder {
    pub(super) fn new(vs: &nn::Path, config: &SamConfig) -> Self {
        let width = config.output_channels;
        Self {
            iou_token: embedding(&(vs / "iou_token"), 1, width),
            mask_tokens: embedding(&(vs / "mask_tokens"), MASK_TOKENS, width),
            transformer: TwoWayTransformer::new(&(vs / "transformer"), &two_way(config)),
            upscale_conv1: doubling(&(vs / "upscale_conv1"), width, width / 4),
            upscale_conv2: doubling(&(vs / "upscale_conv2"), width / 4, width / 8),
            upscale_layer_norm: layer_norm(&(vs / "upscale_layer_norm"), width / 4, EPSILON),
            output_hypernetworks_mlps: (0..MASK_TOKENS)
                .map(|index| Head::new(&(vs / "output_hypernetworks_mlps" / index), width, width / 8))
                .collect(),
            iou_prediction_head: Head::new(&(vs / "iou_prediction_head"), width, MASK_TOKENS),
        }
    }

    /// Encodings `[N, C, h, w]`, their cells' places `[1, hw, C]` and prompts `[N, P, C]` to the logits of the masks that are
    /// wanted of the four, `[N, M, 4h, 4w]`, and their predicted IoUs `[N, M]`.
    pub(super) fn forward(
        &self,
        encodings: &Tensor,
        places: &Tensor,
        prompts: &Tensor,
        wanted: Range<i64>,
    ) -> (Tensor, Tensor) {
        let size = encodings.size();
        let (rows, height, width) = (size[0], size[2], size[3]);
        let own =
            Tensor::cat(&[&self.iou_token, &self.mask_tokens], 0).unsqueeze(0).expand([rows, -1, -1], false);
        let tokens = Tensor::cat(&[&own, prompts], 1);
        let cells = encodings.flatten(2, 3).transpose(1, 2);
        let (tokens, cells) = self.transformer.forward(&tokens, &cells, places);

        // Each cell becomes 2 x 2 finer ones, and each of those again: `[N, hw, 4, 4, C / 8]`.
        let fine = quartered(&self.upscale_conv1, &cells).apply(&self.upscale_layer_norm).gelu("none");
        let fine = quartered(&self.upscale_conv2, &fine).gelu("none");

        let count = wanted.end - wanted.start;
        let ious = self.iou_prediction_head.forward(&tokens.select(1, 0)).narrow(1, wanted.start, count);
        let heads = self.output_hypernetworks_mlps.iter().zip(0..).filter(|(_, mask)| wanted.contains(mask));
        let directions: Vec<Tensor> =
            heads.map(|(head, mask)| head.forward(&tokens.select(1, 1 + mask))).collect();
        let masks = Tensor::stack(&directions, 1).matmul(&fine.flatten(1, 3).transpose(1, 2));
        // From row, column and twice row and column within that, to rows and columns of the whole.
        let masks = masks.reshape([rows, count, height, width, 2, 2, 2, 2]).permute([0, 1, 2, 4, 6, 3, 5, 7]);
        (masks.reshape([rows, count, 4 * height, 4 * width]), ious)
    }
}

fn two_way(config: &SamConfig) -> TwoWay {
    TwoWay {
        layers: config.decoder_layers,
        width: config.output_channels,
        heads: config.decoder_heads,
        inner: config.decoder_mlp,
        epsilon: EPSILON,
        output: "out_proj",
        mlp: ["lin1", "lin2"],
    }
}
