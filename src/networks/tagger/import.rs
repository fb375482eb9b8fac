//! Import of taggers: the dimensions of a `config.json`, and labels by the rows of the checkpoint's head.

use toml::Table;

use super::names::HEADS;
use super::{Positions, TaggerConfig};
use crate::networks::checkpoint::Checkpoint;
use crate::networks::descriptor::{ConfigJson, Dimensions, PublishedConfig};
use crate::networks::weights::Fault;

/// The `config.json` of a BERT; the tensors tell which task it was trained for.
pub(super) const BERT_CONFIG: PublishedConfig = of(&["bert"], bert);
/// That of a RoBERTa, a BERTweet or an XLM-R.
pub(super) const ROBERTA_CONFIG: PublishedConfig = of(&["roberta", "xlm-roberta"], roberta);
/// That of a DistilBERT.
pub(super) const DISTILBERT_CONFIG: PublishedConfig = of(&["distilbert"], distilbert);
/// That of a DeBERTa of the second or third version.
pub(super) const DEBERTA_CONFIG: PublishedConfig = of(&["deberta-v2"], deberta);

const LABELS: &str = "labels";

const fn of(
    model_types: &'static [&'static str],
    dimensions: fn(&ConfigJson) -> Result<Dimensions, Fault>,
) -> PublishedConfig {
    PublishedConfig { model_types, architectures: &[], dimensions }
}

/// The labels are the rows of the checkpoint's head, whatever the preset has.
pub(super) fn label_rows(checkpoint: &Checkpoint, network: &mut Table, _has_preset: bool) -> Option<String> {
    let rows = HEADS.iter().find_map(|name| checkpoint.shape(name)?.first());
    if let Some(rows) = rows.and_then(|&rows| i64::try_from(rows).ok()) {
        network.entry(LABELS).or_insert(rows.into());
    }
    None
}

/// Keys and defaults of Transformers' `BertConfig`.
fn bert(config: &ConfigJson) -> Result<Dimensions, Fault> {
    config.needs("hidden_act", "gelu", "gelu")?;
    config.needs("position_embedding_type", "absolute", "absolute")?;
    Ok(Dimensions::of(&TaggerConfig {
        vocabulary: config.integer_or("vocab_size", 30_522)?,
        hidden: config.integer_or("hidden_size", 768)?,
        layers: config.integer_or("num_hidden_layers", 12)?,
        heads: config.integer_or("num_attention_heads", 12)?,
        ffn: config.integer_or("intermediate_size", 3072)?,
        max_positions: config.integer_or("max_position_embeddings", 512)?,
        positions: Positions::FromZero,
        type_vocabulary: config.integer_or("type_vocab_size", 2)?,
        layer_norm_eps: config.number_or("layer_norm_eps", 1e-12)?,
        pad: config.integer_or("pad_token_id", 0)?,
        labels: labels(config),
        span: 0,
        convolution: 0,
    }))
}

/// Keys and defaults of Transformers' `RobertaConfig` and `XLMRobertaConfig`.
fn roberta(config: &ConfigJson) -> Result<Dimensions, Fault> {
    config.needs("hidden_act", "gelu", "gelu")?;
    config.needs("position_embedding_type", "absolute", "absolute")?;
    Ok(Dimensions::of(&TaggerConfig {
        vocabulary: config.integer_or("vocab_size", 50_265)?,
        hidden: config.integer_or("hidden_size", 768)?,
        layers: config.integer_or("num_hidden_layers", 12)?,
        heads: config.integer_or("num_attention_heads", 12)?,
        ffn: config.integer_or("intermediate_size", 3072)?,
        max_positions: config.integer_or("max_position_embeddings", 512)?,
        positions: Positions::AfterPadding,
        type_vocabulary: config.integer_or("type_vocab_size", 2)?,
        layer_norm_eps: config.number_or("layer_norm_eps", 1e-12)?,
        pad: config.integer_or("pad_token_id", 1)?,
        labels: labels(config),
        span: 0,
        convolution: 0,
    }))
}

/// Keys and defaults of Transformers' `DistilBertConfig`, whose layer norms have a fixed `eps`.
fn distilbert(config: &ConfigJson) -> Result<Dimensions, Fault> {
    config.needs("activation", "gelu", "gelu")?;
    Ok(Dimensions::of(&TaggerConfig {
        vocabulary: config.integer_or("vocab_size", 30_522)?,
        hidden: config.integer_or("dim", 768)?,
        layers: config.integer_or("n_layers", 6)?,
        heads: config.integer_or("n_heads", 12)?,
        ffn: config.integer_or("hidden_dim", 3072)?,
        max_positions: config.integer_or("max_position_embeddings", 512)?,
        positions: Positions::FromZero,
        type_vocabulary: 0,
        layer_norm_eps: 1e-12,
        pad: config.integer_or("pad_token_id", 0)?,
        labels: labels(config),
        span: 0,
        convolution: 0,
    }))
}

