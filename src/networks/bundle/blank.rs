//! Which bundles are there to be filled? The paper's networks at published sizes, with weights drawn at random until
//! checkpoints are imported: enough to measure loading and speed.

use crate::domain::Stage;
use crate::networks::albef::AlbefConfig;
use crate::networks::blocks::preset::Preset;
use crate::networks::ofa::OfaConfig;
use crate::networks::sam::SamConfig;
use crate::networks::seqtr::SeqTrConfig;
use crate::networks::tagger::{CrfScope, TaggerConfig};
use crate::networks::umt::UmtConfig;
use crate::stages::expand::PhraseTemplate;
use crate::stages::prompt::PHRASE;
use crate::stages::recognise::TagScheme;

use super::Manifest;
use super::dimensions::Dimensions;
use super::files::Weights;
use super::retrieve::{Retrieve, RetrieveNetwork};
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
    let networks = match preset {
        "riveg-base" => ["xlm-roberta-base", "ofa-base", "ofa-base", "sam-vit-b"],
        "riveg-large" => ["xlm-roberta-large", "ofa-large", "ofa-large", "sam-vit-h"],
        _ => return None,
    };
    let made = format!("`riveg bundle new --preset {preset} --random-weights {seed}`: it has learnt nothing");
    let mut manifest = empty(preset.to_owned(), made);
    for ((stage, network), number) in Stage::ALL.into_iter().zip(networks).zip(0..) {
        fill(&mut manifest, (stage, network), precision, seed.wrapping_add(number))?;
    }
    Some(manifest)
}

/// A bundle of one stage, to be taken from there by others; everything else as in [`blank`].
#[must_use]
pub fn blank_stage(stage: Stage, preset: &str, precision: Precision, seed: u64) -> Option<Manifest> {
    let command = format!("riveg bundle new --stage {stage} --preset {preset} --random-weights {seed}");
    let mut manifest = empty(format!("{stage}-{preset}"), format!("`{command}`: it has learnt nothing"));
    fill(&mut manifest, (stage, preset), precision, seed)?;
    Some(manifest)
}

/// The published networks that can serve a stage.
#[must_use]
pub fn presets(stage: Stage) -> Vec<&'static str> {
    match stage {
        Stage::Retrieve => UmtConfig::NAMES.to_vec(),
        Stage::Recognise => TaggerConfig::NAMES.to_vec(),
        Stage::Entail => [OfaConfig::NAMES, AlbefConfig::NAMES].concat(),
        Stage::Ground => [OfaConfig::NAMES, SeqTrConfig::NAMES].concat(),
        Stage::Segment => SamConfig::NAMES.to_vec(),
    }
}

/// A bundle without stages, which others fill.
pub(super) fn empty(name: String, made: String) -> Manifest {
    Manifest {
        name,
        version: "1".to_owned(),
        made,
        entity_types: ["LOC", "ORG", "OTHER", "PER"].map(str::to_owned).to_vec(),
        lexicon: None,
        examples: None,
        phrase: PhraseTemplate::default(),
        know: None,
        recognise: None,
        entail: None,
        ground: None,
        segment: None,
    }
}

/// Gives a bundle a stage with a network of published size.
fn fill(
    manifest: &mut Manifest,
    (stage, preset): (Stage, &str),
    precision: Precision,
    seed: u64,
) -> Option<()> {
    match stage {
        Stage::Retrieve => manifest.know = Some(know(preset, precision, seed)?),
        Stage::Recognise => manifest.recognise = Some(recognise(preset, precision, seed)?),
        Stage::Entail => manifest.entail = Some(entail(preset, precision, seed)?),
        Stage::Ground => manifest.ground = Some(ground(preset, precision, seed)?),
        Stage::Segment => manifest.segment = Some(segment(preset, precision, seed)?),
    }
    Some(())
}

fn know(preset: &str, precision: Precision, seed: u64) -> Option<Retrieve> {
    Some(Retrieve {
        precision,
        weights: Weights::Random { seed },
        tokenizer: None,
        network: RetrieveNetwork::Umt(Dimensions::of_preset(preset)?),
        self_test: Vec::new(),
    })
}

