//! Tiny bundle of four stages: an XLM-R tagger, OFA as entailer and grounder, and SAM.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use riveg::networks::blocks::crf::CrfScope;
use riveg::networks::blocks::words::{Decoding, Pooling};
use riveg::networks::bundle::{
    BundleError, Entail, FileEntry, Ground, Manifest, Precision, Recognise, Segment, SelfTestError, Weights,
    save_weights, write_manifest,
};
use riveg::networks::descriptor::Network;
use riveg::networks::ofa::{self, Ofa};
use riveg::networks::sam::{self, Sam};
use riveg::networks::tagger::{self, Tagger};
use riveg::networks::weights::randomise;
use riveg::stages::expand::PhraseTemplate;
use riveg::stages::recognise::{TagScheme, TextStyle};
use tch::nn::{self, VarStore};
use tch::{Device, Kind};

use super::form::Vocabulary;
use super::{ofa as tiny_ofa, sam as tiny_sam, tagger as tiny_tagger};

/// Names of the files of the tiny bundle: two tokenizers, and a lexicon.
pub(super) const FILES: [&str; 3] = ["tagger.tokenizer.json", "ofa.tokenizer.json", "lexicon.jsonl"];

const RECOGNISE: &str = "recognise.safetensors";
const ENTAIL: &str = "entail.safetensors";
const GROUND: &str = "ground.safetensors";
const SEGMENT: &str = "segment.safetensors";

/// Writes weights and manifest into a folder that holds [`FILES`] already. One seed makes one bundle, byte for byte.
///
/// # Errors
/// Where the folder cannot be written or lacks one of the files.
pub(super) fn write_random(
    folder: &Path,
    (pieces, vocabulary): (i64, Vocabulary),
    seed: u64,
) -> Result<(), SelfTestError> {
    fs::create_dir_all(folder).map_err(|source| BundleError::Write { file: folder.to_owned(), source })?;
    let config = tiny_ofa::ofa(vocabulary);
    let write = |index: u64, file: &str, make: &dyn Fn(&nn::Path<'_>)| {
        let store = VarStore::new(Device::Cpu);
        make(&store.root());
        randomise(&store, seed + index);
        save_weights(store.variables(), &folder.join(file), Kind::Half)
    };
    write(0, RECOGNISE, &|root| drop(Tagger::new(root, tiny_tagger::tagger(pieces))))?;
    write(1, ENTAIL, &|root| drop(Ofa::new(root, &config)))?;
    write(2, GROUND, &|root| drop(Ofa::new(root, &config)))?;
    write(3, SEGMENT, &|root| drop(Sam::new(root, &tiny_sam::sam())))?;
    write_manifest(folder, manifest(pieces, vocabulary))
}

/// The manifest of the tiny networks.
fn manifest(pieces: i64, vocabulary: Vocabulary) -> Manifest {
    let [tagger_tokenizer, ofa_tokenizer, lexicon] = FILES.map(FileEntry::named);
    let config = tiny_ofa::ofa(vocabulary);
    Manifest {
        name: "untrained".to_owned(),
        version: "1".to_owned(),
        made: "drawn at random for tests; it has learnt nothing".to_owned(),
        entity_types: ["LOC", "ORG", "OTHER", "PER"].map(str::to_owned).to_vec(),
        lexicon: Some(lexicon),
        examples: None,
        phrase: PhraseTemplate::default(),
        know: None,
        joint: None,
        recognise: Some(Recognise {
            precision: Precision::F32,
            weights: Weights::named(RECOGNISE),
            tokenizer: Some(tagger_tokenizer),
            scheme: TagScheme::Bioes,
            labels: Vec::new(),
            types: BTreeMap::new(),
            crf: CrfScope::Whole,
            text: TextStyle::Plain,
            pooling: Pooling::First,
            decoding: Decoding::Argmax,
            network: Network::of(&tagger::XLM_ROBERTA_CRF, &tiny_tagger::tagger(pieces)),
            self_test: Vec::new(),
            training: None,
        }),
        entail: Some(Entail {
            prompt: " does the image show \" {phrase} \"?".to_owned(),
            threshold: 0.5,
            precision: Precision::F32,
            weights: Weights::named(ENTAIL),
            tokenizer: Some(ofa_tokenizer.clone()),
            network: Network::of(&ofa::ENTAIL, &config),
            self_test_question: None,
            self_test: Vec::new(),
            training: None,
        }),
        ground: Some(Ground {
            prompt: " which region does the text \" {phrase} \" describe?".to_owned(),
            beam: 3,
            bins_only: true,
            threshold: 0.0,
            precision: Precision::F32,
            weights: Weights::named(GROUND),
            tokenizer: Some(ofa_tokenizer),
            network: Network::of(&ofa::GROUND, &config),
            self_test_question: None,
            self_test: Vec::new(),
            training: None,
        }),
        segment: Some(Segment {
            precision: Precision::F32,
            weights: Weights::named(SEGMENT),
            network: Network::of(&sam::SEGMENT, &tiny_sam::sam()),
            self_test: Vec::new(),
            training: None,
        }),
    }
}

/// A bundle whose tokenizers and lexicon are only files: enough for whatever does not read them.
pub(crate) fn without_tokenizers() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        fs::write(folder.path().join(file), file).unwrap();
    }
    let vocabulary = Vocabulary { rows: 60, first_bin: 40, answers: [10, 11, 12] };
    write_random(folder.path(), (40, vocabulary), 1).unwrap();
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

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
