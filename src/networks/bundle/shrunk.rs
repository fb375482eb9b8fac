//! What is left of a published network when its sizes do not matter? Its architecture and its switches: for tests of
//! everything that must run with every network.

use crate::domain::Stage;
use crate::networks::albef::AlbefConfig;
use crate::networks::ofa::OfaConfig;
use crate::networks::sam::SamConfig;
use crate::networks::seqtr::SeqTrConfig;
use crate::networks::tagger::TaggerConfig;
use crate::networks::umt::UmtConfig;

use super::files::FileEntry;
use super::retrieve::RetrieveNetwork;
use super::stages::{EntailNetwork, GroundNetwork, RecogniseNetwork, SegmentNetwork};
use super::untrained::{self, BINS, Vocabularies};
use super::{Manifest, Precision, blank_stage};

/// What a tiny network must know of its vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vocabulary {
    /// Tokens or words, location bins among them.
    pub rows: i64,
    /// The first location bin; of OFA alone.
    pub first_bin: i64,
    /// The tokens for no, yes and maybe; of OFA alone.
    pub answers: [i64; 3],
}

/// [`blank_stage`] with a tiny network in place of the published one, whose vocabulary is `tokenizer`. Large networks
/// stay deeper than small ones.
#[must_use]
pub fn shrunk(
    stage: Stage,
    preset: &str,
    (tokenizer, vocabulary): (Option<&str>, Vocabulary),
    seed: u64,
) -> Option<Manifest> {
    let mut manifest = blank_stage(stage, preset, Precision::F32, seed)?;
    let tokenizer = tokenizer.map(FileEntry::named);
    if let Some(part) = &mut manifest.know {
        part.tokenizer = tokenizer;
        let RetrieveNetwork::Umt(network) = &mut part.network;
        *network = umt(&network.config, vocabulary).into();
    } else if let Some(part) = &mut manifest.recognise {
        part.tokenizer = tokenizer;
        let (RecogniseNetwork::XlmRobertaCrf(network) | RecogniseNetwork::BertCrf(network)) =
            &mut part.network;
        *network = tagger(&network.config, vocabulary).into();
    } else if let Some(part) = &mut manifest.entail {
        part.tokenizer = tokenizer;
        match &mut part.network {
            EntailNetwork::Ofa(network) => *network = ofa(&network.config, vocabulary).into(),
            EntailNetwork::Albef(network) => *network = albef(&network.config, vocabulary).into(),
        }
    } else if let Some(part) = &mut manifest.ground {
        part.tokenizer = tokenizer;
        match &mut part.network {
            GroundNetwork::Ofa(network) => *network = ofa(&network.config, vocabulary).into(),
            GroundNetwork::SeqTr(network) => *network = seqtr(&network.config, vocabulary).into(),
        }
    } else if let Some(part) = &mut manifest.segment {
        let SegmentNetwork::Sam(network) = &mut part.network;
        *network = sam(&network.config).into();
    }
    Some(manifest)
}

/// A published network has one tiny block for so many of its own: the smaller sizes have 12 and 6 of them.
const BLOCKS: i64 = 6;

fn umt(published: &UmtConfig, vocabulary: Vocabulary) -> UmtConfig {
    UmtConfig {
        vocabulary: vocabulary.rows,
        hidden: 16,
        layers: published.layers / BLOCKS,
        heads: 2,
        ffn: 32,
        max_positions: 64,
        max_pieces: 64,
        image_size: 64,
        resnet_layers: published.resnet_layers.map(|blocks| (blocks / 12).max(1)),
        resnet_width: 2,
        ..published.clone()
    }
}

fn tagger(published: &TaggerConfig, vocabulary: Vocabulary) -> TaggerConfig {
    let tiny = untrained::tagger(vocabulary.rows);
    let TaggerConfig { hidden, heads, ffn, max_positions, .. } = tiny;
    let layers = published.layers / BLOCKS;
    let vocabulary = vocabulary.rows;
    TaggerConfig { vocabulary, hidden, layers, heads, ffn, max_positions, ..published.clone() }
}

fn ofa(published: &OfaConfig, vocabulary: Vocabulary) -> OfaConfig {
    let Vocabulary { rows, first_bin, answers } = vocabulary;
    OfaConfig {
        encoder_layers: (published.encoder_layers / BLOCKS).max(1),
        decoder_layers: (published.decoder_layers / BLOCKS).max(1),
        resnet_layers: published.resnet_layers.map(|blocks| (blocks / 12).max(1)),
        // 480 pixels become 48, and 512 become 64.
        patch_image_size: published.patch_image_size / 128 * 16,
        ..untrained::ofa(Vocabularies { tagger: 0, ofa: rows, first_bin, answers })
    }
}

fn albef(published: &AlbefConfig, vocabulary: Vocabulary) -> AlbefConfig {
    AlbefConfig {
        image_size: 48,
        vision_hidden: 16,
        vision_layers: published.vision_layers / BLOCKS,
        vision_heads: 2,
        vision_ffn: 32,
        vocabulary: vocabulary.rows,
        hidden: 16,
        layers: published.layers / BLOCKS,
        fusion_layer: published.fusion_layer / BLOCKS,
        heads: 2,
        ffn: 32,
        max_positions: 64,
        ..published.clone()
    }
}

fn seqtr(published: &SeqTrConfig, vocabulary: Vocabulary) -> SeqTrConfig {
    SeqTrConfig {
        vocabulary: vocabulary.rows,
        word_width: 8,
        image_size: 64,
        darknet_width: 1,
        darknet_blocks: published.darknet_blocks.map(|blocks| (blocks / 4).max(1)),
        d_model: 16,
        ffn: 32,
        heads: 2,
        groups: 4,
        encoder_layers: published.encoder_layers / 3,
        decoder_layers: published.decoder_layers / 3,
        bins: BINS,
        ..published.clone()
    }
}

fn sam(published: &SamConfig) -> SamConfig {
    let SamConfig { mask_threshold, multimask, .. } = *published;
    SamConfig { mask_threshold, multimask, ..untrained::sam() }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::super::{Bundle, presets, write_manifest};
    use super::*;

    #[test]
    fn every_published_network_runs_when_it_is_small() {
        let vocabulary = Vocabulary { rows: 60, first_bin: 40, answers: [10, 11, 12] };
        for stage in Stage::WITH_RETRIEVAL {
            for preset in presets(stage) {
                let folder = tempfile::tempdir().unwrap();
                let manifest = shrunk(stage, preset, (None, vocabulary), 3).unwrap();
                assert_eq!(manifest.parts()[0].network.fault, None, "{preset}");
                assert!(manifest.parts()[0].network.parameters < 200_000, "{preset}");
                // Each answers its self-test, and the same again.
                write_manifest(folder.path(), manifest).unwrap();
                let bundle = Bundle::open(folder.path()).unwrap();
                bundle.verify(&bundle.manifest().parts()[0], Device::Cpu).unwrap();
            }
            assert_eq!(shrunk(stage, "riveg-base", (None, vocabulary), 3), None);
        }
    }
}
