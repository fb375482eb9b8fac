//! Grounding DINO's published tensor names: those that transformers has for the published checkpoints, and those of its
//! newer modules.

use crate::networks::checkpoint::{Family, Renamed, reason, rewrite};

/// A Grounding DINO, as IDEA-Research publishes it for transformers.
pub static GROUNDING_DINO: Family = Family {
    name: "Hugging Face's Grounding DINO",
    signs: &["model.encoder.layers.0.fusion_layer.vision_param"],
    rename,
    copies: &[],
    head: None,
};

const COPY: &str = "repeats the first layer's, which all layers share";
const COMPUTED: &str = "is counted, not learnt";
const UNREAD: &str = "is a norm behind the trunk's last stage, which is not read";

/// The perceptron that moves boxes, of which the others are copies.
pub(super) const BOXES: &str = "bbox_embed.0.";

const DROPS: [(&str, &str); 5] = [
    ("bbox_embed.#.*", COPY),
    ("model.decoder.bbox_embed.#.*", COPY),
    ("model.backbone.conv_encoder.model.swin.layernorm.*", UNREAD),
    ("model.text_backbone.embeddings.position_ids", COMPUTED),
    ("model.text_backbone.embeddings.token_type_ids", COMPUTED),
];
/// Where relative places are stored that the window's side gives.
const INDEX: &str = "relative_position_index";

const TRUNK: &str = "model.backbone.conv_encoder.model.";
const NEWER_TRUNK: &str = "model.backbone.conv_encoder.model.swin.";

/// Names of the newer modules within a block of the trunk, after those of the published files.
const BLOCK: [(&str, &str); 7] = [
    ("encoder.layers.#.blocks.#.attention.q_proj.*", "encoder.layers.#.blocks.#.attention.self.query.*"),
    ("encoder.layers.#.blocks.#.attention.k_proj.*", "encoder.layers.#.blocks.#.attention.self.key.*"),
    ("encoder.layers.#.blocks.#.attention.v_proj.*", "encoder.layers.#.blocks.#.attention.self.value.*"),
    ("encoder.layers.#.blocks.#.attention.o_proj.*", "encoder.layers.#.blocks.#.attention.output.dense.*"),
    (
        "encoder.layers.#.blocks.#.attention.relative_position_bias.relative_position_bias_table",
        "encoder.layers.#.blocks.#.attention.self.relative_position_bias_table",
    ),
    ("encoder.layers.#.blocks.#.mlp.fc1.*", "encoder.layers.#.blocks.#.intermediate.dense.*"),
    ("encoder.layers.#.blocks.#.mlp.fc2.*", "encoder.layers.#.blocks.#.output.dense.*"),
];

fn rename(name: &str) -> Renamed {
    if let Some(reason) = reason(&DROPS, name).filter(|_| !name.starts_with(BOXES)) {
        return Renamed::Drop(reason);
    }
    if name.starts_with(TRUNK) && name.ends_with(INDEX) {
        return Renamed::Drop(COMPUTED);
    }
    match name.strip_prefix(NEWER_TRUNK) {
        Some(inner) => {
            Renamed::Keep(TRUNK.to_owned() + &rewrite(&BLOCK, inner).unwrap_or_else(|| inner.to_owned()))
        }
        None => Renamed::kept(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoint::becomes;

    #[test]
    fn copies_and_what_is_counted_are_left_out_and_newer_names_are_the_published_ones() {
        let block = |name: &str| format!("model.backbone.conv_encoder.model.{name}");
        let (newer, published) = (
            block("swin.encoder.layers.2.blocks.1.attention.k_proj.weight"),
            block("encoder.layers.2.blocks.1.attention.self.key.weight"),
        );
        let index = block("encoder.layers.0.blocks.0.attention.self.relative_position_index");
        let norm = block("hidden_states_norms.stage2.weight");
        let (unread, newer_embedding) = (block("swin.layernorm.bias"), block("swin.embeddings.norm.bias"));
        let embedding = block("embeddings.norm.bias");
        becomes(
            &GROUNDING_DINO,
            &[
                (&newer, Some(&published)),
                (&published, Some(&published)),
                (&newer_embedding, Some(&embedding)),
                (&norm, Some(&norm)),
                (&index, None),
                (&unread, None),
                ("bbox_embed.0.layers.2.bias", Some("bbox_embed.0.layers.2.bias")),
                ("bbox_embed.5.layers.2.bias", None),
                ("model.decoder.bbox_embed.0.layers.2.bias", None),
                ("model.text_backbone.embeddings.position_ids", None),
                ("model.level_embed", Some("model.level_embed")),
                ("class_embed.0.bias", Some("class_embed.0.bias")),
            ],
        );
    }
}