fn recognise(preset: &str, precision: Precision, seed: u64) -> Option<Recognise> {
    let dimensions = Dimensions::of_preset(preset)?;
    let network = if preset.starts_with("bert") {
        RecogniseNetwork::BertCrf(dimensions)
    } else {
        RecogniseNetwork::XlmRobertaCrf(dimensions)
    };
    Some(Recognise {
        precision,
        weights: Weights::Random { seed },
        tokenizer: None,
        scheme: TagScheme::Bioes,
        crf: CrfScope::Whole,
        network,
        self_test: Vec::new(),
    })
}

fn entail(preset: &str, precision: Precision, seed: u64) -> Option<Entail> {
    let (prompt, network) = match Dimensions::of_preset(preset) {
        Some(ofa) => (ENTAIL_PROMPT, EntailNetwork::Ofa(ofa)),
        None => (PHRASE, EntailNetwork::Albef(Dimensions::of_preset(preset)?)),
    };
    Some(Entail {
        prompt: prompt.to_owned(),
        threshold: 0.5,
        precision,
        weights: Weights::Random { seed },
        tokenizer: None,
        network,
        self_test: Vec::new(),
    })
}

fn ground(preset: &str, precision: Precision, seed: u64) -> Option<Ground> {
    let (prompt, beam, network) = match Dimensions::<OfaConfig>::of_preset(preset) {
        Some(mut ofa) => {
            ofa.config.patch_image_size = GROUND_SIDE;
            (GROUND_PROMPT, BEAM, GroundNetwork::Ofa(ofa))
        }
        None => (PHRASE, 1, GroundNetwork::SeqTr(Dimensions::of_preset(preset)?)),
    };
    Some(Ground {
        prompt: prompt.to_owned(),
        beam,
        bins_only: true,
        precision,
        weights: Weights::Random { seed },
        tokenizer: None,
        network,
        self_test: Vec::new(),
    })
}

fn segment(preset: &str, precision: Precision, seed: u64) -> Option<Segment> {
    Some(Segment {
        precision,
        weights: Weights::Random { seed },
        network: SegmentNetwork::Sam(Dimensions::of_preset(preset)?),
        self_test: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::common::imaging::View;

    fn assert_read_again(manifest: &Manifest) {
        let text = toml::to_string_pretty(manifest).unwrap();
        assert_eq!(&Manifest::parse(Path::new("bundle.toml"), &text).unwrap(), manifest);
    }

    #[test]
    fn every_preset_is_a_manifest_that_is_read_again() {
        for name in BLANKS {
            assert_read_again(&blank(name, Precision::Bf16, 7).unwrap());
        }
        assert_eq!(blank("riveg-small", Precision::F32, 7), None);
    }

    #[test]
    fn every_published_network_is_a_stage_of_its_own() {
        for stage in Stage::WITH_RETRIEVAL {
            for preset in presets(stage) {
                let manifest = blank_stage(stage, preset, Precision::F16, 7).unwrap();
                assert_read_again(&manifest);
                let parts = manifest.parts();
                assert_eq!((parts.len(), parts[0].stage), (1, stage), "{preset}");
                assert_eq!(parts[0].network.preset.as_deref(), Some(preset));
            }
            assert_eq!(blank_stage(stage, "riveg-large", Precision::F16, 7), None);
        }
    }

    #[test]
    fn every_network_sees_pictures_as_it_was_taught_to() {
        let entails = |preset: &str| entail(preset, Precision::F32, 7).unwrap().network.view();
        let grounds = |preset: &str| ground(preset, Precision::F32, 7).unwrap().network.view();
        assert_eq!(entails("ofa-large"), View::squashed(480));
        assert_eq!(entails("albef-base"), View::squashed(384));
        assert_eq!(grounds("ofa-large"), View::squashed(512));
        assert_eq!(grounds("seqtr-refcoco"), View::longest_side(640));
    }

    #[test]
    fn the_large_one_has_the_networks_of_the_paper() {
        let manifest = blank("riveg-large", Precision::F32, 7).unwrap();
        let parameters: Vec<u64> = manifest.parts().iter().map(|part| part.network.parameters).collect();
        assert_eq!(parameters[1..], [469_842_432, 469_842_432, 641_090_608]);
        assert!((558_840_832..559_000_000).contains(&parameters[0]), "{parameters:?}");
    }
}
