//! Import of OFA: the dimensions of a `config.json`, the side of its pictures, its location tokens and its answers, and
//! whether it was trained for the stage.

use std::sync::Arc;

use tokenizers::Tokenizer;
use toml::{Table, Value};

use super::{Ofa, OfaConfig, OfaEntailer, OfaGrounder};
use crate::common::imaging::Picture;
use crate::domain::Stage;
use crate::networks::checkpoint::Checkpoint;
use crate::networks::descriptor::{ConfigJson, Dimensions, PieceFaults, PublishedConfig};
use crate::networks::weights::{Fault, SelfTestError, WeightSource};
use crate::stages::vocabulary::Locations;
use crate::stages::{entail, ground};

/// The side of pictures, as the dimensions name it.
pub(super) const SIDE: &str = "patch_image_size";
/// The side at which grounding was taught.
pub(super) const GROUND_SIDE: i64 = 512;

/// The answers of entailment. Every published vocabulary has them where the network expects them, so they tell a whole
/// dictionary from part of one.
const ANSWERS: [&str; 3] = [" no", " yes", " maybe"];

/// The `config.json` of an OFA, as its authors wrote it for Hugging Face and ModelScope.
pub(super) const CONFIG: PublishedConfig =
    PublishedConfig { model_types: &["ofa"], architectures: &[], dimensions: dimensions_of_config };

/// Where location bins are, how many there are, and which pieces are answers, no `config.json` says: they are the same in
/// all published vocabularies, the bins last. Neither does it say the side of pictures, which the task gives.
///
/// Keys and defaults are those of OFA's authors (`configuration_ofa.py`).
fn dimensions_of_config(config: &ConfigJson) -> Result<Dimensions, Fault> {
    const BINS: i64 = 1000;
    for key in ["entangle_position_embedding", "use_ofasys", "share_attn_bias", "use_gamma_feature"] {
        config.needs(key, false, false)?;
    }
    for key in ["normformer", "add_type_embedding", "layernorm_embedding", "patch_layernorm_embedding"] {
        config.needs(key, true, true)?;
    }
    config.needs("activation_function", "gelu", "gelu")?;
    config.needs("attn_scale_factor", 2.0, 2.0)?;
    let (heads, ffn) =
        (config.integer_or("encoder_attention_heads", 8)?, config.integer_or("encoder_ffn_dim", 2048)?);
    config.needs("decoder_attention_heads", heads, 8)?;
    config.needs("decoder_ffn_dim", ffn, 2048)?;
    // ResNets without their last stage.
    let resnet_layers = match config.text_or("resnet_type", "resnet101")? {
        "resnet50" => [3, 4, 6],
        "resnet101" => [3, 4, 23],
        "resnet152" => [3, 8, 36],
        other => {
            let found = format!("`{}`", other.escape_debug());
            return Err(Fault::new("resnet_type", "`resnet50`, `resnet101` or `resnet152`", found));
        }
    };
    let vocabulary = config.integer_or("vocab_size", 59_457)?;
    Ok(Dimensions::of(&OfaConfig {
        vocabulary,
        d_model: config.integer_or("d_model", 512)?,
        ffn,
        heads,
        encoder_layers: config.integer_or("encoder_layers", 4)?,
        decoder_layers: config.integer_or("decoder_layers", 4)?,
        resnet_layers,
        resnet_width: 64,
        token_bucket: config.integer_or("token_bucket_size", 256)?,
        image_bucket: config.integer_or("image_bucket_size", 42)?,
        max_positions: config.integer_or("max_position_embeddings", 1024)?,
        patch_image_size: 480,
        first_bin: vocabulary - BINS,
        bins: BINS,
        answers: [117, 4420, 2085],
    }))
}

/// The side of pictures: the user's, or else the checkpoint's, or else the preset's.
pub(super) fn dimensions_of_entailment(
    checkpoint: &Checkpoint,
    network: &mut Table,
    _has_preset: bool,
) -> Option<String> {
    side(checkpoint, network, None)
}

/// The side of pictures: the user's, or else the checkpoint's, or else that at which grounding was taught. At another side
/// it answers with the same confidence, and wrongly.
pub(super) fn dimensions_of_grounding(
    checkpoint: &Checkpoint,
    network: &mut Table,
    has_preset: bool,
) -> Option<String> {
    side(checkpoint, network, has_preset.then_some(GROUND_SIDE))
}

fn side(checkpoint: &Checkpoint, network: &mut Table, taught: Option<i64>) -> Option<String> {
    let noted = checkpoint.settings().patch_image_size.as_ref();
    match (network.get(SIDE).and_then(Value::as_integer), noted) {
        (Some(given), Some(noted)) if given != noted.value => Some(format!(
            "warning: `{SIDE}` is {given}, where the checkpoint says `{}` = {}",
            noted.key, noted.value
        )),
        (Some(_), _) => None,
        (None, Some(noted)) => {
            network.insert(SIDE.to_owned(), noted.value.into());
            Some(format!("`{SIDE}` is {}, as the checkpoint's `{}` says", noted.value, noted.key))
        }
        (None, None) => taught.map(|taught| {
            network.insert(SIDE.to_owned(), taught.into());
            format!("`{SIDE}` is {taught}, at which grounding was taught: the checkpoint says nothing of it")
        }),
    }
}

