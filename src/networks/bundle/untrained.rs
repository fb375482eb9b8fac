//! A bundle of tiny networks that have learnt nothing: for tests of everything that does not need to be right.

use std::fs;
use std::path::Path;

use tch::nn::{self, VarStore};
use tch::{Device, Kind};

use crate::networks::ofa::{Ofa, OfaConfig};
use crate::networks::sam::{Sam, SamConfig};
use crate::networks::tagger::{CrfScope, Positions, Tagger, TaggerConfig};
use crate::stages::expand::PhraseTemplate;
use crate::stages::recognise::TagScheme;

use super::files::{FileEntry, Weights};
use super::manifest::Manifest;
use super::random::randomise;
use super::stages::{
    Entail, EntailNetwork, Ground, GroundNetwork, Precision, Recognise, RecogniseNetwork, Segment,
    SegmentNetwork,
};
use super::{BundleError, SelfTestError, save_weights, write_manifest};

/// What a tiny bundle is made around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vocabularies {
    /// Pieces of the tagger's tokenizer.
    pub tagger: i64,
    /// Tokens of OFA's tokenizer, location bins among them.
    pub ofa: i64,
    /// The first location bin.
    pub first_bin: i64,
    /// The tokens for no, yes and maybe.
    pub answers: [i64; 3],
}

/// Location bins of the tiny networks.
pub const BINS: i64 = 16;

/// Names of the files of the tiny bundle: two tokenizers, and a lexicon.
pub const FILES: [&str; 3] = ["tagger.tokenizer.json", "ofa.tokenizer.json", "lexicon.jsonl"];

const RECOGNISE: &str = "recognise.safetensors";
const ENTAIL: &str = "entail.safetensors";
const GROUND: &str = "ground.safetensors";
const SEGMENT: &str = "segment.safetensors";

/// Writes weights and manifest into a folder that holds [`FILES`] already. One seed makes one bundle, byte for byte.
///
/// # Errors
/// Where the folder cannot be written or lacks one of the files.
pub fn write_untrained(folder: &Path, vocabularies: Vocabularies, seed: u64) -> Result<(), SelfTestError> {
    fs::create_dir_all(folder).map_err(|source| BundleError::Write { file: folder.to_owned(), source })?;
    let ofa = ofa(vocabularies);
    let write = |index: u64, file: &str, make: &dyn Fn(&nn::Path<'_>)| {
        let store = VarStore::new(Device::Cpu);
        make(&store.root());
        randomise(&store, seed + index);
        save_weights(store.variables(), &folder.join(file), Kind::Half)
    };
    write(0, RECOGNISE, &|root| drop(Tagger::new(root, tagger(vocabularies.tagger))))?;
    write(1, ENTAIL, &|root| drop(Ofa::new(root, &ofa)))?;
    write(2, GROUND, &|root| drop(Ofa::new(root, &ofa)))?;
    write(3, SEGMENT, &|root| drop(Sam::new(root, &sam())))?;
    write_manifest(folder, manifest(vocabularies))
}

/// The manifest of the tiny networks.
fn manifest(vocabularies: Vocabularies) -> Manifest {
    let [tagger_tokenizer, ofa_tokenizer, lexicon] = FILES.map(FileEntry::named);
    let ofa = ofa(vocabularies);
    Manifest {
        name: "untrained".to_owned(),
        version: "1".to_owned(),
        made: "drawn at random for tests; it has learnt nothing".to_owned(),
        entity_types: ["LOC", "ORG", "OTHER", "PER"].map(str::to_owned).to_vec(),
        lexicon: Some(lexicon),
        examples: None,
        phrase: PhraseTemplate::default(),
        know: None,
        recognise: Some(Recognise {
            precision: Precision::F32,
            weights: Weights::named(RECOGNISE),
            tokenizer: Some(tagger_tokenizer),
            scheme: TagScheme::Bioes,
            crf: CrfScope::Whole,
            network: RecogniseNetwork::XlmRobertaCrf(tagger(vocabularies.tagger).into()),
            self_test: Vec::new(),
        }),
        entail: Some(Entail {
            prompt: " does the image show \" {phrase} \"?".to_owned(),
            threshold: 0.5,
            precision: Precision::F32,
            weights: Weights::named(ENTAIL),
            tokenizer: Some(ofa_tokenizer.clone()),
            network: EntailNetwork::Ofa(ofa.clone().into()),
            self_test: Vec::new(),
        }),
        ground: Some(Ground {
            prompt: " which region does the text \" {phrase} \" describe?".to_owned(),
            beam: 3,
            bins_only: true,
            precision: Precision::F32,
            weights: Weights::named(GROUND),
            tokenizer: Some(ofa_tokenizer),
            network: GroundNetwork::Ofa(ofa.into()),
            self_test: Vec::new(),
        }),
        segment: Some(Segment {
            precision: Precision::F32,
            weights: Weights::named(SEGMENT),
            network: SegmentNetwork::Sam(sam().into()),
            self_test: Vec::new(),
        }),
    }
}

pub(super) fn tagger(vocabulary: i64) -> TaggerConfig {
    TaggerConfig {
        vocabulary,
        hidden: 16,
        layers: 2,
        heads: 2,
        ffn: 32,
        max_positions: 130,
        positions: Positions::AfterPadding,
        type_vocabulary: 1,
        layer_norm_eps: 1e-5,
        pad: 1,
        labels: 17,
    }
}

pub(super) fn ofa(vocabularies: Vocabularies) -> OfaConfig {
    OfaConfig {
        vocabulary: vocabularies.ofa,
        d_model: 16,
        ffn: 32,
        heads: 2,
        encoder_layers: 2,
        decoder_layers: 2,
        resnet_layers: [1, 1, 1],
        resnet_width: 4,
        token_bucket: 16,
        image_bucket: 4,
        max_positions: 256,
        patch_image_size: 48,
        first_bin: vocabularies.first_bin,
        bins: BINS,
        answers: vocabularies.answers,
    }
}

pub(super) fn sam() -> SamConfig {
    SamConfig {
        image_size: 64,
        patch_size: 8,
        hidden: 16,
        layers: 2,
        heads: 2,
        mlp_ratio: 2.0,
        window: 3,
        global_layers: vec![1],
        output_channels: 16,
        decoder_layers: 2,
        decoder_heads: 2,
        decoder_mlp: 32,
        mask_threshold: 0.0,
        multimask: false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A bundle whose tokenizers and lexicon are only files: enough for whatever does not read them.
    pub(crate) fn without_tokenizers() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES {
            fs::write(folder.path().join(file), file).unwrap();
        }
        let vocabularies = Vocabularies { tagger: 40, ofa: 60, first_bin: 40, answers: [10, 11, 12] };
        write_untrained(folder.path(), vocabularies, 1).unwrap();
        folder
    }

    #[test]
    fn one_seed_makes_one_bundle() {
        let (one, other) = (without_tokenizers(), without_tokenizers());
        for file in fs::read_dir(one.path()).unwrap() {
            let name = file.unwrap().file_name();
            let read = |folder: &Path| fs::read(folder.join(&name)).unwrap();
            assert_eq!(read(one.path()), read(other.path()), "{}", name.display());
        }
    }
}
