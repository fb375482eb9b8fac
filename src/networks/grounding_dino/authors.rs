//! Grounding DINO's tensor names as its authors save them, and the names here: those that transformers' conversion of the
//! same files gives (`convert_grounding_dino_to_hf.py`).
//!
//! A block of attention has one matrix for queries, keys and values there; it is cut into three.

use crate::networks::checkpoint::{Family, Renamed, reason, rewrite};

/// A Grounding DINO, as its authors save it.
pub static GROUNDING_DINO_ORIGINAL: Family = Family {
    name: "the original Grounding DINO",
    signs: &["transformer.encoder.fusion_layers.0.gamma_v"],
    rename,
    copies: &[],
    head: None,
};

const COPY: &str = "repeats the first layer's, which all layers share";
const COMPUTED: &str = "is counted, not learnt";
const TRAINING: &str = "is read in training alone";
const POOLER: &str = "is a layer of BERT behind the words, which is not read";

const DROPS: [(&str, &str); 6] = [
    ("bbox_embed.#.*", COPY),
    ("transformer.decoder.bbox_embed.#.*", COPY),
    ("backbone.0.layers.#.blocks.#.attn.relative_position_index", COMPUTED),
    ("bert.embeddings.position_ids", COMPUTED),
    ("bert.pooler.*", POOLER),
    ("label_enc.*", TRAINING),
];

/// The matrices that are three in one: their names, and what stands before and behind the name of each part here.
const FUSED: [(&str, &str, &str); 8] = [
    (
        "backbone.0.layers.#.blocks.#.attn.qkv.weight",
        "model.backbone.conv_encoder.model.encoder.layers.#.blocks.#.attention.self",
        "weight",
    ),
    (
        "backbone.0.layers.#.blocks.#.attn.qkv.bias",
        "model.backbone.conv_encoder.model.encoder.layers.#.blocks.#.attention.self",
        "bias",
    ),
    (
        "transformer.encoder.text_layers.#.self_attn.in_proj_weight",
        "model.encoder.layers.#.text_enhancer_layer.self_attn",
        "weight",
    ),
    (
        "transformer.encoder.text_layers.#.self_attn.in_proj_bias",
        "model.encoder.layers.#.text_enhancer_layer.self_attn",
        "bias",
    ),
    ("transformer.decoder.layers.#.self_attn.in_proj_weight", "model.decoder.layers.#.self_attn", "weight"),
    ("transformer.decoder.layers.#.self_attn.in_proj_bias", "model.decoder.layers.#.self_attn", "bias"),
    (
        "transformer.decoder.layers.#.ca_text.in_proj_weight",
        "model.decoder.layers.#.encoder_attn_text",
        "weight",
    ),
    ("transformer.decoder.layers.#.ca_text.in_proj_bias", "model.decoder.layers.#.encoder_attn_text", "bias"),
];
/// The parts in their order.
const PARTS: [&str; 3] = ["query", "key", "value"];

/// The trunk, after `backbone.0.` there and after `model.backbone.conv_encoder.model.` here.
const TRUNK: [(&str, &str); 12] = [
    ("patch_embed.proj.*", "embeddings.patch_embeddings.projection.*"),
    ("patch_embed.norm.*", "embeddings.norm.*"),
    ("layers.#.blocks.#.norm1.*", "encoder.layers.#.blocks.#.layernorm_before.*"),
    ("layers.#.blocks.#.norm2.*", "encoder.layers.#.blocks.#.layernorm_after.*"),
    (
        "layers.#.blocks.#.attn.relative_position_bias_table",
        "encoder.layers.#.blocks.#.attention.self.relative_position_bias_table",
    ),
    ("layers.#.blocks.#.attn.proj.*", "encoder.layers.#.blocks.#.attention.output.dense.*"),
    ("layers.#.blocks.#.mlp.fc1.*", "encoder.layers.#.blocks.#.intermediate.dense.*"),
    ("layers.#.blocks.#.mlp.fc2.*", "encoder.layers.#.blocks.#.output.dense.*"),
    ("layers.#.downsample.*", "encoder.layers.#.downsample.*"),
    // They count stages from 0.
    ("norm1.*", "hidden_states_norms.stage2.*"),
    ("norm2.*", "hidden_states_norms.stage3.*"),
    ("norm3.*", "hidden_states_norms.stage4.*"),
];