/// The recipe of a network for entailment: its training was told captions or not, and the published ones were.
pub(super) fn entailment_recipe(checkpoint: &Checkpoint) -> (&'static str, String) {
    match &checkpoint.settings().add_caption {
        Some(told) if !told.value => {
            ("ofa-snli-ve-plain", format!("the checkpoint says `{}` = false", told.key))
        }
        Some(told) => ("ofa-snli-ve", format!("the checkpoint says `{}` = true", told.key)),
        None => (
            "ofa-snli-ve",
            "published networks were trained with it, and the checkpoint does not say".to_owned(),
        ),
    }
}

/// Where the network has its location tokens.
pub(super) fn locations(dimensions: &Dimensions) -> Locations {
    let config: OfaConfig = dimensions.config();
    Locations {
        first: u32::try_from(config.first_bin).unwrap_or(u32::MAX),
        count: u32::try_from(config.bins).unwrap_or(u32::MAX),
    }
}

/// Location tokens and answers that are not where the network expects them.
pub(super) fn piece_faults(tokenizer: &Tokenizer, dimensions: &Dimensions) -> PieceFaults {
    let config: OfaConfig = dimensions.config();
    PieceFaults { always: other_locations(tokenizer, &config), published: other_answers(tokenizer, &config) }
}

/// The location tokens, where the tokenizer has any, are those that the network was taught.
fn other_locations(tokenizer: &Tokenizer, config: &OfaConfig) -> Vec<Fault> {
    let last = config.bins - 1;
    let fault = |bin: i64| {
        let piece = format!("<bin_{bin}>");
        let (found, id) = (i64::from(tokenizer.token_to_id(&piece)?), config.first_bin + bin);
        let expected = format!("the id {id} by the network's `first_bin` and `bins`");
        (found != id).then(|| Fault::new(&piece, expected, found))
    };
    [0, last].into_iter().filter_map(fault).collect()
}

/// The three answers are one piece each, with the ids that the network answers with.
fn other_answers(tokenizer: &Tokenizer, config: &OfaConfig) -> Vec<Fault> {
    let fault = |(answer, expected): (&str, i64)| {
        let encoded = tokenizer.encode_fast(answer, false);
        let found = encoded.map(|encoded| encoded.get_ids().to_vec()).unwrap_or_default();
        let is_it = matches!(found[..], [id] if i64::from(id) == expected);
        let expected = format!("the one id {expected} of the network's `answers`");
        (!is_it).then(|| Fault::new(&format!("\"{answer}\""), expected, format!("{found:?}")))
    };
    ANSWERS.into_iter().zip(config.answers).filter_map(fault).collect()
}

/// The share of no, yes and maybe after a question of entailment.
pub(super) fn answers_share(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    picture: Arc<Picture>,
    prompt: Vec<u32>,
) -> Result<f64, SelfTestError> {
    let ofa = OfaEntailer::new(source.load(|root| Ofa::new(root, &dimensions.config()))?, 0);
    let share = ofa.share_of_answers(&entail::Request { picture, prompt });
    share.map_err(|source| SelfTestError::Model { stage: Stage::Entail, source })
}

/// The share of the location bins after a question of grounding.
pub(super) fn bins_share(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    picture: Arc<Picture>,
    prompt: Vec<u32>,
) -> Result<f64, SelfTestError> {
    let ofa = OfaGrounder::new(source.load(|root| Ofa::new(root, &dimensions.config()))?, 1, 0);
    let share = ofa.share_of_bins(&ground::Request { picture, prompt });
    share.map_err(|source| SelfTestError::Model { stage: Stage::Ground, source })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::networks::blocks::preset::Preset;

    fn read(text: &str) -> Result<OfaConfig, String> {
        let config = ConfigJson::parse(Path::new("config.json"), text).unwrap();
        dimensions_of_config(&config).map(|dimensions| dimensions.config()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn published_config_files_give_the_published_sizes() {
        let large = r#"{"model_type": "ofa", "d_model": 1024, "encoder_layers": 12, "decoder_layers": 12,
            "encoder_attention_heads": 16, "decoder_attention_heads": 16, "encoder_ffn_dim": 4096,
            "decoder_ffn_dim": 4096, "resnet_type": "resnet152", "vocab_size": 59457}"#;
        assert_eq!(read(large), Ok(OfaConfig::preset("ofa-large").unwrap()));
        // What is not written is as the library takes it.
        assert_eq!(read("{}"), Ok(OfaConfig::preset("ofa-medium").unwrap()));
    }

    #[test]
    fn an_ofa_of_another_form_is_refused_by_the_key() {
        for (text, expected) in [
            (r#"{"use_ofasys": true}"#, "`use_ofasys`: expected false, found true"),
            (r#"{"decoder_ffn_dim": 1024}"#, "`decoder_ffn_dim`: expected 2048, found 1024"),
            (r#"{"resnet_type": "vit"}"#, "`resnet_type`: expected `resnet50`, `resnet101` or `resnet152`"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(expected), "{fault}");
        }
    }
}
