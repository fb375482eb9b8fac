//! Which bundles are there to be filled? The paper's networks at published sizes, with weights drawn at random until
//! checkpoints are imported: enough to measure loading and speed.

use crate::expand::PhraseTemplate;
use crate::models::ofa::OfaConfig;
use crate::models::tagger::CrfScope;
use crate::recognise::TagScheme;

use super::Manifest;
use super::dimensions::Dimensions;
use super::files::Weights;
use super::stages::{
    Entail, EntailNetwork, Ground, GroundNetwork, Precision, Recognise, RecogniseNetwork, Segment,
    SegmentNetwork,
};

/// The names of the presets of whole bundles.
pub const BLANKS: [&str; 2] = ["riveg-base", "riveg-large"];

/// The question that entailment asks, as OFA was taught on SNLI-VE where pictures have no caption.
pub const ENTAIL_PROMPT: &str = " does the image describe \" {phrase} \"?";
/// The question that grounding asks, as OFA was taught on RefCOCO.
pub const GROUND_PROMPT: &str = " which region does the text \" {phrase} \" describe?";
/// The side at which grounding was taught.
pub(super) const GROUND_SIDE: i64 = 512;
/// The authors' beam.
pub(super) const BEAM: usize = 5;

/// A bundle of published sizes whose weights are drawn from `seed`; nothing of that name gives `None`.
#[must_use]
pub fn blank(preset: &str, precision: Precision, seed: u64) -> Option<Manifest> {
    let (tagger, ofa, sam) = match preset {
        "riveg-base" => ("xlm-roberta-base", "ofa-base", "sam-vit-b"),
        "riveg-large" => ("xlm-roberta-large", "ofa-large", "sam-vit-h"),
        _ => return None,
    };
    let mut grounding = Dimensions::<OfaConfig>::of_preset(ofa)?;
    grounding.config.patch_image_size = GROUND_SIDE;
    Some(Manifest {
        name: preset.to_owned(),
        version: "1".to_owned(),
        made: format!("`riveg bundle new --preset {preset} --random-weights {seed}`: it has learnt nothing"),
        entity_types: ["LOC", "ORG", "OTHER", "PER"].map(str::to_owned).to_vec(),
        lexicon: None,
        phrase: PhraseTemplate::default(),
        recognise: Some(Recognise {
            precision,
            weights: Weights::Random { seed },
            tokenizer: None,
            scheme: TagScheme::Bioes,
            crf: CrfScope::Whole,
            network: RecogniseNetwork::XlmRobertaCrf(Dimensions::of_preset(tagger)?),
            self_test: Vec::new(),
        }),
        entail: Some(Entail {
            prompt: ENTAIL_PROMPT.to_owned(),
            threshold: 0.5,
            precision,
            weights: Weights::Random { seed: seed.wrapping_add(1) },
            tokenizer: None,
            network: EntailNetwork::Ofa(Dimensions::of_preset(ofa)?),
            self_test: Vec::new(),
        }),
        ground: Some(Ground {
            prompt: GROUND_PROMPT.to_owned(),
            beam: BEAM,
            bins_only: true,
            precision,
            weights: Weights::Random { seed: seed.wrapping_add(2) },
            tokenizer: None,
            network: GroundNetwork::Ofa(grounding),
            self_test: Vec::new(),
        }),
        segment: Some(Segment {
            precision,
            weights: Weights::Random { seed: seed.wrapping_add(3) },
            network: SegmentNetwork::Sam(Dimensions::of_preset(sam)?),
            self_test: Vec::new(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_preset_is_a_manifest_that_is_read_again() {
        for name in BLANKS {
            let manifest = blank(name, Precision::Bf16, 7).unwrap();
            let text = toml::to_string_pretty(&manifest).unwrap();
            assert_eq!(Manifest::parse(Path::new("bundle.toml"), &text).unwrap(), manifest);
        }
        assert_eq!(blank("riveg-small", Precision::F32, 7), None);
    }

    #[test]
    fn the_large_one_has_the_networks_of_the_paper() {
        let manifest = blank("riveg-large", Precision::F32, 7).unwrap();
        let parameters: Vec<u64> = manifest.parts().iter().map(|part| part.network.parameters).collect();
        assert_eq!(parameters[1..], [469_842_432, 469_842_432, 641_090_608]);
        assert!((558_840_832..559_000_000).contains(&parameters[0]), "{parameters:?}");
    }
}
