//! The tagger's published tensor names: AdaSeq's are those here, Hugging Face's lack a prefix.

use crate::networks::checkpoint::{Family, Renamed, reason, rewrite};

/// A tagger with a CRF, as AdaSeq saves it.
pub static ADASEQ: Family = Family {
    name: "AdaSeq's tagger",
    signs: &["embedder.transformer_model.embeddings.word_embeddings.weight"],
    rename: adaseq,
    copies: &[],
    head: Some(("crf.transitions", "the field that says which tags follow each other")),
};

/// An XLM-R or BERT, as Hugging Face saves it: the tagger's encoder alone.
pub static TEXT_ENCODER: Family = Family {
    name: "Hugging Face's XLM-R or BERT",
    signs: &[
        "roberta.embeddings.word_embeddings.weight",
        "bert.embeddings.word_embeddings.weight",
        "embeddings.word_embeddings.weight",
    ],
    rename: text_encoder,
    copies: &[],
    head: None,
};

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
const TEXT_ENCODER_RULES: [(&str, &str); 5] = [
    ("roberta.*", "embedder.transformer_model.*"),
    ("bert.*", "embedder.transformer_model.*"),
    ("embeddings.*", "embedder.transformer_model.embeddings.*"),
    ("encoder.*", "embedder.transformer_model.encoder.*"),
    ("pooler.*", "embedder.transformer_model.pooler.*"),
];

fn adaseq(name: &str) -> Renamed {
    match reason(&ADASEQ_DROPS, name) {
        Some(reason) => Renamed::Drop(reason),
        None => Renamed::Keep(with_present_norms(name)),
    }
}

/// Hugging Face's names become AdaSeq's.
fn text_encoder(name: &str) -> Renamed {
    match (reason(&HEADS, name), rewrite(&TEXT_ENCODER_RULES, name)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoint::becomes;

    #[test]
    fn text_encoders_get_the_name_of_the_taggers_encoder() {
        becomes(
            &TEXT_ENCODER,
            &[
                (
                    "roberta.encoder.layer.23.attention.self.query.weight",
                    Some("embedder.transformer_model.encoder.layer.23.attention.self.query.weight"),
                ),
                (
                    "bert.embeddings.LayerNorm.gamma",
                    Some("embedder.transformer_model.embeddings.LayerNorm.weight"),
                ),
                ("embeddings.LayerNorm.beta", Some("embedder.transformer_model.embeddings.LayerNorm.bias")),
                ("roberta.embeddings.position_ids", None),
                ("bert.pooler.dense.weight", None),
                ("pooler.dense.weight", None),
                ("lm_head.layer_norm.weight", None),
                ("cls.predictions.bias", None),
                ("classifier.weight", Some("classifier.weight")),
                ("adapter.gamma", Some("adapter.gamma")),
            ],
        );
        becomes(
            &ADASEQ,
            &[
                ("crf.transitions", Some("crf.transitions")),
                ("linear.weight", Some("linear.weight")),
                ("embedder.transformer_model.pooler.dense.bias", None),
                ("embedder.transformer_model.embeddings.position_ids", None),
            ],
        );
    }
}
