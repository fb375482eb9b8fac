//! Shapes of all parameters of a SAM, from its dimensions alone.

use super::SamConfig;
use crate::networks::blocks::promptable::MASK_TOKENS;

/// The name and shape of every tensor of the published layout, the two copies of the random frequencies included.
#[must_use]
pub fn shapes(config: &SamConfig) -> Vec<(String, Vec<i64>)> {
    let mut all = Shapes(Vec::new());
    image_encoder(&mut all, config);
    prompt_encoder(&mut all, config);
    mask_decoder(&mut all, config);
    all.0
}

struct Shapes(Vec<(String, Vec<i64>)>);

impl Shapes {
    fn add(&mut self, name: impl Into<String>, shape: &[i64]) {
        self.0.push((name.into(), shape.to_vec()));
    }

    fn linear(&mut self, name: &str, inputs: i64, outputs: i64) {
        self.convolution(name, &[outputs, inputs], outputs);
    }

    fn convolution(&mut self, name: &str, weight: &[i64], outputs: i64) {
        self.add(format!("{name}.weight"), weight);
        self.add(format!("{name}.bias"), &[outputs]);
    }

    fn norm(&mut self, name: &str, width: i64) {
        self.convolution(name, &[width], width);
    }
}

fn image_encoder(all: &mut Shapes, config: &SamConfig) {
    let (hidden, channels, grid, patch) =
        (config.hidden, config.output_channels, config.grid(), config.patch_size);
    let head = hidden / config.heads;
    all.add("vision_encoder.pos_embed", &[1, grid, grid, hidden]);
    all.convolution("vision_encoder.patch_embed.projection", &[hidden, 3, patch, patch], hidden);
    for index in 0..config.layers {
        let layer = format!("vision_encoder.layers.{index}");
        let distances = 2 * config.attended_side(index) - 1;
        all.norm(&format!("{layer}.layer_norm1"), hidden);
        all.linear(&format!("{layer}.attn.qkv"), hidden, 3 * hidden);
        all.linear(&format!("{layer}.attn.proj"), hidden, hidden);
        all.add(format!("{layer}.attn.rel_pos_h"), &[distances, head]);
        all.add(format!("{layer}.attn.rel_pos_w"), &[distances, head]);
        all.norm(&format!("{layer}.layer_norm2"), hidden);
        all.linear(&format!("{layer}.mlp.lin1"), hidden, config.encoder_mlp());
        all.linear(&format!("{layer}.mlp.lin2"), config.encoder_mlp(), hidden);
    }
    all.add("vision_encoder.neck.conv1.weight", &[channels, hidden, 1, 1]);
    all.norm("vision_encoder.neck.layer_norm1", channels);
    all.add("vision_encoder.neck.conv2.weight", &[channels, channels, 3, 3]);
    all.norm("vision_encoder.neck.layer_norm2", channels);
}

fn prompt_encoder(all: &mut Shapes, config: &SamConfig) {
    let channels = config.output_channels;
    all.add("shared_image_embedding.positional_embedding", &[2, channels / 2]);
    all.add("prompt_encoder.shared_embedding.positional_embedding", &[2, channels / 2]);
    for kind in 0..4 {
        all.add(format!("prompt_encoder.point_embed.{kind}.weight"), &[1, channels]);
    }
    all.add("prompt_encoder.not_a_point_embed.weight", &[1, channels]);
    all.add("prompt_encoder.no_mask_embed.weight", &[1, channels]);
    all.convolution("prompt_encoder.mask_embed.conv1", &[4, 1, 2, 2], 4);
    all.norm("prompt_encoder.mask_embed.layer_norm1", 4);
    all.convolution("prompt_encoder.mask_embed.conv2", &[16, 4, 2, 2], 16);
    all.norm("prompt_encoder.mask_embed.layer_norm2", 16);
    all.convolution("prompt_encoder.mask_embed.conv3", &[channels, 16, 1, 1], channels);
}

fn mask_decoder(all: &mut Shapes, config: &SamConfig) {
    let width = config.output_channels;
    let masks = MASK_TOKENS;
    all.add("mask_decoder.iou_token.weight", &[1, width]);
    all.add("mask_decoder.mask_tokens.weight", &[masks, width]);
    for index in 0..config.decoder_layers {
        let layer = format!("mask_decoder.transformer.layers.{index}");
        attention(all, &format!("{layer}.self_attn"), width, width);
        attention(all, &format!("{layer}.cross_attn_token_to_image"), width, width / 2);
        attention(all, &format!("{layer}.cross_attn_image_to_token"), width, width / 2);
        for norm in 1..=4 {
            all.norm(&format!("{layer}.layer_norm{norm}"), width);
        }
        all.linear(&format!("{layer}.mlp.lin1"), width, config.decoder_mlp);
        all.linear(&format!("{layer}.mlp.lin2"), config.decoder_mlp, width);
    }
    attention(all, "mask_decoder.transformer.final_attn_token_to_image", width, width / 2);
    all.norm("mask_decoder.transformer.layer_norm_final_attn", width);
    all.convolution("mask_decoder.upscale_conv1", &[width, width / 4, 2, 2], width / 4);
    all.convolution("mask_decoder.upscale_conv2", &[width / 4, width / 8, 2, 2], width / 8);
    all.norm("mask_decoder.upscale_layer_norm", width / 4);
    for mask in 0..masks {
        head(all, &format!("mask_decoder.output_hypernetworks_mlps.{mask}"), width, width / 8);
    }
    head(all, "mask_decoder.iou_prediction_head", width, masks);
}

fn attention(all: &mut Shapes, name: &str, width: i64, inner: i64) {
    for projection in ["q_proj", "k_proj", "v_proj"] {
        all.linear(&format!("{name}.{projection}"), width, inner);
    }
    all.linear(&format!("{name}.out_proj"), inner, width);
}

fn head(all: &mut Shapes, name: &str, width: i64, outputs: i64) {
    all.linear(&format!("{name}.proj_in"), width, width);
    all.linear(&format!("{name}.layers.0"), width, width);
    all.linear(&format!("{name}.proj_out"), width, outputs);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_networks_have_their_published_sizes() {
        let cases = [
            ("ViT-B", SamConfig::vit_b(), 93.7),
            ("ViT-L", SamConfig::vit_l(), 312.3),
            ("ViT-H", SamConfig::vit_h(), 641.1),
        ];
        for (name, config, millions) in cases {
            let total: i64 = shapes(&config).iter().map(|(_, shape)| shape.iter().product::<i64>()).sum();
            let rounded = (total as f64 / 1e5).round() / 10.0;
            assert!((rounded - millions).abs() < 1e-9, "{name} has {total} parameters");
        }
    }
}
