//! What the tagger's tensors are called elsewhere: AdaSeq's names are those here, Hugging Face's lack a prefix.

use super::Renamed;
use super::pattern::{reason, rewrite};

pub(super) const ADASEQ_SIGNS: [&str; 1] = ["embedder.transformer_model.embeddings.word_embeddings.weight"];

pub(super) const TEXT_ENCODER_SIGNS: [&str; 3] = [
    "roberta.embeddings.word_embeddings.weight",
    "bert.embeddings.word_embeddings.weight",
    "embeddings.word_embeddings.weight",
];

const POOLER: &str = "a pooled vector is of no use to a tagger";
const HEAD: &str = "serves only to train the encoder";
const COMPUTED: &str = "is counted, not learnt";

const ADASEQ_DROPS: [(&str, &str); 3] = [
    ("embedder.transformer_model.pooler.*", POOLER),
    ("embedder.transformer_model.embeddings.position_ids", COMPUTED),
    ("embedder.transformer_model.embeddings.token_type_ids", COMPUTED),
];

const HEADS: [(&str, &str); 2] = [("lm_head.*", HEAD), ("cls.*", HEAD)];

/// The encoder's name in a network with a head; without one it has none.
const TEXT_ENCODER: [(&str, &str); 5] = [
    ("roberta.*", "embedder.transformer_model.*"),
    ("bert.*", "embedder.transformer_model.*"),
    ("embeddings.*", "embedder.transformer_model.embeddings.*"),
    ("encoder.*", "embedder.transformer_model.encoder.*"),
    ("pooler.*", "embedder.transformer_model.pooler.*"),
];

/// AdaSeq's names.
pub(super) fn adaseq(name: &str) -> Renamed {
    match reason(&ADASEQ_DROPS, name) {
        Some(reason) => Renamed::Drop(reason),
        None => Renamed::Keep(with_present_norms(name)),
    }
}

/// Hugging Face's names of XLM-R and BERT, which become AdaSeq's.
pub(super) fn text_encoder(name: &str) -> Renamed {
    match (reason(&HEADS, name), rewrite(&TEXT_ENCODER, name)) {
        (Some(reason), _) => Renamed::Drop(reason),
        (None, Some(name)) => adaseq(&name),
        (None, None) => Renamed::Keep(name.to_owned()),
    }
}

/// BERT was first published with the names that TensorFlow gives the parameters of a layer norm.
fn with_present_norms(name: &str) -> String {
    let norm = |old: &str| name.strip_suffix(old).filter(|layer| layer.ends_with("LayerNorm"));
    match (norm(".gamma"), norm(".beta")) {
        (Some(layer), _) => format!("{layer}.weight"),
        (_, Some(layer)) => format!("{layer}.bias"),
        _ => name.to_owned(),
    }
}
