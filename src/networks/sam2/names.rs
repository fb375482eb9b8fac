//! SAM 2's published tensor names: the authors' are translated, Hugging Face's are those here; the memory of videos, which
//! both kinds of files hold, is left out.

use crate::networks::checkpoint::{Family, Renamed, reason};

/// A SAM 2, as its authors save it.
pub static SAM2_ORIGINAL: Family = Family {
    name: "the original SAM 2",
    signs: &["image_encoder.trunk.patch_embed.proj.weight"],
    rename: original,
    copies: &COPIES,
    head: None,
};

/// A SAM 2, as Hugging Face saves it.
pub static SAM2: Family = Family {
    name: "Hugging Face's SAM 2",
    signs: &["vision_encoder.backbone.patch_embed.projection.weight"],
    rename: ported,
    copies: &COPIES,
    head: None,
};

/// Why tensors of the memory are left out.
const MEMORY: &str = "belongs to the memory of videos, which pictures do not use";

const ORIGINAL_MEMORY: [(&str, &str); 9] = [
    ("memory_attention.*", MEMORY),
    ("memory_encoder.*", MEMORY),
    ("maskmem_tpos_enc", MEMORY),
    ("no_mem_pos_enc", MEMORY),
    ("no_obj_ptr", MEMORY),
    ("no_obj_embed_spatial", MEMORY),
    ("mask_downsample.*", MEMORY),
    ("obj_ptr_proj.*", MEMORY),
    ("obj_ptr_tpos_proj.*", MEMORY),
];

const PORTED_MEMORY: [(&str, &str); 9] = [
    ("memory_attention.*", MEMORY),
    ("memory_encoder.*", MEMORY),
    ("memory_temporal_positional_encoding", MEMORY),
    ("no_memory_positional_encoding", MEMORY),
    ("no_object_pointer", MEMORY),
    ("occlusion_spatial_embedding_parameter", MEMORY),
    ("mask_downsample.*", MEMORY),
    ("object_pointer_proj.*", MEMORY),
    ("temporal_positional_encoding_projection_layer.*", MEMORY),
];

/// The authors' tables of points, of which one is kept under this name, with the rows of all.
pub(super) const POINT_TABLE: &str = "prompt_encoder.point_embed.weight";
const FIRST_POINT: &str = "sam_prompt_encoder.point_embeddings.0.weight";

const RULES: [(&str, &str); 44] = [
    ("no_mem_embed", "no_memory_embedding"),
    ("image_encoder.trunk.pos_embed", "vision_encoder.backbone.pos_embed"),
    ("image_encoder.trunk.pos_embed_window", "vision_encoder.backbone.pos_embed_window"),
    ("image_encoder.trunk.patch_embed.proj.*", "vision_encoder.backbone.patch_embed.projection.*"),
    ("image_encoder.trunk.blocks.#.norm1.*", "vision_encoder.backbone.blocks.#.layer_norm1.*"),
    ("image_encoder.trunk.blocks.#.norm2.*", "vision_encoder.backbone.blocks.#.layer_norm2.*"),
    ("image_encoder.trunk.blocks.#.mlp.layers.0.*", "vision_encoder.backbone.blocks.#.mlp.proj_in.*"),
    ("image_encoder.trunk.blocks.#.mlp.layers.1.*", "vision_encoder.backbone.blocks.#.mlp.proj_out.*"),
    ("image_encoder.trunk.blocks.#.attn.*", "vision_encoder.backbone.blocks.#.attn.*"),
    ("image_encoder.trunk.blocks.#.proj.*", "vision_encoder.backbone.blocks.#.proj.*"),
    ("image_encoder.neck.convs.#.conv.*", "vision_encoder.neck.convs.#.*"),
    (
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
        "prompt_encoder.shared_embedding.positional_embedding",
    ),
    (FIRST_POINT, POINT_TABLE),
    ("sam_prompt_encoder.not_a_point_embed.*", "prompt_encoder.not_a_point_embed.*"),
    ("sam_prompt_encoder.no_mask_embed.*", "prompt_encoder.no_mask_embed.*"),
    // 2 and 5 are activations.
    ("sam_prompt_encoder.mask_downscaling.0.*", "prompt_encoder.mask_embed.conv1.*"),
    ("sam_prompt_encoder.mask_downscaling.1.*", "prompt_encoder.mask_embed.layer_norm1.*"),
    ("sam_prompt_encoder.mask_downscaling.3.*", "prompt_encoder.mask_embed.conv2.*"),
    ("sam_prompt_encoder.mask_downscaling.4.*", "prompt_encoder.mask_embed.layer_norm2.*"),
    ("sam_prompt_encoder.mask_downscaling.6.*", "prompt_encoder.mask_embed.conv3.*"),
    ("sam_mask_decoder.transformer.layers.#.norm1.*", "mask_decoder.transformer.layers.#.layer_norm1.*"),
    ("sam_mask_decoder.transformer.layers.#.norm2.*", "mask_decoder.transformer.layers.#.layer_norm2.*"),
    ("sam_mask_decoder.transformer.layers.#.norm3.*", "mask_decoder.transformer.layers.#.layer_norm3.*"),
    ("sam_mask_decoder.transformer.layers.#.norm4.*", "mask_decoder.transformer.layers.#.layer_norm4.*"),
    (
        "sam_mask_decoder.transformer.layers.#.mlp.layers.0.*",
        "mask_decoder.transformer.layers.#.mlp.proj_in.*",
    ),
    (
        "sam_mask_decoder.transformer.layers.#.mlp.layers.1.*",
        "mask_decoder.transformer.layers.#.mlp.proj_out.*",
    ),
    (
        "sam_mask_decoder.transformer.layers.#.self_attn.out_proj.*",
        "mask_decoder.transformer.layers.#.self_attn.o_proj.*",
    ),
    (
        "sam_mask_decoder.transformer.layers.#.cross_attn_token_to_image.out_proj.*",
        "mask_decoder.transformer.layers.#.cross_attn_token_to_image.o_proj.*",
    ),
    (
        "sam_mask_decoder.transformer.layers.#.cross_attn_image_to_token.out_proj.*",
        "mask_decoder.transformer.layers.#.cross_attn_image_to_token.o_proj.*",
    ),
    (
        "sam_mask_decoder.transformer.final_attn_token_to_image.out_proj.*",
        "mask_decoder.transformer.final_attn_token_to_image.o_proj.*",
    ),
    ("sam_mask_decoder.transformer.norm_final_attn.*", "mask_decoder.transformer.layer_norm_final_attn.*"),
    ("sam_mask_decoder.output_upscaling.0.*", "mask_decoder.upscale_conv1.*"),
    ("sam_mask_decoder.output_upscaling.1.*", "mask_decoder.upscale_layer_norm.*"),
    ("sam_mask_decoder.output_upscaling.3.*", "mask_decoder.upscale_conv2.*"),
    // Heads have three layers, of which only the one in the middle is counted here.
    (
        "sam_mask_decoder.output_hypernetworks_mlps.#.layers.0.*",
        "mask_decoder.output_hypernetworks_mlps.#.proj_in.*",
    ),
    (
        "sam_mask_decoder.output_hypernetworks_mlps.#.layers.1.*",
        "mask_decoder.output_hypernetworks_mlps.#.layers.0.*",
    ),
    (
        "sam_mask_decoder.output_hypernetworks_mlps.#.layers.2.*",
        "mask_decoder.output_hypernetworks_mlps.#.proj_out.*",
    ),
    ("sam_mask_decoder.iou_prediction_head.layers.0.*", "mask_decoder.iou_prediction_head.proj_in.*"),
    ("sam_mask_decoder.iou_prediction_head.layers.1.*", "mask_decoder.iou_prediction_head.layers.0.*"),
    ("sam_mask_decoder.iou_prediction_head.layers.2.*", "mask_decoder.iou_prediction_head.proj_out.*"),
    ("sam_mask_decoder.pred_obj_score_head.layers.0.*", "mask_decoder.pred_obj_score_head.proj_in.*"),
    ("sam_mask_decoder.pred_obj_score_head.layers.1.*", "mask_decoder.pred_obj_score_head.layers.0.*"),
    ("sam_mask_decoder.pred_obj_score_head.layers.2.*", "mask_decoder.pred_obj_score_head.proj_out.*"),
    ("sam_mask_decoder.*", "mask_decoder.*"),
];

