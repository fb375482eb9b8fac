//! Recipe of the pocket bundle: dimensions of its networks, and schedules of their trainings.
//!
//! All networks together stay under 12 MB as 16-bit floats, and each trains in at most two hours on one core.

use super::optimiser::{Decay, Schedule};
use crate::networks::mqspn::MqspnConfig;
use crate::networks::ofa::OfaConfig;
pub use crate::networks::ofa::{ENTAIL_PROMPT, GROUND_PROMPT};
use crate::networks::sam::SamConfig;
use crate::networks::tagger::{Positions, TaggerConfig};
use crate::networks::umt::UmtConfig;
use crate::stages::recognise::joint::Grid;

/// Seed of the training worlds.
pub const SEED: u64 = 1;
/// The entity types of the pocket world.
pub const ENTITY_TYPES: [&str; 4] = ["LOC", "ORG", "OTHER", "PER"];
/// Pieces of the tagger's vocabulary. Names consist of syllables, so a few thousand pieces cover them.
pub const TAGGER_PIECES: u32 = 2_400;
/// Pieces of OFA's vocabulary: the words of phrases and prompts, and parts of names.
pub const OFA_PIECES: usize = 900;
/// Location bins: two pixels each at 128 pixels.
pub const BINS: usize = 64;
/// Posts whose texts train the vocabularies.
pub const VOCABULARY_POSTS: u64 = 12_000;

/// Minimum probability at which the gate decides that a picture shows an entity.
pub const GATE_THRESHOLD: f32 = 0.5;
/// Beam width of grounding: the published five, which costs little for four tokens.
pub const BEAM: usize = 5;

/// The tagger's dimensions.
#[must_use]
pub fn tagger(vocabulary: i64) -> TaggerConfig {
    TaggerConfig {
        vocabulary,
        hidden: 128,
        layers: 2,
        heads: 4,
        ffn: 384,
        max_positions: 258,
        positions: Positions::AfterPadding,
        type_vocabulary: 1,
        layer_norm_eps: 1e-5,
        pad: 1,
        labels: 17,
        span: 0,
        convolution: 0,
    }
}

/// OFA's dimensions, for both of its tasks.
#[must_use]
pub fn ofa(vocabulary: i64, first_bin: i64, answers: [i64; 3]) -> OfaConfig {
    OfaConfig {
        vocabulary,
        d_model: 128,
        ffn: 256,
        heads: 2,
        encoder_layers: 3,
        decoder_layers: 2,
        resnet_layers: [2, 2, 3],
        resnet_width: 24,
        token_bucket: 32,
        image_bucket: 8,
        max_positions: 160,
        patch_image_size: 128,
        first_bin,
        bins: BINS as i64,
        answers,
    }
}

/// SAM's dimensions.
#[must_use]
pub fn sam() -> SamConfig {
    SamConfig {
        image_size: 160,
        patch_size: 8,
        hidden: 96,
        layers: 4,
        heads: 2,
        mlp_ratio: 3.0,
        window: 10,
        global_layers: vec![3],
        output_channels: 64,
        decoder_layers: 2,
        decoder_heads: 4,
        decoder_mlp: 256,
        mask_threshold: 0.0,
        multimask: false,
    }
}

/// UMT's dimensions.
#[must_use]
pub fn umt(vocabulary: i64) -> UmtConfig {
    UmtConfig {
        vocabulary,
        hidden: 64,
        layers: 2,
        heads: 2,
        ffn: 192,
        max_positions: 128,
        max_pieces: 128,
        type_vocabulary: 1,
        image_size: 128,
        resnet_layers: [1, 1, 1, 1],
        resnet_width: 12,
    }
}

/// MQSPN's dimensions: texts are read by an encoder like the tagger's and pictures by a ResNet like the grounder's, so that its
/// training can begin with these.
#[must_use]
pub fn mqspn(tagger: &TaggerConfig, grounder: &OfaConfig) -> MqspnConfig {
    MqspnConfig {
        vocabulary: tagger.vocabulary,
        hidden: tagger.hidden,
        heads: tagger.heads,
        layers: tagger.layers,
        ffn: tagger.ffn,
        max_positions: tagger.max_positions,
        first_position: tagger.max_positions - tagger.max_pieces() as i64,
        type_vocabulary: tagger.type_vocabulary,
        pad: tagger.pad,
        image_size: grounder.patch_image_size,
        patch_size: 16,
        resnet_layers: grounder.resnet_layers.to_vec(),
        resnet_width: grounder.resnet_width,
        vision_layers: 4,
        vision_ffn: 256,
        fused_layers: 1,
        types: ENTITY_TYPES.len() as i64,
        queries: 16,
        fusion_layers: 2,
        region_bins: 2,
    }
}

/// The candidate regions of the pocket world: 341 boxes, one of which overlaps 98 % of its objects by at least a half.
#[must_use]
pub fn candidates() -> Grid {
    let shapes = [
        [0.36, 0.55],
        [0.25, 0.3],
        [0.7, 0.36],
        [0.16, 0.36],
        [0.3, 0.2],
        [0.3, 0.7],
        [0.55, 0.3],
        [0.45, 0.55],
    ];
    Grid { shapes: shapes.to_vec(), stride: 0.4 }
}

/// Schedule of the tagger. Half of its posts have an annotation as knowledge.
pub const TAGGER_SCHEDULE: Schedule =
    Schedule { peak: 2e-3, warm_up: 100, steps: 2_000, decay: Decay::Cosine };
/// Schedule of OFA. Further training of these weights on one task alone, 150 to 320 steps at 3e-4, made it worse.
pub const OFA_SCHEDULE: Schedule = Schedule { peak: 1e-3, warm_up: 100, steps: 3_600, decay: Decay::Cosine };
/// Schedule of SAM.
pub const SAM_SCHEDULE: Schedule = Schedule { peak: 1e-3, warm_up: 100, steps: 2_900, decay: Decay::Cosine };
/// Schedule of UMT: about ten minutes on one core, enough for features that compare posts.
pub const UMT_SCHEDULE: Schedule = Schedule { peak: 1e-3, warm_up: 100, steps: 500, decay: Decay::Cosine };
/// Schedule of MQSPN: some 45 minutes of processor time.
pub const MQSPN_SCHEDULE: Schedule =
    Schedule { peak: 1e-3, warm_up: 100, steps: 2_000, decay: Decay::Cosine };
/// Weight decay of matrices in all trainings.
pub const WEIGHT_DECAY: f64 = 0.02;
