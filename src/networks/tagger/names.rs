//! Published tensor names of taggers: AdaSeq's are those here; those of Hugging Face's Transformers and of ModelScope are
//! renamed.

use crate::networks::checkpoint::{Family, Renamed, reason, rewrite};

/// A tagger with a CRF, as AdaSeq saves it.
pub static ADASEQ: Family = Family {
    name: "AdaSeq's tagger",
    signs: &["embedder.transformer_model.embeddings.word_embeddings.weight"],
    rename: adaseq,
    copies: &[],
    head: Some(FIELD),
};

/// A tagger with a CRF, as ModelScope publishes those of RaNER.
pub static RANER: Family = Family {
    name: "ModelScope's tagger",
    signs: &["encoder.embeddings.word_embeddings.weight"],
    rename: raner,
    copies: &[],
    head: Some(FIELD),
};

/// A tagger with a softmax, as ModelScope publishes those of other makers.
pub static MODELSCOPE: Family = Family {
    name: "ModelScope's tagger with a softmax",
    signs: &["encoder.embeddings.word_embeddings.weight"],
    rename: modelscope,
    copies: &[],
    head: Some(CLASSIFIER),
};

/// A BERT, as Transformers saves it.
pub static BERT: Family = Family {
    name: "Hugging Face's BERT",
    signs: &["bert.embeddings.word_embeddings.weight"],
    rename: bert,
    copies: &[],
    head: Some(CLASSIFIER),
};

/// A RoBERTa, an XLM-R or a BERTweet, as Transformers saves them.
pub static ROBERTA: Family = Family {
    name: "Hugging Face's RoBERTa or XLM-R",
    signs: &["roberta.embeddings.word_embeddings.weight"],
    rename: roberta,
    copies: &[],
    head: Some(CLASSIFIER),
};

/// A DistilBERT, as Transformers saves it.
pub static DISTILBERT: Family = Family {
    name: "Hugging Face's DistilBERT",
    signs: &["distilbert.embeddings.word_embeddings.weight"],
    rename: distilbert,
    copies: &[],
    head: Some(CLASSIFIER),
};

/// A DeBERTa of the second or third version, as Transformers saves it.
pub static DEBERTA: Family = Family {
    name: "Hugging Face's DeBERTa",
    signs: &["deberta.embeddings.word_embeddings.weight"],
    rename: deberta,
    copies: &[],
    head: Some(CLASSIFIER),
};

/// One of these without any head: its names have no prefix.
pub static BARE_ENCODER: Family = Family {
    name: "Hugging Face's text encoder",
    signs: &["embeddings.word_embeddings.weight"],
    rename: bare_encoder,
    copies: &[],
    head: None,
};

const FIELD: (&str, &str) = ("crf.transitions", "the field that says which tags follow each other");
const CLASSIFIER: (&str, &str) =
    ("linear.weight", "the layer that gives pieces their labels (published as `classifier.weight`)");

/// Tensors that only networks of other tasks have, and those tasks.
pub(super) const OTHER_TASKS: &[(&str, &str)] = &[
    ("classifier.dense.weight", "sequence classification"),
    ("classifier.out_proj.weight", "sequence classification"),
    ("pre_classifier.weight", "sequence classification"),
    ("qa_outputs.weight", "question answering"),
];

/// Names of the head's matrix in published files.
pub(super) const HEADS: [&str; 4] =
    ["linear.weight", "classifier.weight", "head.linear.weight", "head.classifier.weight"];

const POOLER: &str = "a pooled vector is of no use to a tagger";
const HEAD: &str = "serves only to train the encoder";
const COMPUTED: &str = "is counted, not learnt";
const UNUSED: &str = "is not used: distances between pieces stand for their positions";

const ENCODER_DROPS: [(&str, &str); 3] = [
    ("embedder.transformer_model.pooler.*", POOLER),
    ("embedder.transformer_model.embeddings.position_ids", COMPUTED),
    ("embedder.transformer_model.embeddings.token_type_ids", COMPUTED),
];

