//! Tests of dimensions that make no network, of requests that none can read, and of what is remembered.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::*;
use crate::common::imaging::Picture;
use crate::domain::ContentHash;
use crate::networks::blocks::preset::Preset;
use crate::scheduler::{Model, ModelError};
use crate::stages::entail;
use crate::stages::ground::Request;

fn tiny() -> GroundingDinoConfig {
    GroundingDinoConfig {
        shortest_side: 48,
        longest_side: 64,
        swin_width: 4,
        swin_depths: [1, 2, 1, 1],
        swin_heads: [1, 2, 2, 4],
        swin_window: 3,
        vocabulary: 30,
        delimiters: [1, 2, 3, 4],
        text_hidden: 8,
        text_layers: 1,
        text_heads: 2,
        text_ffn: 12,
        max_positions: 12,
        type_vocabulary: 2,
        max_text: 10,
        d_model: 32,
        ffn: 16,
        heads: 4,
        encoder_layers: 2,
        decoder_layers: 2,
        points: 2,
        queries: 5,
    }
}

fn network(config: &GroundingDinoConfig) -> GroundingDino {
    config.check().unwrap();
    GroundingDino::new(&VarStore::new(Device::Cpu).root(), config)
}

#[test]
fn as_many_numbers_are_learnt_as_counted() {
    let store = VarStore::new(Device::Cpu);
    let _network = GroundingDino::new(&store.root(), &tiny());
    let counted: usize = store.trainable_variables().iter().map(Tensor::numel).sum();
    assert_eq!(tiny().parameters(), counted as u64);
    for name in GroundingDinoConfig::NAMES {
        assert_eq!(GroundingDinoConfig::preset(name).unwrap().check(), Ok(()), "{name}");
    }
    assert_eq!(GroundingDinoConfig::preset("grounding-dino"), None);
}

type Case = (fn(&mut GroundingDinoConfig), &'static str);

#[test]
fn dimensions_that_make_no_network_are_refused_by_name() {
    let cases: [Case; 8] = [
        (|config| config.d_model = 48, "`d_model` is 48, not a multiple of 32"),
        (|config| config.heads = 3, "`d_model` is 32, not a multiple of 3"),
        (|config| config.heads = 1, "`heads` is 1, which must be from 2 to 4096"),
        (|config| config.swin_heads[1] = 3, "`swin_width` is 8, not a multiple of 3"),
        (|config| config.swin_depths[2] = 0, "`swin_depths` is 0, which must be from 1 to 4096"),
        (|config| config.delimiters[0] = 30, "`delimiters` is 30, which must be from 0 to 29"),
        (|config| config.max_positions = 9, "`max_positions` is 9, which must be from 10 to 262144"),
        (|config| config.longest_side = 40, "`longest_side` is 40, which must be from 48 to 16384"),
    ];
    for (damage, message) in cases {
        let mut config = tiny();
        damage(&mut config);
        let error = config.check().unwrap_err().to_string();
        assert_eq!(error, format!("Grounding DINO's {message}"));
    }
}

fn picture(number: u8, width: u32, height: u32) -> Arc<Picture> {
    let rgb = (0..3 * width * height).map(|index| (index * 7 % 251) as u8 ^ number).collect();
    let hash = ContentHash([number; 32]);
    Arc::new(Picture { hash, width, height, original_width: 2 * width, original_height: 2 * height, rgb })
}

#[test]
fn what_it_cannot_read_is_refused_by_name() {
    let fine = Request { picture: picture(1, 64, 20), prompt: vec![1, 9, 3, 2] };
    let short = Arc::new(Picture { rgb: vec![7; 5], ..picture(1, 64, 20).as_ref().clone() });
    let cases = [
        (
            "is 65x20, where its sides are at most 48 and 64",
            Request { picture: picture(1, 65, 20), ..fine.clone() },
        ),
        ("is 60x50, where its sides", Request { picture: picture(1, 60, 50), ..fine.clone() }),
        ("is 64x0, where its sides", Request { picture: picture(1, 64, 0), ..fine.clone() }),
        ("has 5 bytes, not 3840", Request { picture: short, ..fine.clone() }),
        ("a prompt of 11 tokens, where 2 to 10 fit", Request { prompt: vec![5; 11], ..fine.clone() }),
        ("a prompt of 1 tokens", Request { prompt: vec![1], ..fine.clone() }),
        ("token 30 is none of the 30", Request { prompt: vec![1, 30, 2], ..fine.clone() }),
    ];
    let mut grounder = GroundingDinoGrounder::new(network(&tiny()), 0);
    for (expected, request) in cases {
        let Err(ModelError::Failed(message)) = grounder.run(&[fine.clone(), request]) else {
            panic!("{expected}")
        };
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(grounder.run(&[fine]).unwrap().len(), 1);
    assert_eq!(grounder.run(&[]).unwrap(), []);
}

#[test]
fn a_box_that_the_gate_has_found_is_not_looked_for_again() {
    // Room for the encoding of one of the pictures, and for all answers.
    let mut entailer = GroundingDinoEntailer::new(network(&tiny()), 10_000);
    let mut grounder = entailer.grounder();
    let prompts = [vec![1, 9, 3, 2], vec![1, 8, 7, 3, 2]];
    let pictures = [picture(1, 64, 20), picture(2, 40, 48)];
    let asked = [(0, 0), (0, 1), (1, 0), (0, 0)];
    let gate = asked.map(|(picture, prompt)| entail::Request {
        picture: Arc::clone(&pictures[picture]),
        prompt: prompts[prompt].clone(),
    });
    let verdicts = entailer.run(&gate).unwrap();
    assert_eq!(verdicts[0], verdicts[3]);
    let gated = entailer.trunk_runs().load(Ordering::Relaxed);
    assert_eq!(gated, 2, "a picture goes through the trunk once a batch");
    let budget = [(64, 20), (40, 48)].map(|(width, height)| Levels::of(height, width).cells() * 32 * 4);
    assert!(budget.iter().sum::<i64>() > 10_000, "the first picture is forgotten: {budget:?}");
    let found = asked.map(|(picture, prompt)| Request {
        picture: Arc::clone(&pictures[picture]),
        prompt: prompts[prompt].clone(),
    });
    let found = grounder.run(&found).unwrap();
    for (reply, verdict) in found.iter().zip(&verdicts) {
        assert!((reply.likelihood() - verdict.yes).abs() < 1e-6);
    }
    assert_eq!(grounder.trunk_runs().load(Ordering::Relaxed), 0);
    grounder.free_memory();
    grounder.run(&[Request { picture: Arc::clone(&pictures[1]), prompt: prompts[1].clone() }]).unwrap();
    assert_eq!(grounder.trunk_runs().load(Ordering::Relaxed), 1);
}

#[test]
fn pictures_smaller_than_the_queries_are_many_have_fewer_boxes() {
    let config = GroundingDinoConfig { queries: 900, ..tiny() };
    let mut grounder = GroundingDinoGrounder::new(network(&config), 0);
    let request = Request { picture: picture(3, 3, 2), prompt: vec![1, 9, 3, 2] };
    assert_eq!(grounder.run(&[request]).unwrap().len(), 1);
}
