//! Mask decoder of SAM: a mask for each mask token, with its predicted IoU.

use tch::Tensor;
use tch::nn;

use super::config::{EPSILON, SamConfig};
use crate::networks::blocks::promptable::MASK_TOKENS;
use crate::networks::blocks::promptable::layers::{Head, doubling, embedding, layer_norm, over_channels};
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

    /// Encodings `[N, C, h, w]`, their cells' places `[1, hw, C]` and prompts `[N, P, C]` to the logits of all masks
    /// `[N, 4, 4h, 4w]` and their predicted IoUs `[N, 4]`.
    pub(super) fn forward(&self, encodings: &Tensor, places: &Tensor, prompts: &Tensor) -> (Tensor, Tensor) {
        let size = encodings.size();
        let (rows, height, width) = (size[0], size[2], size[3]);
        let own =
            Tensor::cat(&[&self.iou_token, &self.mask_tokens], 0).unsqueeze(0).expand([rows, -1, -1], false);
        let tokens = Tensor::cat(&[&own, prompts], 1);
        let cells = encodings.flatten(2, 3).transpose(1, 2);
        let (tokens, cells) = self.transformer.forward(&tokens, &cells, places);

        let cells = cells.transpose(1, 2).reshape([rows, -1, height, width]);
        let fine = over_channels(&self.upscale_layer_norm, &cells.apply(&self.upscale_conv1)).gelu("none");
        let fine = fine.apply(&self.upscale_conv2).gelu("none");

        let directions: Vec<Tensor> = self
            .output_hypernetworks_mlps
            .iter()
            .zip(1..)
            .map(|(head, token)| head.forward(&tokens.select(1, token)))
            .collect();
        let masks = Tensor::stack(&directions, 1).matmul(&fine.flatten(2, 3));
        let ious = self.iou_prediction_head.forward(&tokens.select(1, 0));
        (masks.view([rows, MASK_TOKENS, 4 * height, 4 * width]), ious)
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