/// Keys and defaults of Transformers' `DebertaV2Config`; the published networks share the projections of distances and
/// normalise their vectors.
fn deberta(config: &ConfigJson) -> Result<Dimensions, Fault> {
    const UNLIMITED: i64 = -1;
    config.needs("hidden_act", "gelu", "gelu")?;
    config.needs("relative_attention", true, false)?;
    config.needs("position_biased_input", false, true)?;
    config.needs("share_att_key", true, false)?;
    config.needs("norm_rel_ebd", "layer_norm", "none")?;
    let hidden = config.integer_or("hidden_size", 1536)?;
    config.needs("embedding_size", hidden, hidden)?;
    let kinds = config.get("pos_att_type").map(ToString::to_string).unwrap_or_default();
    if !(kinds.contains("p2c") && kinds.contains("c2p")) {
        return Err(Fault::new("pos_att_type", "both `p2c` and `c2p`", kinds.escape_debug()));
    }
    let longest = config.integer_or("max_position_embeddings", 512)?;
    let furthest = config.integer_or("max_relative_positions", UNLIMITED)?;
    if furthest > 0 {
        config.needs("max_relative_positions", longest, longest)?;
    }
    let convolution = config.integer_or("conv_kernel_size", 0)?;
    if convolution > 0 {
        config.needs("conv_act", "gelu", "tanh")?;
        config.needs("conv_groups", 1, 1)?;
    }
    Ok(Dimensions::of(&TaggerConfig {
        vocabulary: config.integer_or("vocab_size", 128_100)?,
        hidden,
        layers: config.integer_or("num_hidden_layers", 24)?,
        heads: config.integer_or("num_attention_heads", 24)?,
        ffn: config.integer_or("intermediate_size", 6144)?,
        max_positions: longest,
        positions: Positions::FromZero,
        type_vocabulary: config.integer_or("type_vocab_size", 0)?,
        layer_norm_eps: config.number_or("layer_norm_eps", 1e-7)?,
        pad: config.integer_or("pad_token_id", 0)?,
        labels: labels(config),
        span: config.integer("position_buckets")?,
        convolution,
    }))
}

/// As many labels as `id2label` names; Transformers takes 2 where it names none. The checkpoint's head comes first.
fn labels(config: &ConfigJson) -> i64 {
    let named = config.get("id2label").and_then(serde_json::Value::as_object).map(serde_json::Map::len);
    named.and_then(|count| i64::try_from(count).ok()).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::SoftmaxConfig;
    use super::*;
    use crate::networks::blocks::preset::Preset;

    fn read(of: &PublishedConfig, text: &str) -> Result<TaggerConfig, String> {
        let config = ConfigJson::parse(Path::new("config.json"), text).unwrap();
        (of.dimensions)(&config).map(|all| all.config()).map_err(|fault| fault.to_string())
    }

    /// The files that the authors of deberta-v3-base, and of xlm-roberta-base and distilbert-base-cased, publish have these
    /// keys.
    const DEBERTA: &str = r#"{"model_type": "deberta-v2", "hidden_act": "gelu", "hidden_size": 768,
        "intermediate_size": 3072, "max_position_embeddings": 512, "relative_attention": true, "position_buckets": 256,
        "norm_rel_ebd": "layer_norm", "share_att_key": true, "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-7,
        "max_relative_positions": -1, "position_biased_input": false, "num_attention_heads": 12,
        "num_hidden_layers": 12, "type_vocab_size": 0, "vocab_size": 128100}"#;
    const XLM_ROBERTA: &str = r#"{"hidden_act": "gelu", "hidden_size": 768, "intermediate_size": 3072,
        "layer_norm_eps": 1e-05, "max_position_embeddings": 514, "num_attention_heads": 12, "num_hidden_layers": 12,
        "pad_token_id": 1, "type_vocab_size": 1, "vocab_size": 250002}"#;
    const DISTILBERT: &str = r#"{"activation": "gelu", "dim": 768, "hidden_dim": 3072, "n_heads": 12, "n_layers": 6,
        "max_position_embeddings": 512, "vocab_size": 28996, "pad_token_id": 0}"#;

    #[test]
    fn published_files_give_the_published_dimensions() {
        for (of, text, preset) in [
            (&DEBERTA_CONFIG, DEBERTA, "deberta-v3-base"),
            (&ROBERTA_CONFIG, XLM_ROBERTA, "xlm-roberta-base"),
            (&DISTILBERT_CONFIG, DISTILBERT, "distilbert-base-cased"),
            (&BERT_CONFIG, "{}", "bert-base-uncased"),
        ] {
            let SoftmaxConfig(published) = SoftmaxConfig::preset(preset).unwrap();
            assert_eq!(read(of, text), Ok(TaggerConfig { labels: 2, ..published }), "{preset}");
        }
        let labels = read(&BERT_CONFIG, r#"{"id2label": {"0": "O", "1": "B", "2": "I"}}"#).unwrap().labels;
        assert_eq!(labels, 3);
    }

    #[test]
    fn forms_that_the_network_does_not_have_are_named() {
        for (of, text, expected) in [
            (&DEBERTA_CONFIG, DEBERTA.replace("p2c|c2p", "c2p"), "`pos_att_type`: expected both"),
            (&DEBERTA_CONFIG, DEBERTA.replace("\"share_att_key\": true,", ""), "`share_att_key`"),
            (&BERT_CONFIG, r#"{"hidden_act": "relu"}"#.to_owned(), "`hidden_act`: expected \"gelu\""),
            (&ROBERTA_CONFIG, r#"{"vocab_size": "many"}"#.to_owned(), "`vocab_size`"),
        ] {
            let fault = read(of, &text).unwrap_err();
            assert!(fault.contains(expected), "{expected} is not in: {fault}");
        }
    }
}