/// The rest, after `transformer.` there and after `model.` here.
const TRANSFORMER: [(&str, &str); 32] = [
    ("encoder.layers.#.norm1.*", "encoder.layers.#.deformable_layer.self_attn_layer_norm.*"),
    ("encoder.layers.#.norm2.*", "encoder.layers.#.deformable_layer.final_layer_norm.*"),
    ("encoder.layers.#.linear1.*", "encoder.layers.#.deformable_layer.fc1.*"),
    ("encoder.layers.#.linear2.*", "encoder.layers.#.deformable_layer.fc2.*"),
    ("encoder.layers.#.self_attn.*", "encoder.layers.#.deformable_layer.self_attn.*"),
    ("encoder.text_layers.#.norm1.*", "encoder.layers.#.text_enhancer_layer.layer_norm_before.*"),
    ("encoder.text_layers.#.norm2.*", "encoder.layers.#.text_enhancer_layer.layer_norm_after.*"),
    ("encoder.text_layers.#.linear1.*", "encoder.layers.#.text_enhancer_layer.fc1.*"),
    ("encoder.text_layers.#.linear2.*", "encoder.layers.#.text_enhancer_layer.fc2.*"),
    (
        "encoder.text_layers.#.self_attn.out_proj.*",
        "encoder.layers.#.text_enhancer_layer.self_attn.out_proj.*",
    ),
    ("encoder.fusion_layers.#.gamma_v", "encoder.layers.#.fusion_layer.vision_param"),
    ("encoder.fusion_layers.#.gamma_l", "encoder.layers.#.fusion_layer.text_param"),
    ("encoder.fusion_layers.#.layer_norm_v.*", "encoder.layers.#.fusion_layer.layer_norm_vision.*"),
    ("encoder.fusion_layers.#.layer_norm_l.*", "encoder.layers.#.fusion_layer.layer_norm_text.*"),
    ("encoder.fusion_layers.#.attn.v_proj.*", "encoder.layers.#.fusion_layer.attn.vision_proj.*"),
    ("encoder.fusion_layers.#.attn.l_proj.*", "encoder.layers.#.fusion_layer.attn.text_proj.*"),
    (
        "encoder.fusion_layers.#.attn.values_v_proj.*",
        "encoder.layers.#.fusion_layer.attn.values_vision_proj.*",
    ),
    ("encoder.fusion_layers.#.attn.values_l_proj.*", "encoder.layers.#.fusion_layer.attn.values_text_proj.*"),
    ("encoder.fusion_layers.#.attn.out_v_proj.*", "encoder.layers.#.fusion_layer.attn.out_vision_proj.*"),
    ("encoder.fusion_layers.#.attn.out_l_proj.*", "encoder.layers.#.fusion_layer.attn.out_text_proj.*"),
    ("decoder.layers.#.norm1.*", "decoder.layers.#.encoder_attn_layer_norm.*"),
    ("decoder.layers.#.norm2.*", "decoder.layers.#.self_attn_layer_norm.*"),
    ("decoder.layers.#.norm3.*", "decoder.layers.#.final_layer_norm.*"),
    ("decoder.layers.#.catext_norm.*", "decoder.layers.#.encoder_attn_text_layer_norm.*"),
    ("decoder.layers.#.cross_attn.*", "decoder.layers.#.encoder_attn.*"),
    ("decoder.layers.#.ca_text.out_proj.*", "decoder.layers.#.encoder_attn_text.out_proj.*"),
    ("decoder.layers.#.linear1.*", "decoder.layers.#.fc1.*"),
    ("decoder.layers.#.linear2.*", "decoder.layers.#.fc2.*"),
    ("decoder.ref_point_head.*", "decoder.reference_points_head.*"),
    ("decoder.norm.*", "decoder.layer_norm.*"),
    ("enc_out_bbox_embed.*", "encoder_output_bbox_embed.*"),
    ("tgt_embed.weight", "query_position_embeddings.weight"),
];

