//! Tests of the default batch budgets: at every published size each ends a batch before its count of requests does.

use super::*;
use crate::common::imaging::Picture;
use crate::domain::{BBox, ContentHash};
use crate::networks::albef::AlbefConfig;
use crate::networks::blocks::preset::Preset;
use crate::networks::ofa::{OfaConfig, OfaEntailer, OfaGrounder};
use crate::networks::sam::{SamConfig, SamSegmenter};
use crate::networks::seqtr::SeqTrConfig;
use crate::networks::tagger::{ServedTagger, TaggerConfig};
use crate::networks::umt::{UmtConfig, UmtEncoder};
use crate::stages::entail;
use crate::stages::ground;
use crate::stages::knowledge;
use crate::stages::recognise;
use crate::stages::segment;

/// Side of OFA's picture when it grounds, for which it has no preset of its own.
const GROUND_SIDE: i64 = 512;

/// The longest prompts in use: a phrase of some twenty words, and what stands around it.
const PROMPT: usize = 30;

/// The largest request of every published network of its stage, by the network's name.
fn largest_requests(stage: Stage) -> Vec<(&'static str, u32)> {
    match stage {
        Stage::Recognise => of::<TaggerConfig>(|tagger| ServedTagger::cost(&text(tagger.max_pieces())).0),
        Stage::Entail => [
            of::<OfaConfig>(|ofa| entailment(ofa.patch_image_size)),
            of::<AlbefConfig>(|albef| entailment(albef.image_size)),
        ]
        .concat(),
        Stage::Ground => [
            of::<OfaConfig>(|_| grounding(GROUND_SIDE, PROMPT)),
            of::<SeqTrConfig>(|seqtr| grounding(seqtr.image_size, seqtr.max_words as usize)),
        ]
        .concat(),
        Stage::Segment => of::<SamConfig>(|sam| segmentation(sam.image_size)),
        Stage::Retrieve => of::<UmtConfig>(|umt| similarity(umt.image_size, umt.max_pieces as usize)),
    }
}

fn of<C: Preset>(cost: impl Fn(&C) -> u32) -> Vec<(&'static str, u32)> {
    C::NAMES.iter().map(|&name| (name, cost(&C::preset(name).unwrap()))).collect()
}

fn text(pieces: usize) -> recognise::Request {
    recognise::Request { pieces: vec![0; pieces], first_pieces: Vec::new(), context_first_pieces: Vec::new() }
}

fn entailment(side: i64) -> u32 {
    OfaEntailer::cost(&entail::Request { picture: picture(side), prompt: vec![0; PROMPT] }).0
}

fn grounding(side: i64, prompt: usize) -> u32 {
    OfaGrounder::cost(&ground::Request { picture: picture(side), prompt: vec![0; prompt] }).0
}

fn segmentation(side: i64) -> u32 {
    let bbox = BBox { x0: 0.0, y0: 0.0, x1: 9.0, y1: 9.0 };
    SamSegmenter::cost(&segment::Request { picture: picture(side), boxes: vec![bbox] }).0
}

fn similarity(side: i64, pieces: usize) -> u32 {
    UmtEncoder::cost(&knowledge::Request { picture: picture(side), pieces: vec![0; pieces] }).0
}

fn picture(side: i64) -> Arc<Picture> {
    let side = side as u32;
    let (original_width, original_height) = (side, side);
    let hash = ContentHash([0; 32]);
    Arc::new(Picture { hash, width: side, height: side, original_width, original_height, rgb: Vec::new() })
}

#[test]
fn every_default_budget_ends_a_batch_before_its_count_does_and_holds_half_of_it() {
    let budgets = config().scheduler;
    for (stage, budget) in [
        (Stage::Recognise, budgets.recognise),
        (Stage::Entail, budgets.entail),
        (Stage::Ground, budgets.ground),
        (Stage::Segment, budgets.segment),
        (Stage::Retrieve, budgets.know),
    ] {
        let requests = largest_requests(stage);
        assert!(!requests.is_empty(), "`{stage}` has published sizes");
        for (name, cost) in requests {
            let fit = budget.max_tokens / cost;
            let most = u32::try_from(budget.max_requests.get()).unwrap();
            assert!(
                (most / 2..most).contains(&fit),
                "`{stage}`, {name}: {fit} of {most} of {cost} tokens each"
            );
        }
    }
}