/// The random frequencies of positions, which prompts and pictures share. The authors save them once; of the same tensor
/// under two names safetensors keeps one.
const COPIES: [(&str, &str); 2] = [
    ("prompt_encoder.shared_embedding.positional_embedding", "shared_image_embedding.positional_embedding"),
    ("shared_image_embedding.positional_embedding", "prompt_encoder.shared_embedding.positional_embedding"),
];

fn original(name: &str) -> Renamed {
    if let Some(reason) = reason(&ORIGINAL_MEMORY, name) {
        return Renamed::Drop(reason);
    }
    if name != FIRST_POINT && name.starts_with("sam_prompt_encoder.point_embeddings.") {
        return Renamed::Drop("is a row of the table of points");
    }
    Renamed::by(&RULES, name)
}

fn ported(name: &str) -> Renamed {
    match reason(&PORTED_MEMORY, name) {
        Some(reason) => Renamed::Drop(reason),
        None => Renamed::kept(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoint::becomes;

    #[test]
    fn parts_of_the_image_network_are_renamed_and_the_memory_is_left_out() {
        becomes(
            &SAM2_ORIGINAL,
            &[
                ("no_mem_embed", Some("no_memory_embedding")),
                (
                    "image_encoder.trunk.blocks.11.attn.qkv.bias",
                    Some("vision_encoder.backbone.blocks.11.attn.qkv.bias"),
                ),
                (
                    "image_encoder.trunk.blocks.1.proj.weight",
                    Some("vision_encoder.backbone.blocks.1.proj.weight"),
                ),
                ("image_encoder.neck.convs.3.conv.weight", Some("vision_encoder.neck.convs.3.weight")),
                ("sam_prompt_encoder.point_embeddings.0.weight", Some("prompt_encoder.point_embed.weight")),
                ("sam_prompt_encoder.point_embeddings.3.weight", None),
                ("sam_mask_decoder.mask_tokens.weight", Some("mask_decoder.mask_tokens.weight")),
                ("sam_mask_decoder.conv_s0.bias", Some("mask_decoder.conv_s0.bias")),
                (
                    "sam_mask_decoder.transformer.layers.1.self_attn.q_proj.bias",
                    Some("mask_decoder.transformer.layers.1.self_attn.q_proj.bias"),
                ),
                ("memory_attention.layers.0.linear1.weight", None),
                ("maskmem_tpos_enc", None),
            ],
        );
        becomes(
            &SAM2,
            &[
                ("mask_decoder.conv_s0.bias", Some("mask_decoder.conv_s0.bias")),
                ("no_memory_embedding", Some("no_memory_embedding")),
                ("no_memory_positional_encoding", None),
                ("memory_encoder.memory_fuser.layers.1.scale", None),
            ],
        );
    }
}
