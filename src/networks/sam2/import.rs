//! Import of SAM 2: the dimensions in the `config.json` of Hugging Face's folders, and the authors' four tables of points as
//! one.
//!
//! Keys and defaults are those of `transformers` (`models/sam2/configuration_sam2.py`, `models/sam2_video`).

use std::collections::BTreeMap;

use tch::Tensor;

use super::config::{STAGES, Sam2Config};
use super::names::POINT_TABLE;
use crate::networks::blocks::promptable::MULTIMASK_OUTPUTS;
use crate::networks::checkpoint::{Checkpoint, Instead};
use crate::networks::descriptor::{
    ConfigJson, Dimensions, ImportError, PublishedConfig, Replaced, read_floats,
};
use crate::networks::weights::{BundleError, Fault};

/// The `config.json` of a SAM 2: those published are of the video network, which has the one for pictures in it.
pub(super) const CONFIG: PublishedConfig =
    PublishedConfig { model_types: &["sam2", "sam2_video"], architectures: &[], dimensions };

fn dimensions(config: &ConfigJson) -> Result<Dimensions, Fault> {
    let encoder = |key: &str| format!("vision_config.backbone_config.{key}");
    let decoder = |key: &str| format!("mask_decoder_config.{key}");
    config.needs(&encoder("hidden_act"), "gelu", "gelu")?;
    config.needs(&encoder("num_query_pool_stages"), STAGES as i64 - 1, STAGES as i64 - 1)?;
    config.needs(&decoder("attention_downsample_rate"), 2, 2)?;
    config.needs(&decoder("num_multimask_outputs"), MULTIMASK_OUTPUTS, MULTIMASK_OUTPUTS)?;
    config.needs(&decoder("iou_head_depth"), 3, 3)?;
    config.needs(&decoder("dynamic_multimask_via_stability"), true, true)?;
    let of_stages = |key: &str, published: [i64; STAGES]| {
        let key = encoder(key);
        let found = config.integers_or(&key, &published)?;
        <[i64; STAGES]>::try_from(found.as_slice())
            .map_err(|_| Fault::new(&key, format!("{STAGES} whole numbers"), found.len()))
    };
    let tiny = Sam2Config::tiny();
    Ok(Dimensions::of(&Sam2Config {
        image_size: config.side_or("prompt_encoder_config.image_size", tiny.image_size)?,
        widths: of_stages("embed_dim_per_stage", tiny.widths)?,
        heads: of_stages("num_attention_heads_per_stage", tiny.heads)?,
        blocks: of_stages("blocks_per_stage", tiny.blocks)?,
        windows: of_stages("window_size_per_stage", tiny.windows)?,
        global_blocks: config.integers_or(&encoder("global_attention_blocks"), &tiny.global_blocks)?,
        position_side: config
            .side_or(&encoder("window_positional_embedding_background_size"), tiny.position_side)?,
        mlp_ratio: config.number_or(&encoder("mlp_ratio"), tiny.mlp_ratio)?,
        output_channels: config.integer_or("vision_config.fpn_hidden_size", tiny.output_channels)?,
        decoder_layers: config.integer_or(&decoder("num_hidden_layers"), tiny.decoder_layers)?,
        decoder_heads: config.integer_or(&decoder("num_attention_heads"), tiny.decoder_heads)?,
        decoder_mlp: config.integer_or(&decoder("mlp_dim"), tiny.decoder_mlp)?,
        mask_threshold: 0.0,
        multimask: false,
        stability_delta: config
            .number_or(&decoder("dynamic_multimask_stability_delta"), tiny.stability_delta)?,
        stability_threshold: config
            .number_or(&decoder("dynamic_multimask_stability_thresh"), tiny.stability_threshold)?,
    }))
}

/// The table of points of a checkpoint that has a table for each kind of point. Tables that are missing or differ in shape
/// are left to strict loading, which names the first.
pub(super) fn point_table(
    checkpoint: &Checkpoint,
    _dimensions: &Dimensions,
) -> Result<Replaced, ImportError> {
    let mut rows = Vec::new();
    for kind in 0..4 {
        match read_floats(checkpoint, &format!("sam_prompt_encoder.point_embeddings.{kind}.weight"))? {
            Some(row) => rows.push(row),
            None => return Ok(Replaced::default()),
        }
    }
    let shape = rows[0].size();
    let &[1, width] = shape.as_slice() else { return Ok(Replaced::default()) };
    if rows.iter().any(|row| row.size() != shape) {
        return Ok(Replaced::default());
    }
    let torch = |source| BundleError::Torch { file: checkpoint.path().to_owned(), source };
    let table = Tensor::f_cat(&rows, 0).map_err(torch)?;
    let values = Vec::try_from(table.reshape([-1])).map_err(torch)?;
    let instead = Instead { shape: vec![rows.len(), width as usize], values };
    Ok(Replaced { tensors: BTreeMap::from([(POINT_TABLE.to_owned(), instead)]), note: None })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<Sam2Config, String> {
        let config = ConfigJson::parse(Path::new("config.json"), text).unwrap();
        dimensions(&config).map(|dimensions| dimensions.config()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn published_files_give_the_published_sizes() {
        assert_eq!(read(r#"{"model_type": "sam2_video"}"#), Ok(Sam2Config::tiny()));
        let base = r#"{"vision_config": {"backbone_config": {"embed_dim_per_stage": [112, 224, 448, 896],
            "num_attention_heads_per_stage": [2, 4, 8, 16], "blocks_per_stage": [2, 3, 16, 3],
            "window_size_per_stage": [8, 4, 14, 7], "global_attention_blocks": [12, 16, 20],
            "window_positional_embedding_background_size": [14, 14], "image_size": [1024, 1024]}}}"#;
        assert_eq!(read(base), Ok(Sam2Config::base_plus()));
    }

    #[test]
    fn a_form_that_there_is_not_here_is_refused_by_its_key() {
        for (text, key) in [
            (
                r#"{"mask_decoder_config": {"dynamic_multimask_via_stability": false}}"#,
                "`mask_decoder_config.dynamic_multimask_via_stability`: expected true",
            ),
            (r#"{"mask_decoder_config": {"num_multimask_outputs": 4}}"#, "expected 3, found 4"),
            (
                r#"{"vision_config": {"backbone_config": {"blocks_per_stage": [1, 2]}}}"#,
                "`vision_config.backbone_config.blocks_per_stage`: expected 4 whole numbers, found 2",
            ),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(key), "{fault}");
        }
    }
}
