//! Dimensions that make no network, and requests that none can read; how many numbers there are to learn.

use std::sync::Arc;

use super::text::word_of;
use super::*;
use crate::common::imaging::Picture;
use crate::domain::ContentHash;
use crate::networks::blocks::preset::Preset;
use crate::scheduler::{Model, ModelError};
use crate::stages::recognise;
use crate::stages::recognise::joint::{Reply, Request};

fn tiny() -> MqspnConfig {
    MqspnConfig {
        vocabulary: 20,
        hidden: 8,
        heads: 2,
        layers: 2,
        ffn: 12,
        max_positions: 14,
        first_position: 2,
        type_vocabulary: 1,
        pad: 1,
        image_size: 32,
        patch_size: 8,
        resnet_layers: Vec::new(),
        resnet_width: 0,
        vision_layers: 3,
        vision_ffn: 10,
        fused_layers: 1,
        types: 3,
        queries: 5,
        fusion_layers: 2,
        region_bins: 2,
    }
}

/// Patches of two cells a side.
fn with_resnet() -> MqspnConfig {
    MqspnConfig { resnet_layers: vec![2], resnet_width: 4, ..tiny() }
}

fn picture(side: u32) -> Arc<Picture> {
    let rgb = (0..3 * side * side).map(|place| (place * 7 % 251) as u8).collect();
    let hash = ContentHash([1; 32]);
    Arc::new(Picture { hash, width: side, height: side, original_width: 90, original_height: 60, rgb })
}

fn request() -> Request {
    let text = recognise::Request {
        pieces: vec![2, 5, 6, 7, 9, 3],
        first_pieces: vec![1, 3],
        context_first_pieces: vec![4],
    };
    let candidates = [[0.0, 0.0, 0.5, 0.5], [0.25, 0.1, 1.0, 0.9]];
    Request { text, picture: Some(picture(32)), candidates: Arc::new(candidates) }
}

#[test]
fn as_many_numbers_are_learnt_as_counted() {
    let others = MqspnConfig { fused_layers: 0, region_bins: 3, type_vocabulary: 0, ..tiny() };
    for config in [tiny(), others, with_resnet()] {
        let vs = nn::VarStore::new(Device::Cpu);
        let _mqspn = Mqspn::new(&vs.root(), &config);
        let counted: usize = vs.trainable_variables().iter().map(Tensor::numel).sum();
        assert_eq!(config.parameters(), counted as u64);
    }
}

#[test]
fn the_authors_sizes_are_valid() {
    let config = MqspnConfig::preset("mqspn-base").unwrap();
    assert_eq!(config.check(), Ok(()));
    assert_eq!((config.patches(), config.max_pieces()), (49, 512));
    assert_eq!(MqspnConfig::preset("mqspn"), None);
}

type Case = (fn(&mut MqspnConfig), &'static str);

#[test]
fn dimensions_that_make_no_network_are_refused_by_name() {
    let cases: [Case; 9] = [
        (|config| config.vocabulary = 1, "MQSPN's `vocabulary` is 1, which must be from 2 to 262144"),
        (|config| config.pad = 20, "MQSPN's `pad` is 20, which must be from 0 to 19"),
        (|config| config.fused_layers = 3, "MQSPN's `fused_layers` is 3, which must be from 0 to 2"),
        (|config| config.queries = 0, "MQSPN's `queries` is 0, which must be from 1 to 1024"),
        (|config| config.image_size = 36, "MQSPN's `image_size` is 36, not a multiple of 8"),
        (|config| config.heads = 3, "MQSPN's `hidden` is 8, not a multiple of 3"),
        (|config| config.resnet_width = 4, "MQSPN's `resnet_width` is 4, which must be from 0 to 0"),
        (
            |config| config.resnet_layers = vec![1, 0],
            "MQSPN's `resnet_layers` is 0, which must be from 1 to 1024",
        ),
        (
            |config| (config.resnet_layers, config.resnet_width) = (vec![1; 3], 4),
            "MQSPN's `patch_size` is 8, not a multiple of 16",
        ),
    ];
    for (damage, message) in cases {
        let mut config = tiny();
        damage(&mut config);
        assert_eq!(config.check().map_err(|error| error.to_string()), Err(message.to_owned()));
    }
}

#[test]
fn pieces_belong_to_the_word_that_began_last_and_knowledge_to_none() {
    assert_eq!(word_of(&request().text, 9), [9, 0, 0, 1, 9, 9]);
}

fn reader(config: &MqspnConfig) -> MqspnReader {
    tch::manual_seed(4);
    MqspnReader::new(Mqspn::new(&nn::VarStore::new(Device::Cpu).root(), config), 0)
}

#[test]
fn what_it_cannot_read_is_refused_by_name() {
    let fine = request();
    let with = |change: fn(&mut Request)| {
        let mut request = request();
        change(&mut request);
        request
    };
    let cases = [
        ("is 16x16, where it sees 32x32", with(|request| request.picture = Some(picture(16)))),
        ("13 pieces, where 2 to 12 fit", with(|request| request.text.pieces = vec![3; 13])),
        ("1 pieces, where", with(|request| request.text.pieces = vec![3])),
        ("piece 20 is not among the 20", with(|request| request.text.pieces[2] = 20)),
        ("do not begin one after the other", with(|request| request.text.first_pieces = vec![3, 1])),
        ("do not begin one after the other", with(|request| request.text.first_pieces = vec![1, 6])),
    ];
    let mut reader = reader(&tiny());
    for (expected, request) in cases {
        let Err(ModelError::Failed(message)) = reader.run(&[fine.clone(), request]) else {
            panic!("{expected}")
        };
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(reader.run(&[]).unwrap(), []);
}

#[test]
fn a_batch_answers_as_its_members_alone_with_and_without_pictures_and_words() {
    let mut others = [request(), request(), request()];
    others[0].picture = None;
    others[1].candidates = Arc::new([[0.0, 0.0, 1.0, 1.0]]);
    others[2].text =
        recognise::Request { pieces: vec![2, 3], first_pieces: Vec::new(), context_first_pieces: Vec::new() };
    let batch = [&[request()], &others[..]].concat();
    let mut reader = reader(&with_resnet());
    let together = reader.run(&batch).unwrap();
    for (number, (request, together)) in batch.iter().zip(&together).enumerate() {
        let Reply { found } = &reader.run(std::slice::from_ref(request)).unwrap()[0];
        assert_eq!(found.len(), together.found.len(), "{number}");
        for (alone, together) in found.iter().zip(&together.found) {
            assert_eq!((&alone.words, alone.entity_type), (&together.words, together.entity_type));
            for (one, other) in [(alone.score, together.score), (alone.shown, together.shown)] {
                assert!((one - other).abs() < 1e-5, "{number}: {one} and {other}");
            }
            assert_eq!(alone.region.is_some(), number != 1, "without a picture there is no region");
        }
    }
    assert!(together[3].found.is_empty(), "there is no word");
    assert!(together[..3].iter().any(|reply| !reply.found.is_empty()), "nothing was compared: {together:?}");
}
