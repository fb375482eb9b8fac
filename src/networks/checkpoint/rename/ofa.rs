//! What OFA's tensors are called elsewhere: in fairseq some layers have other names, elsewhere they are those here.

use super::Renamed;
use super::pattern::rewrite;
use crate::networks::ofa::is_redundant;

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

/// The names of ModelScope and Hugging Face.
pub(super) fn published(name: &str) -> Renamed {
    if is_redundant(name) {
        return Renamed::Drop("repeats another, can be computed, or serves only to draw pictures");
    }
    Renamed::Keep(name.to_owned())
}

/// fairseq's names.
pub(super) fn fairseq(name: &str) -> Renamed {
    if matches!(name, "encoder.version" | "decoder.version") {
        return Renamed::Drop("is fairseq's mark of its own version");
    }
    published(&rewrite(&FAIRSEQ, name).unwrap_or_else(|| name.to_owned()))
}
