//! Templates: manifests of published sizes, with weights drawn at random until checkpoints are imported. They suffice to
//! measure loading and speed.

use std::collections::BTreeMap;

use super::Manifest;
use super::stages::{Entail, Ground, Recognise, Retrieve, Segment};
use crate::domain::Stage;
use crate::networks::blocks::crf::CrfScope;
use crate::networks::blocks::words::{Decoding, Pooling};
use crate::networks::descriptor::{
    Descriptor, EntailDescriptor, GroundDescriptor, Network, RecogniseDescriptor, RetrieveDescriptor,
    SegmentDescriptor,
};
use crate::networks::registry::TEMPLATES;
use crate::networks::weights::{Precision, Weights};
use crate::stages::recognise::{TagScheme, TextStyle};

/// The names of the templates of whole bundles.
#[must_use]
pub fn templates() -> Vec<&'static str> {
    TEMPLATES.iter().map(|(name, _)| *name).collect()
}

/// A bundle of published sizes whose weights are drawn from `seed`; an unknown name gives `None`.
#[must_use]
pub fn template(name: &str, precision: Precision, seed: u64) -> Option<Manifest> {
    let (_, networks) = TEMPLATES.iter().find(|(known, _)| *known == name)?;
    let made = format!("`riveg bundle new --preset {name} --random-weights {seed}`: it has learnt nothing");
    let mut manifest = Manifest::empty(name.to_owned(), made);
    for ((stage, network), number) in Stage::ALL.into_iter().zip(networks).zip(0..) {
        fill(&mut manifest, (stage, network), precision, seed.wrapping_add(number))?;
    }
    Some(manifest)
}

/// A bundle of one stage, from which other bundles take it; everything else as in [`template`].
#[must_use]
pub fn stage_template(stage: Stage, preset: &str, precision: Precision, seed: u64) -> Option<Manifest> {
    let command = format!("riveg bundle new --stage {stage} --preset {preset} --random-weights {seed}");
    let made = format!("`{command}`: it has learnt nothing");
    let mut manifest = Manifest::empty(format!("{stage}-{preset}"), made);
    fill(&mut manifest, (stage, preset), precision, seed)?;
    Some(manifest)
}

/// The published networks that can serve a stage.
#[must_use]
pub fn presets(stage: Stage) -> Vec<&'static str> {
    match stage {
        Stage::Retrieve => published::<RetrieveDescriptor>(),
        Stage::Recognise => published::<RecogniseDescriptor>(),
        Stage::Entail => published::<EntailDescriptor>(),
        Stage::Ground => published::<GroundDescriptor>(),
        Stage::Segment => published::<SegmentDescriptor>(),
    }
}

fn published<D: Descriptor>() -> Vec<&'static str> {
    D::ALL.iter().flat_map(|known| known.architecture().published).copied().collect()
}

/// Gives a bundle a stage with a network of published size.
fn fill(
    manifest: &mut Manifest,
    (stage, preset): (Stage, &str),
    precision: Precision,
    seed: u64,
) -> Option<()> {
    let weights = Weights::Random { seed };
    match stage {
        Stage::Retrieve => manifest.know = Some(know(preset, precision, weights)?),
        Stage::Recognise => manifest.recognise = Some(recognise(preset, precision, weights)?),
        Stage::Entail => manifest.entail = Some(entail(preset, precision, weights)?),
        Stage::Ground => manifest.ground = Some(ground(preset, precision, weights)?),
        Stage::Segment => manifest.segment = Some(segment(preset, precision, weights)?),
    }
    Some(())
}

fn know(preset: &str, precision: Precision, weights: Weights) -> Option<Retrieve> {
    let network = Network::published(preset)?;
    Some(Retrieve { precision, weights, tokenizer: None, network, self_test: Vec::new() })
}