const HEAD_DROPS: [(&str, &str); 7] = [
    ("lm_head.*", HEAD),
    ("cls.*", HEAD),
    ("lm_predictions.*", HEAD),
    ("mask_predictions.*", HEAD),
    ("vocab_transform.*", HEAD),
    ("vocab_layer_norm.*", HEAD),
    ("vocab_projector.*", HEAD),
];

const CLASSIFIER_RULES: [(&str, &str); 2] =
    [("classifier.weight", "linear.weight"), ("classifier.bias", "linear.bias")];

/// DistilBERT is a BERT without token types and with other names.
const DISTILBERT_RULES: [(&str, &str); 9] = [
    ("distilbert.embeddings.*", "bert.embeddings.*"),
    ("distilbert.transformer.layer.#.attention.q_lin.*", "bert.encoder.layer.#.attention.self.query.*"),
    ("distilbert.transformer.layer.#.attention.k_lin.*", "bert.encoder.layer.#.attention.self.key.*"),
    ("distilbert.transformer.layer.#.attention.v_lin.*", "bert.encoder.layer.#.attention.self.value.*"),
    ("distilbert.transformer.layer.#.attention.out_lin.*", "bert.encoder.layer.#.attention.output.dense.*"),
    ("distilbert.transformer.layer.#.sa_layer_norm.*", "bert.encoder.layer.#.attention.output.LayerNorm.*"),
    ("distilbert.transformer.layer.#.ffn.lin1.*", "bert.encoder.layer.#.intermediate.dense.*"),
    ("distilbert.transformer.layer.#.ffn.lin2.*", "bert.encoder.layer.#.output.dense.*"),
    ("distilbert.transformer.layer.#.output_layer_norm.*", "bert.encoder.layer.#.output.LayerNorm.*"),
];

fn adaseq(name: &str) -> Renamed {
    match reason(&ENCODER_DROPS, name) {
        Some(reason) => Renamed::Drop(reason),
        None => Renamed::Keep(with_present_norms(name)),
    }
}

fn raner(name: &str) -> Renamed {
    const RULES: [(&str, &str); 3] = [
        ("encoder.*", "embedder.transformer_model.*"),
        ("head.linear.*", "linear.*"),
        ("head.crf.*", "crf.*"),
    ];
    adaseq(&rewrite(&RULES, name).unwrap_or_else(|| name.to_owned()))
}

fn modelscope(name: &str) -> Renamed {
    const RULES: [(&str, &str); 4] = [
        ("encoder.*", "embedder.transformer_model.*"),
        ("head.classifier.*", "linear.*"),
        ("classifier.*", "linear.*"),
        ("head.linear.*", "linear.*"),
    ];
    adaseq(&rewrite(&RULES, name).unwrap_or_else(|| name.to_owned()))
}

fn bert(name: &str) -> Renamed {
    transformers(&[("bert.*", "embedder.transformer_model.*")], name)
}

fn roberta(name: &str) -> Renamed {
    transformers(&[("roberta.*", "embedder.transformer_model.*")], name)
}

fn distilbert(name: &str) -> Renamed {
    bert(&rewrite(&DISTILBERT_RULES, name).unwrap_or_else(|| name.to_owned()))
}

fn deberta(name: &str) -> Renamed {
    if name == "deberta.embeddings.position_embeddings.weight" {
        return Renamed::Drop(UNUSED);
    }
    transformers(&[("deberta.*", "embedder.transformer_model.*")], name)
}

fn bare_encoder(name: &str) -> Renamed {
    const RULES: [(&str, &str); 3] = [
        ("embeddings.*", "embedder.transformer_model.embeddings.*"),
        ("encoder.*", "embedder.transformer_model.encoder.*"),
        ("pooler.*", "embedder.transformer_model.pooler.*"),
    ];
    transformers(&RULES, name)
}

