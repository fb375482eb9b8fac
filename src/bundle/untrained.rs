//! A bundle of tiny networks that have learnt nothing: for tests of everything that does not need to be right.

use std::fs;
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

use crate::expand::PhraseTemplate;
use crate::models::ofa::{Ofa, OfaConfig};
use crate::models::sam::{Sam, SamConfig};
use crate::models::tagger::{Positions, Tagger, TaggerConfig};

use super::manifest::{
    Entail, FileEntry, Ground, Manifest, OfaArchitecture, Recognise, SamArchitecture, Segment,
    TaggerArchitecture,
};
use super::{BundleError, save_weights, write_manifest};

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

/// Writes weights and manifest into a folder that holds [`FILES`] already. One seed makes one bundle, byte for byte.
///
/// # Errors
/// Where the folder cannot be written or lacks one of the files.
pub fn write_untrained(folder: &Path, vocabularies: Vocabularies, seed: u64) -> Result<(), BundleError> {
    let manifest = manifest(vocabularies);
    let networks = [
        &manifest.recognise.weights,
        &manifest.entail.weights,
        &manifest.ground.weights,
        &manifest.segment.weights,
    ];
    fs::create_dir_all(folder).map_err(|source| BundleError::Write { file: folder.to_owned(), source })?;
    for (index, entry) in networks.into_iter().enumerate() {
        let store = VarStore::new(Device::Cpu);
        match index {
            0 => drop(Tagger::new(&store.root(), manifest.recognise.network.clone())),
            1 => drop(Ofa::new(&store.root(), &manifest.entail.network)),
            2 => drop(Ofa::new(&store.root(), &manifest.ground.network)),
            _ => drop(Sam::new(&store.root(), &manifest.segment.network)),
        }
        randomise(&store, seed + index as u64);
        save_weights(store.variables(), &folder.join(&entry.file), Kind::Half)?;
    }
    write_manifest(folder, manifest)
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
        phrase: PhraseTemplate::default(),
        recognise: Recognise {
            architecture: TaggerArchitecture::XlmRobertaCrf,
            weights: FileEntry::named("recognise.safetensors"),
            tokenizer: tagger_tokenizer,
            network: tagger(vocabularies.tagger),
        },
        entail: Entail {
            architecture: OfaArchitecture::Ofa,
            weights: FileEntry::named("entail.safetensors"),
            tokenizer: ofa_tokenizer.clone(),
            prompt: " does the image show \" {phrase} \"?".to_owned(),
            threshold: 0.5,
            network: ofa.clone(),
        },
        ground: Ground {
            architecture: OfaArchitecture::Ofa,
            weights: FileEntry::named("ground.safetensors"),
            tokenizer: ofa_tokenizer,
            prompt: " which region does the text \" {phrase} \" describe?".to_owned(),
            beam: 3,
            network: ofa,
        },
        segment: Segment {
            architecture: SamArchitecture::Sam,
            weights: FileEntry::named("segment.safetensors"),
            network: sam(),
        },
    }
}

fn tagger(vocabulary: i64) -> TaggerConfig {
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

fn ofa(vocabularies: Vocabularies) -> OfaConfig {
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

fn sam() -> SamConfig {
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

/// Draws all weights anew, so that libtorch's seed, which is one for the whole process, decides nothing. What starts
/// as a constant stays one: scales of norms, running variances.
fn randomise(store: &VarStore, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
    variables.sort_by(|(left, _), (right, _)| left.cmp(right));
    for (_, mut variable) in variables {
        let size = variable.size();
        if variable.numel() < 2 || variable.min() == variable.max() {
            continue;
        }
        let fan_in: i64 = size.iter().skip(1).product();
        let bound = 1.0 / (fan_in as f32).sqrt();
        let drawn: Vec<f32> = (0..variable.numel()).map(|_| rng.random_range(-bound..bound)).collect();
        no_grad(|| variable.copy_(&Tensor::from_slice(&drawn).view(size.as_slice())));
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
