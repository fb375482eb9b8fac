//! Import of Grounding DINO: the dimensions in the `config.json` of Hugging Face's folders, and the perceptron that all
//! layers of the decoder must share.
//!
//! Keys and defaults are those of `transformers` (`models/grounding_dino/configuration_grounding_dino.py`, `models/swin` and
//! `models/bert`).

use super::GroundingDinoConfig;
use super::config::{LEVELS, PATCH};
use super::names::BOXES;
use crate::networks::blocks::preset::Preset;
use crate::networks::checkpoint::Checkpoint;
use crate::networks::descriptor::{ConfigJson, Dimensions, ImportError, PublishedConfig, Replaced};
use crate::networks::weights::{BundleError, Fault};

/// The `config.json` of a Grounding DINO.
pub(super) const CONFIG: PublishedConfig = PublishedConfig {
    model_types: &["grounding-dino"],
    architectures: &["GroundingDinoForObjectDetection"],
    dimensions,
};

fn dimensions(config: &ConfigJson) -> Result<Dimensions, Fault> {
    check_form(config)?;
    let GroundingDinoConfig { delimiters, shortest_side, longest_side, .. } = published();
    let (text, trunk) =
        (|key: &str| format!("text_config.{key}"), |key: &str| format!("backbone_config.{key}"));
    let heads = config.integer_or("encoder_attention_heads", 8)?;
    let ffn = config.integer_or("encoder_ffn_dim", 2048)?;
    let points = config.integer_or("encoder_n_points", 4)?;
    // The two halves have one size here.
    config.needs("decoder_attention_heads", heads, 8)?;
    config.needs("decoder_ffn_dim", ffn, 2048)?;
    config.needs("decoder_n_points", points, 4)?;
    Ok(Dimensions::of(&GroundingDinoConfig {
        // Those of the published processor, of which the network's own file says nothing.
        shortest_side,
        longest_side,
        swin_width: config.integer_or(&trunk("embed_dim"), 96)?,
        swin_depths: four(config, &trunk("depths"), [2, 2, 6, 2])?,
        swin_heads: four(config, &trunk("num_heads"), [3, 6, 12, 24])?,
        swin_window: config.integer_or(&trunk("window_size"), 7)?,
        vocabulary: config.integer_or(&text("vocab_size"), 30_522)?,
        delimiters,
        text_hidden: config.integer_or(&text("hidden_size"), 768)?,
        text_layers: config.integer_or(&text("num_hidden_layers"), 12)?,
        text_heads: config.integer_or(&text("num_attention_heads"), 12)?,
        text_ffn: config.integer_or(&text("intermediate_size"), 3072)?,
        max_positions: config.integer_or(&text("max_position_embeddings"), 512)?,
        type_vocabulary: config.integer_or(&text("type_vocab_size"), 2)?,
        max_text: config.integer_or("max_text_len", 256)?,
        d_model: config.integer_or("d_model", 256)?,
        ffn,
        heads,
        encoder_layers: config.integer_or("encoder_layers", 6)?,
        decoder_layers: config.integer_or("decoder_layers", 6)?,
        points,
        queries: config.integer_or("num_queries", 900)?,
    }))
}

/// Refuses what a published network could be and those that can be read here are not.
fn check_form(config: &ConfigJson) -> Result<(), Fault> {
    for (key, value) in [
        ("backbone_config.model_type", "swin"),
        ("backbone_config.hidden_act", "gelu"),
        ("text_config.model_type", "bert"),
        ("text_config.hidden_act", "gelu"),
        ("activation_function", "relu"),
        ("position_embedding_type", "sine"),
    ] {
        config.needs(key, value, value)?;
    }
    for key in ["backbone_config.qkv_bias", "two_stage", "embedding_init_target", "decoder_bbox_embed_share"]
    {
        config.needs(key, true, true)?;
    }
    for key in ["backbone_config.use_absolute_embeddings", "two_stage_bbox_embed_share"] {
        config.needs(key, false, false)?;
    }
    for (key, value) in [
        ("backbone_config.patch_size", PATCH),
        ("backbone_config.num_channels", 3),
        ("backbone_config.mlp_ratio", 4),
        ("num_feature_levels", LEVELS),
        ("query_dim", 4),
        ("positional_embedding_temperature", 20),
    ] {
        config.needs(key, value, value)?;
    }
    for (key, value) in [
        ("layer_norm_eps", 1e-5),
        ("backbone_config.layer_norm_eps", 1e-5),
        ("text_config.layer_norm_eps", 1e-12),
    ] {
        config.needs(key, value, value)?;
    }
    config.needs("backbone_config.out_indices", vec![2, 3, 4], vec![2, 3, 4])
}