fn recognise(preset: &str, precision: Precision, weights: Weights) -> Option<Recognise> {
    Some(Recognise {
        precision,
        weights,
        tokenizer: None,
        scheme: TagScheme::Bioes,
        labels: Vec::new(),
        types: BTreeMap::new(),
        crf: CrfScope::Whole,
        text: TextStyle::Plain,
        pooling: Pooling::First,
        decoding: Decoding::Argmax,
        network: Network::published(preset)?,
        self_test: Vec::new(),
        training: None,
    })
}

fn entail(preset: &str, precision: Precision, weights: Weights) -> Option<Entail> {
    let network = Network::<EntailDescriptor>::published(preset)?;
    Some(Entail {
        prompt: network.descriptor().prompt.to_owned(),
        threshold: network.descriptor().threshold,
        precision,
        weights,
        tokenizer: None,
        network,
        self_test_question: None,
        self_test: Vec::new(),
        training: None,
    })
}

fn ground(preset: &str, precision: Precision, weights: Weights) -> Option<Ground> {
    let mut network = Network::<GroundDescriptor>::published(preset)?;
    let GroundDescriptor { prompt, beam, differing, .. } = network.descriptor();
    for (key, value) in *differing {
        network.dimensions_mut().replace(key, *value);
    }
    Some(Ground {
        prompt: (*prompt).to_owned(),
        beam: *beam,
        bins_only: true,
        threshold: 0.0,
        precision,
        weights,
        tokenizer: None,
        network,
        self_test_question: None,
        self_test: Vec::new(),
        training: None,
    })
}

fn segment(preset: &str, precision: Precision, weights: Weights) -> Option<Segment> {
    let network = Network::published(preset)?;
    Some(Segment { precision, weights, network, self_test: Vec::new(), training: None })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::common::imaging::View;

    const SEED: Weights = Weights::Random { seed: 7 };

    fn assert_read_again(manifest: &Manifest) {
        let text = toml::to_string_pretty(manifest).unwrap();
        assert_eq!(&Manifest::parse(Path::new("bundle.toml"), &text).unwrap(), manifest);
    }

    #[test]
    fn every_preset_is_a_manifest_that_is_read_again() {
        for name in templates() {
            assert_read_again(&template(name, Precision::Bf16, 7).unwrap());
        }
        assert_eq!(template("riveg-small", Precision::F32, 7), None);
    }

    #[test]
    fn every_published_network_is_a_stage_of_its_own() {
        for stage in Stage::WITH_RETRIEVAL {
            for preset in presets(stage) {
                let manifest = stage_template(stage, preset, Precision::F16, 7).unwrap();
                assert_read_again(&manifest);
                let parts = manifest.parts();
                assert_eq!((parts.len(), parts[0].stage), (1, stage), "{preset}");
                assert_eq!(parts[0].network.preset.as_deref(), Some(preset));
            }
            assert_eq!(stage_template(stage, "riveg-large", Precision::F16, 7), None);
        }
    }

    #[test]
    fn every_network_sees_pictures_as_it_was_taught_to() {
        let entails = |preset: &str| entail(preset, Precision::F32, SEED).unwrap().network.view();
        let grounds = |preset: &str| ground(preset, Precision::F32, SEED).unwrap().network.view();
        assert_eq!(entails("ofa-large"), View::squashed(480));
        assert_eq!(entails("albef-base"), View::squashed(384));
        assert_eq!(grounds("ofa-large"), View::squashed(512));
        assert_eq!(grounds("seqtr-refcoco"), View::longest_side(640));
    }

    #[test]
    fn the_large_one_has_the_networks_of_the_paper() {
        let manifest = template("riveg-large", Precision::F32, 7).unwrap();
        let parameters: Vec<u64> = manifest.parts().iter().map(|part| part.network.parameters).collect();
        assert_eq!(parameters[1..], [469_842_432, 469_842_432, 641_090_608]);
        assert!((558_840_832..559_000_000).contains(&parameters[0]), "{parameters:?}");
    }
}
