//! Do the budgets that ship mean anything? At the published sizes each ends a batch before its count of requests does.

use super::*;
use crate::domain::{BBox, ContentHash};
use crate::imaging::Picture;
use crate::models::ofa::OfaConfig;
use crate::models::preset::Preset;
use crate::models::sam::{SamConfig, SamSegmenter};
use crate::models::served::{Entailer, Grounder};
use crate::models::tagger::{ServedTagger, TaggerConfig};
use crate::scheduler::Model;
use crate::{entail, ground, recognise, segment};

fn picture(side: i64) -> Arc<Picture> {
    let side = side as u32;
    let (original_width, original_height) = (side, side);
    let hash = ContentHash([0; 32]);
    Arc::new(Picture { hash, width: side, height: side, original_width, original_height, rgb: Vec::new() })
}

#[test]
fn every_default_budget_ends_a_batch_before_its_count_does_and_holds_most_of_it() {
    let budgets = config().scheduler;
    let tagger = TaggerConfig::preset("xlm-roberta-large").unwrap();
    let recognise = recognise::Request {
        pieces: vec![0; tagger.max_pieces()],
        first_pieces: Vec::new(),
        context_first_pieces: Vec::new(),
    };
    let entailer = OfaConfig::preset("ofa-large").unwrap();
    let entail = entail::Request { picture: picture(entailer.patch_image_size), prompt: vec![0; 30] };
    let ground = ground::Request { picture: picture(512), prompt: vec![0; 30] };
    let segmenter = SamConfig::preset("sam-vit-h").unwrap();
    let bbox = BBox { x0: 0.0, y0: 0.0, x1: 9.0, y1: 9.0 };
    let segment = segment::Request { picture: picture(segmenter.image_size), boxes: vec![bbox] };
    let cases = [
        (Stage::Recognise, budgets.recognise, ServedTagger::cost(&recognise)),
        (Stage::Entail, budgets.entail, Entailer::cost(&entail)),
        (Stage::Ground, budgets.ground, Grounder::cost(&ground)),
        (Stage::Segment, budgets.segment, SamSegmenter::cost(&segment)),
    ];
    for (stage, budget, cost) in cases {
        let fit = budget.max_tokens / cost.0;
        let most = u32::try_from(budget.max_requests.get()).unwrap();
        assert!((most / 2..most).contains(&fit), "`{stage}`: {fit} of {most} requests of {} tokens", cost.0);
    }
}