/// A number for each of the trunk's stages.
fn four(config: &ConfigJson, key: &str, default: [i64; 4]) -> Result<[i64; 4], Fault> {
    let found = config.integers_or(key, &default)?;
    found.as_slice().try_into().map_err(|_| Fault::new(key, "four whole numbers", format!("{found:?}")))
}

/// The published network of which all share what `config.json` does not say.
fn published() -> GroundingDinoConfig {
    match GroundingDinoConfig::preset("grounding-dino-tiny") {
        Some(published) => published,
        None => unreachable!("this size is published"),
    }
}

/// Refuses a checkpoint of which a layer moves boxes by a perceptron of its own: its copies would be left out although they
/// say something else. Nothing is replaced.
pub(super) fn checked_copies(checkpoint: &Checkpoint, _: &Dimensions) -> Result<Replaced, ImportError> {
    for name in checkpoint.names() {
        let Some(part) = copied(name) else { continue };
        let kept = format!("{BOXES}{part}");
        if checkpoint.shape(&kept).is_some() && checkpoint.read(&kept)? != checkpoint.read(name)? {
            let expected = format!("the numbers of `{kept}`, which all layers share");
            let faults = vec![Fault::new(name, expected, "others")];
            return Err(BundleError::Unfit { file: checkpoint.path().to_owned(), faults }.into());
        }
    }
    Ok(Replaced::default())
}

/// What a copy is a copy of, by its name within a perceptron.
fn copied(name: &str) -> Option<&str> {
    let lists = ["model.decoder.bbox_embed.", "transformer.decoder.bbox_embed.", "bbox_embed."];
    let layers = lists.into_iter().find_map(|list| name.strip_prefix(list))?;
    let (_, part) = layers.split_once('.')?;
    (!name.starts_with(BOXES)).then_some(part)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tch::{Device, Kind, Tensor};

    use super::*;

    fn read(text: &str) -> Result<GroundingDinoConfig, String> {
        let config = ConfigJson::parse(Path::new("config.json"), text).unwrap();
        dimensions(&config).map(|dimensions| dimensions.config()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn published_files_give_the_published_sizes() {
        let preset = |name| GroundingDinoConfig::preset(name).unwrap();
        assert_eq!(read(r#"{"model_type": "grounding-dino"}"#), Ok(preset("grounding-dino-tiny")));
        let base = r#"{"backbone_config": {"model_type": "swin", "embed_dim": 128, "depths": [2, 2, 18, 2],
            "num_heads": [4, 8, 16, 32], "window_size": 12, "image_size": 384, "out_indices": [2, 3, 4]}}"#;
        assert_eq!(read(base), Ok(preset("grounding-dino-base")));
    }

    #[test]
    fn a_form_that_there_is_not_here_is_refused_by_its_key() {
        for (text, key) in [
            (r#"{"two_stage": false}"#, "`two_stage`: expected true, found false"),
            (r#"{"decoder_ffn_dim": 1024}"#, "`decoder_ffn_dim`: expected 2048, found 1024"),
            (r#"{"backbone_config": {"model_type": "resnet"}}"#, "expected \"swin\", found \"resnet\""),
            (r#"{"backbone_config": {"depths": [2, 2]}}"#, "expected four whole numbers, found [2, 2]"),
            (r#"{"decoder_bbox_embed_share": false}"#, "`decoder_bbox_embed_share`"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(key), "{fault}");
        }
    }

    #[test]
    fn layers_that_move_boxes_by_perceptrons_of_their_own_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dino.safetensors");
        let dimensions = Dimensions::of(&GroundingDinoConfig::preset("grounding-dino-tiny").unwrap());
        for (other, refused) in [(1.0, false), (2.0, true)] {
            for copy in ["bbox_embed.3.layers.0.bias", "model.decoder.bbox_embed.0.layers.0.bias"] {
                let of = |value: f64| Tensor::full([4], value, (Kind::Float, Device::Cpu));
                let tensors = [("bbox_embed.0.layers.0.bias", of(1.0)), (copy, of(other))];
                Tensor::write_safetensors(&tensors, &file).unwrap();
                let checked = checked_copies(&Checkpoint::open(&file).unwrap(), &dimensions);
                let message = checked.map(drop).map_err(|error| error.to_string());
                assert_eq!(message.is_err(), refused, "{copy}: {message:?}");
                if let Err(message) = message {
                    assert!(message.contains(copy) && message.contains("share"), "{message}");
                }
            }
        }
    }
}
