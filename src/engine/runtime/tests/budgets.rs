//! Tests of the batch budgets that ship, the defaults and those of a GPU: at every published size each ends a batch before
//! its count of requests does.

use super::*;
use crate::common::imaging::Picture;
use crate::domain::{BBox, ContentHash};
use crate::networks::blocks::device::find;
use crate::networks::bundle::{Precision, presets, stage_template, tiny};
use crate::scheduler::Model;
use crate::stages::{entail, ground, knowledge, recognise, segment};

/// The longest prompts in use: a phrase of some twenty words, and what stands around it.
const PROMPT: usize = 30;

/// Networks that read so little at a time that the count of requests ends their batches first: BERTweet 128 pieces.
const COUNTED: [&str; 1] = ["bertweet-base"];

/// The cost of the largest request of every published network of a stage, by the network's preset.
fn largest_requests(stage: Stage) -> Vec<(&'static str, u32)> {
    presets(stage).into_iter().map(|preset| (preset, largest_request(stage, preset))).collect()
}

/// Asks a tiny network of the same architecture, whose costs are those of the published one.
fn largest_request(stage: Stage, preset: &str) -> u32 {
    let published = stage_template(stage, preset, Precision::F32, 1).unwrap();
    let part = &published.parts()[0];
    let side = part.view.map_or(0, |view| view.side);
    let longest = part.reads.map_or(0, |reads| reads.longest);
    let folder = tiny::stage::without_tokenizer(stage, preset);
    let (bundle, place) = (Bundle::open(folder.path()).unwrap(), find("cpu").unwrap());
    let cost = match stage {
        Stage::Recognise => bundle.tagger(place).unwrap().processor().cost(&text(longest)),
        Stage::Entail => {
            let request = entail::Request { picture: picture(side), prompt: vec![0; PROMPT.min(longest)] };
            bundle.entailer(place, 0).unwrap().processor().cost(&request)
        }
        Stage::Ground => {
            let request = ground::Request { picture: picture(side), prompt: vec![0; PROMPT.min(longest)] };
            bundle.grounder(place, 0).unwrap().processor().cost(&request)
        }
        Stage::Segment => {
            let bbox = BBox { x0: 0.0, y0: 0.0, x1: 9.0, y1: 9.0 };
            let request = segment::Request { picture: picture(side), boxes: vec![bbox] };
            bundle.segmenter(place, 0).unwrap().processor().cost(&request)
        }
        Stage::Retrieve => {
            let request = knowledge::Request { picture: picture(side), pieces: vec![0; longest] };
            bundle.encoder(place, 0).unwrap().processor().cost(&request)
        }
    };
    cost.0
}

fn text(pieces: usize) -> recognise::Request {
    recognise::Request { pieces: vec![0; pieces], first_pieces: Vec::new(), context_first_pieces: Vec::new() }
}

fn picture(side: u32) -> Arc<Picture> {
    let (original_width, original_height) = (side, side);
    let hash = ContentHash([0; 32]);
    Arc::new(Picture { hash, width: side, height: side, original_width, original_height, rgb: Vec::new() })
}

#[test]
fn every_default_budget_ends_a_batch_before_its_count_does_and_holds_half_of_it() {
    let on_gpu = Sources { files: vec!["config/gpu.toml".into()], ..Sources::default() };
    let on_gpu = Config::load(&on_gpu).unwrap_or_else(|faults| panic!("{faults}")).config;
    for config in [config(), on_gpu] {
        hold_the_largest_requests(&config.scheduler);
    }
}

fn hold_the_largest_requests(budgets: &crate::scheduler::Config) {
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
            let ended = fit < most || COUNTED.contains(&name);
            assert!(most / 2 <= fit && ended, "`{stage}`, {name}: {fit} of {most} of {cost} tokens each");
        }
    }
}
