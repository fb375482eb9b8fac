//! Dimensions that make no network, and requests that none can read; how many numbers there are to learn.

use std::sync::Arc;

use super::*;
use crate::common::imaging::Picture;
use crate::domain::ContentHash;
use crate::networks::blocks::preset::Preset;
use crate::scheduler::{Model, ModelError};
use crate::stages::knowledge::Request;

fn tiny() -> UmtConfig {
    UmtConfig {
        vocabulary: 20,
        hidden: 8,
        layers: 2,
        heads: 2,
        ffn: 12,
        max_positions: 10,
        max_pieces: 6,
        type_vocabulary: 2,
        image_size: 64,
        resnet_layers: [1, 2, 1, 1],
        resnet_width: 2,
    }
}

fn network(config: &UmtConfig) -> Umt {
    config.check().unwrap();
    Umt::new(&nn::VarStore::new(Device::Cpu).root(), config)
}

#[test]
fn as_many_numbers_are_learnt_as_counted() {
    let vs = nn::VarStore::new(Device::Cpu);
    let _umt = Umt::new(&vs.root(), &tiny());
    let counted: usize = vs.trainable_variables().iter().map(Tensor::numel).sum();
    assert_eq!(tiny().parameters(), counted as u64);
}

#[test]
fn the_published_network_is_valid() {
    let config = UmtConfig::preset("umt-base-resnet152").unwrap();
    assert_eq!(config.check(), Ok(()));
    assert_eq!((config.channels(), config.cells()), (2048, 49));
    assert_eq!(UmtConfig::preset("umt"), None);
}

type Case = (fn(&mut UmtConfig), &'static str);

#[test]
fn dimensions_that_make_no_network_are_refused_by_name() {
    let cases: [Case; 6] = [
        (|config| config.vocabulary = 1, "UMT's `vocabulary` is 1, which must be from 2 to 262144"),
        (|config| config.max_pieces = 11, "UMT's `max_pieces` is 11, which must be from 2 to 10"),
        (|config| config.image_size = 80, "UMT's `image_size` is 80, not a multiple of 32"),
        (|config| config.image_size = 0, "UMT's `image_size` is 0, which must be from 32 to 16384"),
        (|config| config.resnet_layers[3] = 0, "UMT's `resnet_layers` is 0, which must be from 1 to 16384"),
        (|config| config.heads = 3, "UMT's `hidden` is 8, not a multiple of 3"),
    ];
    for (damage, message) in cases {
        let mut config = tiny();
        damage(&mut config);
        assert_eq!(config.check().map_err(|error| error.to_string()), Err(message.to_owned()));
    }
}

#[test]
fn what_tags_is_left_out_and_what_is_fused_is_not() {
    for name in [
        "self_attention.layer.0.attention.self.query.weight",
        "classifier.bias",
        "aux_crf.transitions",
        "bert.pooler.dense.weight",
        "resnet.fc.weight",
        "resnet.layer1.0.bn1.num_batches_tracked",
    ] {
        assert!(is_redundant(name), "{name}");
    }
    let vs = nn::VarStore::new(Device::Cpu);
    let _umt = Umt::new(&vs.root(), &tiny());
    for name in vs.variables().keys() {
        assert!(!is_redundant(name), "{name}");
    }
}

#[test]
fn what_it_cannot_read_is_refused_by_name() {
    let picture = |side: u32, bytes: usize| {
        let hash = ContentHash([1; 32]);
        let (original_width, original_height) = (side, side);
        let rgb = vec![7; bytes];
        Arc::new(Picture { hash, width: side, height: side, original_width, original_height, rgb })
    };
    let fine = Request { pieces: vec![2, 0, 19], picture: picture(64, 3 * 64 * 64) };
    let cases = [
        ("is 32x32, where it sees 64x64", Request { picture: picture(32, 3 * 32 * 32), ..fine.clone() }),
        ("has 5 bytes, not 12288", Request { picture: picture(64, 5), ..fine.clone() }),
        ("a prompt of 7 tokens, where 2 to 6 fit", Request { pieces: vec![3; 7], ..fine.clone() }),
        ("a prompt of 0 tokens", Request { pieces: vec![], ..fine.clone() }),
        ("token 20 is none of the 20", Request { pieces: vec![3, 20], ..fine.clone() }),
    ];
    let mut encoder = UmtEncoder::new(network(&tiny()), 0);
    for (expected, request) in cases {
        let Err(ModelError::Failed(message)) = encoder.run(&[fine.clone(), request]) else {
            panic!("{expected}")
        };
        assert!(message.contains(expected), "{message}");
    }
    let replies = encoder.run(&[fine]).unwrap();
    let length: f32 = replies[0].features.iter().map(|feature| feature * feature).sum();
    assert_eq!(replies[0].features.len(), 16);
    assert!((length - 1.0).abs() < 1e-5, "{length}");
    assert_eq!(encoder.run(&[]).unwrap(), []);
}
