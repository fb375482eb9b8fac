//! OFA's published tensor names: fairseq has other names for some layers; ModelScope and Hugging Face have those here.

use super::is_redundant;
use crate::networks::checkpoint::{Family, Renamed, rewrite};

/// An OFA, as its authors' fairseq saves it.
pub static OFA_FAIRSEQ: Family = Family {
    name: "fairseq's OFA",
    signs: &["encoder.layers.0.attn_ln.weight"],
    rename: fairseq,
    copies: &[],
    head: None,
};

/// An OFA, as ModelScope and Hugging Face save it.
pub static OFA: Family = Family {
    name: "Hugging Face's or ModelScope's OFA",
    signs: &["encoder.layers.0.self_attn_mid_layer_norm.weight"],
    rename: published,
    copies: &[],
    head: None,
};

/// fairseq's names of the norms and of cross attention; all else is called the same.
const FAIRSEQ: [(&str, &str); 7] = [
    ("encoder.layers.#.attn_ln.*", "encoder.layers.#.self_attn_mid_layer_norm.*"),
    ("encoder.layers.#.ffn_layernorm.*", "encoder.layers.#.ffn_layer_norm.*"),
    ("decoder.layers.#.self_attn_ln.*", "decoder.layers.#.self_attn_mid_layer_norm.*"),
    ("decoder.layers.#.encoder_attn.*", "decoder.layers.#.cross_attn.*"),
    ("decoder.layers.#.encoder_attn_layer_norm.*", "decoder.layers.#.cross_attn_layer_norm.*"),
    ("decoder.layers.#.cross_attn_ln.*", "decoder.layers.#.cross_attn_mid_layer_norm.*"),
    ("decoder.layers.#.ffn_layernorm.*", "decoder.layers.#.ffn_layer_norm.*"),
];

fn published(name: &str) -> Renamed {
    if is_redundant(name) {
        return Renamed::Drop("repeats another, can be computed, or serves only to draw pictures");
    }
    Renamed::kept(name)
}

fn fairseq(name: &str) -> Renamed {
    if matches!(name, "encoder.version" | "decoder.version") {
        return Renamed::Drop("is fairseq's mark of its own version");
    }
    published(&rewrite(&FAIRSEQ, name).unwrap_or_else(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoint::becomes;

    #[test]
    fn layers_of_fairseqs_ofa_get_the_names_of_hugging_face() {
        let layer = |name: &str| format!("decoder.layers.11.{name}.weight");
        for (published, ours) in [
            ("self_attn_ln", "self_attn_mid_layer_norm"),
            ("self_attn_layer_norm", "self_attn_layer_norm"),
            ("encoder_attn.c_attn", "cross_attn.c_attn"),
            ("encoder_attn_layer_norm", "cross_attn_layer_norm"),
            ("cross_attn_ln", "cross_attn_mid_layer_norm"),
            ("ffn_layernorm", "ffn_layer_norm"),
        ] {
            assert_eq!(OFA_FAIRSEQ.rename(&layer(published)), Renamed::Keep(layer(ours)));
        }
        becomes(
            &OFA_FAIRSEQ,
            &[
                ("encoder.layers.3.attn_ln.bias", Some("encoder.layers.3.self_attn_mid_layer_norm.bias")),
                ("encoder.layers.3.ffn_layernorm.bias", Some("encoder.layers.3.ffn_layer_norm.bias")),
                (
                    "encoder.embed_images.layer3.35.conv2.weight",
                    Some("encoder.embed_images.layer3.35.conv2.weight"),
                ),
                ("encoder.version", None),
                ("decoder.version", None),
                ("decoder.output_projection.weight", None),
                ("encoder.embed_images.bn1.num_batches_tracked", None),
                ("decoder.image_position_idx", None),
                ("classification_heads.x.weight", Some("classification_heads.x.weight")),
            ],
        );
        becomes(
            &OFA,
            &[
                ("encoder.token_rp_bucket", None),
                ("encoder.image_proj.bias", Some("encoder.image_proj.bias")),
            ],
        );
    }
}
