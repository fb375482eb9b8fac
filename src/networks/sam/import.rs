//! Import of SAM: the dimensions in the `config.json` of Hugging Face's folders.
//!
//! Keys and defaults are those of `transformers` (`models/sam/configuration_sam.py`).

use super::{MULTIMASK_OUTPUTS, SamConfig};
use crate::networks::descriptor::{ConfigJson, Dimensions, PublishedConfig};
use crate::networks::weights::Fault;

/// The `config.json` of a SAM.
pub(super) const CONFIG: PublishedConfig =
    PublishedConfig { model_types: &["sam"], architectures: &["SamModel"], dimensions };

fn dimensions(config: &ConfigJson) -> Result<Dimensions, Fault> {
    for (key, value) in [
        ("vision_config.hidden_act", "gelu"),
        ("prompt_encoder_config.hidden_act", "gelu"),
        ("mask_decoder_config.hidden_act", "relu"),
    ] {
        config.needs(key, value, value)?;
    }
    for key in ["vision_config.qkv_bias", "vision_config.use_abs_pos", "vision_config.use_rel_pos"] {
        config.needs(key, true, true)?;
    }
    config.needs("mask_decoder_config.attention_downsample_rate", 2, 2)?;
    config.needs("mask_decoder_config.num_multimask_outputs", MULTIMASK_OUTPUTS, MULTIMASK_OUTPUTS)?;
    config.needs("mask_decoder_config.iou_head_depth", 3, 3)?;
    let hidden = config.integer_or("vision_config.hidden_size", 768)?;
    let mlp_ratio = config.number_or("vision_config.mlp_ratio", 4.0)?;
    let mlp = config.number_or("vision_config.mlp_dim", hidden as f64 * mlp_ratio)?;
    Ok(Dimensions::of(&SamConfig {
        image_size: config.side_or("vision_config.image_size", 1024)?,
        patch_size: config.side_or("vision_config.patch_size", 16)?,
        hidden,
        layers: config.integer_or("vision_config.num_hidden_layers", 12)?,
        heads: config.integer_or("vision_config.num_attention_heads", 12)?,
        mlp_ratio: mlp / hidden as f64,
        window: config.integer_or("vision_config.window_size", 14)?,
        global_layers: config.integers_or("vision_config.global_attn_indexes", &[2, 5, 8, 11])?,
        output_channels: config.integer_or("vision_config.output_channels", 256)?,
        decoder_layers: config.integer_or("mask_decoder_config.num_hidden_layers", 2)?,
        decoder_heads: config.integer_or("mask_decoder_config.num_attention_heads", 8)?,
        decoder_mlp: config.integer_or("mask_decoder_config.mlp_dim", 2048)?,
        mask_threshold: 0.0,
        multimask: false,
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<SamConfig, String> {
        let config = ConfigJson::parse(Path::new("config.json"), text).unwrap();
        dimensions(&config).map(|dimensions| dimensions.config()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn published_files_give_the_published_sizes() {
        assert_eq!(read(r#"{"model_type": "sam"}"#), Ok(SamConfig::vit_b()));
        let huge = r#"{"vision_config": {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16,
            "global_attn_indexes": [7, 15, 23, 31], "mlp_dim": 5120, "image_size": [1024, 1024]}}"#;
        assert_eq!(read(huge), Ok(SamConfig::vit_h()));
    }

    #[test]
    fn a_form_that_there_is_not_here_is_refused_by_its_key() {
        for (text, key) in [
            (r#"{"vision_config": {"use_rel_pos": false}}"#, "`vision_config.use_rel_pos`: expected true"),
            (r#"{"mask_decoder_config": {"num_multimask_outputs": 4}}"#, "expected 3, found 4"),
            (
                r#"{"vision_config": {"hidden_size": "wide"}}"#,
                "`vision_config.hidden_size`: expected a whole",
            ),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(key), "{fault}");
        }
    }
}