/// The names of Transformers become AdaSeq's.
fn transformers(encoder: &[(&str, &str)], name: &str) -> Renamed {
    if let Some(reason) = reason(&HEAD_DROPS, name) {
        return Renamed::Drop(reason);
    }
    match rewrite(encoder, name).or_else(|| rewrite(&CLASSIFIER_RULES, name)) {
        Some(name) => adaseq(&name),
        None => Renamed::kept(name),
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
            &ROBERTA,
            &[
                (
                    "roberta.encoder.layer.23.attention.self.query.weight",
                    Some("embedder.transformer_model.encoder.layer.23.attention.self.query.weight"),
                ),
                ("roberta.embeddings.position_ids", None),
                ("lm_head.layer_norm.weight", None),
                ("classifier.weight", Some("linear.weight")),
                ("classifier.bias", Some("linear.bias")),
                ("classifier.dense.weight", Some("classifier.dense.weight")),
                ("adapter.gamma", Some("adapter.gamma")),
            ],
        );
        becomes(
            &BERT,
            &[
                (
                    "bert.embeddings.LayerNorm.gamma",
                    Some("embedder.transformer_model.embeddings.LayerNorm.weight"),
                ),
                ("bert.pooler.dense.weight", None),
                ("cls.predictions.bias", None),
            ],
        );
        becomes(
            &BARE_ENCODER,
            &[
                ("embeddings.LayerNorm.beta", Some("embedder.transformer_model.embeddings.LayerNorm.bias")),
                ("pooler.dense.weight", None),
            ],
        );
    }

    #[test]
    fn a_distilbert_becomes_a_bert() {
        becomes(
            &DISTILBERT,
            &[
                (
                    "distilbert.embeddings.position_embeddings.weight",
                    Some("embedder.transformer_model.embeddings.position_embeddings.weight"),
                ),
                (
                    "distilbert.transformer.layer.5.attention.out_lin.bias",
                    Some("embedder.transformer_model.encoder.layer.5.attention.output.dense.bias"),
                ),
                (
                    "distilbert.transformer.layer.0.output_layer_norm.weight",
                    Some("embedder.transformer_model.encoder.layer.0.output.LayerNorm.weight"),
                ),
                ("vocab_projector.bias", None),
                ("classifier.weight", Some("linear.weight")),
            ],
        );
    }

    #[test]
    fn debertas_unused_positions_are_left_out() {
        becomes(
            &DEBERTA,
            &[
                (
                    "deberta.encoder.rel_embeddings.weight",
                    Some("embedder.transformer_model.encoder.rel_embeddings.weight"),
                ),
                ("deberta.embeddings.position_embeddings.weight", None),
                ("mask_predictions.dense.weight", None),
            ],
        );
    }

    #[test]
    fn fields_of_adaseq_and_of_modelscope_are_kept() {
        becomes(
            &ADASEQ,
            &[
                ("crf.transitions", Some("crf.transitions")),
                ("linear.weight", Some("linear.weight")),
                ("embedder.transformer_model.pooler.dense.bias", None),
                ("embedder.transformer_model.embeddings.position_ids", None),
            ],
        );
        becomes(
            &RANER,
            &[
                (
                    "encoder.encoder.layer.2.output.LayerNorm.weight",
                    Some("embedder.transformer_model.encoder.layer.2.output.LayerNorm.weight"),
                ),
                ("encoder.pooler.dense.weight", None),
                ("head.linear.weight", Some("linear.weight")),
                ("linear.bias", Some("linear.bias")),
                ("head.crf.transitions", Some("crf.transitions")),
                ("crf.end_transitions", Some("crf.end_transitions")),
            ],
        );
        becomes(
            &MODELSCOPE,
            &[
                (
                    "encoder.embeddings.LayerNorm.weight",
                    Some("embedder.transformer_model.embeddings.LayerNorm.weight"),
                ),
                ("encoder.pooler.dense.bias", None),
                ("head.classifier.weight", Some("linear.weight")),
                ("classifier.bias", Some("linear.bias")),
            ],
        );
    }
}
