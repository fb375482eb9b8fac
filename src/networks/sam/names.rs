//! SAM's published tensor names: the authors' are translated; Hugging Face's are those here.

use crate::networks::checkpoint::{Family, Renamed};

/// A SAM, as its authors save it.
pub static SAM_ORIGINAL: Family = Family {
    name: "the original SAM",
    signs: &["image_encoder.patch_embed.proj.weight"],
    rename: original,
    copies: &COPIES,
    head: None,
};

/// A SAM, as Hugging Face saves it.
pub static SAM: Family = Family {
    name: "Hugging Face's SAM",
    signs: &["vision_encoder.patch_embed.projection.weight"],
    rename: Renamed::kept,
    copies: &COPIES,
    head: None,
};

const RULES: [(&str, &str); 31] = [
    ("image_encoder.pos_embed", "vision_encoder.pos_embed"),
    ("image_encoder.patch_embed.proj.*", "vision_encoder.patch_embed.projection.*"),
    ("image_encoder.blocks.#.norm1.*", "vision_encoder.layers.#.layer_norm1.*"),
    ("image_encoder.blocks.#.norm2.*", "vision_encoder.layers.#.layer_norm2.*"),
    ("image_encoder.blocks.#.attn.*", "vision_encoder.layers.#.attn.*"),
    ("image_encoder.blocks.#.mlp.*", "vision_encoder.layers.#.mlp.*"),
    // Convolutions and norms by turns.
    ("image_encoder.neck.0.*", "vision_encoder.neck.conv1.*"),
    ("image_encoder.neck.1.*", "vision_encoder.neck.layer_norm1.*"),
    ("image_encoder.neck.2.*", "vision_encoder.neck.conv2.*"),
    ("image_encoder.neck.3.*", "vision_encoder.neck.layer_norm2.*"),
    (
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
        "prompt_encoder.shared_embedding.positional_embedding",
    ),
    ("prompt_encoder.point_embeddings.#.*", "prompt_encoder.point_embed.#.*"),
    // 2 and 5 are activations.
    ("prompt_encoder.mask_downscaling.0.*", "prompt_encoder.mask_embed.conv1.*"),
    ("prompt_encoder.mask_downscaling.1.*", "prompt_encoder.mask_embed.layer_norm1.*"),
    ("prompt_encoder.mask_downscaling.3.*", "prompt_encoder.mask_embed.conv2.*"),
    ("prompt_encoder.mask_downscaling.4.*", "prompt_encoder.mask_embed.layer_norm2.*"),
    ("prompt_encoder.mask_downscaling.6.*", "prompt_encoder.mask_embed.conv3.*"),
    ("mask_decoder.transformer.layers.#.norm1.*", "mask_decoder.transformer.layers.#.layer_norm1.*"),
    ("mask_decoder.transformer.layers.#.norm2.*", "mask_decoder.transformer.layers.#.layer_norm2.*"),
    ("mask_decoder.transformer.layers.#.norm3.*", "mask_decoder.transformer.layers.#.layer_norm3.*"),
    ("mask_decoder.transformer.layers.#.norm4.*", "mask_decoder.transformer.layers.#.layer_norm4.*"),
    ("mask_decoder.transformer.norm_final_attn.*", "mask_decoder.transformer.layer_norm_final_attn.*"),
    ("mask_decoder.output_upscaling.0.*", "mask_decoder.upscale_conv1.*"),
    ("mask_decoder.output_upscaling.1.*", "mask_decoder.upscale_layer_norm.*"),
    ("mask_decoder.output_upscaling.3.*", "mask_decoder.upscale_conv2.*"),
    // Heads have three layers, of which only the one in the middle is counted here.
    (
        "mask_decoder.output_hypernetworks_mlps.#.layers.0.*",
        "mask_decoder.output_hypernetworks_mlps.#.proj_in.*",
    ),
    (
        "mask_decoder.output_hypernetworks_mlps.#.layers.1.*",
        "mask_decoder.output_hypernetworks_mlps.#.layers.0.*",
    ),
    (
        "mask_decoder.output_hypernetworks_mlps.#.layers.2.*",
        "mask_decoder.output_hypernetworks_mlps.#.proj_out.*",
    ),
    ("mask_decoder.iou_prediction_head.layers.0.*", "mask_decoder.iou_prediction_head.proj_in.*"),
    ("mask_decoder.iou_prediction_head.layers.1.*", "mask_decoder.iou_prediction_head.layers.0.*"),
    ("mask_decoder.iou_prediction_head.layers.2.*", "mask_decoder.iou_prediction_head.proj_out.*"),
];

/// The random frequencies of positions, which prompts and pictures share. The authors save them once; of the same tensor
/// under two names safetensors keeps one.
const COPIES: [(&str, &str); 2] = [
    ("prompt_encoder.shared_embedding.positional_embedding", "shared_image_embedding.positional_embedding"),
    ("shared_image_embedding.positional_embedding", "prompt_encoder.shared_embedding.positional_embedding"),
];

fn original(name: &str) -> Renamed {
    // Training adds the statistics of its pictures.
    if matches!(name, "pixel_mean" | "pixel_std") {
        return Renamed::Drop("is the same in every SAM");
    }
    Renamed::by(&RULES, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tensor_of_the_published_sams_gets_a_name_that_the_network_has() {
        let config = crate::networks::sam::SamConfig::vit_b();
        let ours: std::collections::BTreeSet<String> =
            crate::networks::sam::shapes(&config).into_iter().map(|(name, _)| name).collect();
        // Each rule once, with numbers that exist.
        for (published, expected) in [
            ("image_encoder.blocks.11.norm2.weight", "vision_encoder.layers.11.layer_norm2.weight"),
            ("image_encoder.blocks.0.attn.rel_pos_h", "vision_encoder.layers.0.attn.rel_pos_h"),
            ("image_encoder.neck.0.weight", "vision_encoder.neck.conv1.weight"),
            ("image_encoder.neck.3.bias", "vision_encoder.neck.layer_norm2.bias"),
            ("prompt_encoder.point_embeddings.3.weight", "prompt_encoder.point_embed.3.weight"),
            ("prompt_encoder.no_mask_embed.weight", "prompt_encoder.no_mask_embed.weight"),
            ("prompt_encoder.mask_downscaling.6.bias", "prompt_encoder.mask_embed.conv3.bias"),
            ("mask_decoder.iou_token.weight", "mask_decoder.iou_token.weight"),
            (
                "mask_decoder.transformer.layers.1.cross_attn_image_to_token.out_proj.weight",
                "mask_decoder.transformer.layers.1.cross_attn_image_to_token.out_proj.weight",
            ),
            (
                "mask_decoder.transformer.layers.0.norm4.bias",
                "mask_decoder.transformer.layers.0.layer_norm4.bias",
            ),
            (
                "mask_decoder.transformer.norm_final_attn.bias",
                "mask_decoder.transformer.layer_norm_final_attn.bias",
            ),
            ("mask_decoder.output_upscaling.3.weight", "mask_decoder.upscale_conv2.weight"),
            (
                "mask_decoder.output_hypernetworks_mlps.2.layers.1.weight",
                "mask_decoder.output_hypernetworks_mlps.2.layers.0.weight",
            ),
            (
                "mask_decoder.iou_prediction_head.layers.2.bias",
                "mask_decoder.iou_prediction_head.proj_out.bias",
            ),
        ] {
            assert_eq!(SAM_ORIGINAL.rename(published), Renamed::Keep(expected.to_owned()));
            assert!(ours.contains(expected), "{expected}");
        }
    }
}