/// What stands beside trunk and transformer.
const OTHERS: [(&str, &str); 3] = [
    ("bert.*", "model.text_backbone.*"),
    ("input_proj.*", "model.input_proj_vision.*"),
    ("feat_map.*", "model.text_projection.*"),
];

fn rename(name: &str) -> Renamed {
    if let Some(reason) = reason(&DROPS, name).filter(|_| !name.starts_with(super::names::BOXES)) {
        return Renamed::Drop(reason);
    }
    for (fused, before, behind) in FUSED {
        if let Some(before) = rewrite(&[(fused, before)], name) {
            return Renamed::Split(PARTS.iter().map(|part| format!("{before}.{part}.{behind}")).collect());
        }
    }
    // What no rule knows keeps its name: `level_embed`, the projection of proposals, and the output of the decoder's
    // attention differ in the part before alone.
    let kept =
        |rules: &[(&str, &str)], inner: &str| rewrite(rules, inner).unwrap_or_else(|| inner.to_owned());
    if let Some(inner) = name.strip_prefix("backbone.0.") {
        return Renamed::Keep(format!("model.backbone.conv_encoder.model.{}", kept(&TRUNK, inner)));
    }
    if let Some(inner) = name.strip_prefix("transformer.") {
        return Renamed::Keep(format!("model.{}", kept(&TRANSFORMER, inner)));
    }
    Renamed::by(&OTHERS, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoint::becomes;

    #[test]
    fn fused_matrices_become_three_and_what_training_alone_reads_is_left_out() {
        let block = "model.backbone.conv_encoder.model.encoder.layers.2.blocks.17.attention.self";
        let of_block = ["query", "key", "value"].map(|part| format!("{block}.{part}.weight")).join(" ");
        let text = "model.decoder.layers.5.encoder_attn_text";
        let of_text = ["query", "key", "value"].map(|part| format!("{text}.{part}.bias")).join(" ");
        becomes(
            &GROUNDING_DINO_ORIGINAL,
            &[
                ("backbone.0.layers.2.blocks.17.attn.qkv.weight", Some(&of_block)),
                ("transformer.decoder.layers.5.ca_text.in_proj_bias", Some(&of_text)),
                (
                    "backbone.0.norm3.bias",
                    Some("model.backbone.conv_encoder.model.hidden_states_norms.stage4.bias"),
                ),
                (
                    "transformer.encoder.fusion_layers.0.gamma_l",
                    Some("model.encoder.layers.0.fusion_layer.text_param"),
                ),
                (
                    "transformer.decoder.layers.1.self_attn.out_proj.bias",
                    Some("model.decoder.layers.1.self_attn.out_proj.bias"),
                ),
                ("transformer.level_embed", Some("model.level_embed")),
                ("transformer.enc_output_norm.weight", Some("model.enc_output_norm.weight")),
                ("bbox_embed.0.layers.2.bias", Some("bbox_embed.0.layers.2.bias")),
                ("bbox_embed.5.layers.2.bias", None),
                ("transformer.decoder.bbox_embed.0.layers.2.bias", None),
                ("backbone.0.layers.0.blocks.0.attn.relative_position_index", None),
                ("label_enc.weight", None),
                ("bert.pooler.dense.weight", None),
                ("bert.embeddings.LayerNorm.bias", Some("model.text_backbone.embeddings.LayerNorm.bias")),
                ("class_embed.0.bias", Some("class_embed.0.bias")),
            ],
        );
    }
}
