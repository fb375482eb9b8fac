//! Dimensions that make no network, and requests that none can read; how many numbers there are to learn.

use std::sync::Arc;

use tch::Device;

use super::*;
use crate::common::imaging::Picture;
use crate::domain::ContentHash;
use crate::networks::blocks::preset::Preset;
use crate::scheduler::{Model, ModelError};
use crate::stages::ground::Request;

fn tiny() -> SeqTrConfig {
    SeqTrConfig {
        vocabulary: 9,
        word_width: 5,
        max_words: 4,
        image_size: 64,
        darknet_width: 1,
        darknet_blocks: [1, 1, 1, 2, 1],
        d_model: 8,
        ffn: 12,
        heads: 2,
        groups: 4,
        encoder_layers: 1,
        decoder_layers: 2,
        bins: 20,
        contour_points: None,
    }
}

fn network(config: &SeqTrConfig) -> SeqTr {
    config.check().unwrap();
    SeqTr::new(&nn::VarStore::new(Device::Cpu).root(), config)
}

#[test]
fn as_many_numbers_are_learnt_as_counted() {
    for contour_points in [None, Some(3)] {
        let config = SeqTrConfig { contour_points, ..tiny() };
        let vs = nn::VarStore::new(Device::Cpu);
        let _seqtr = SeqTr::new(&vs.root(), &config);
        let counted: usize = vs.trainable_variables().iter().map(Tensor::numel).sum();
        assert_eq!(config.parameters(), counted as u64);
    }
}

#[test]
fn the_published_networks_are_valid() {
    for (name, tokens, words) in
        [("seqtr-refcoco", 4, 15), ("seqtr-refcoco-contour", 37, 15), ("seqtr-riveg", 4, 30)]
    {
        let config = SeqTrConfig::preset(name).unwrap();
        assert_eq!(config.check(), Ok(()));
        assert_eq!((config.channels(), config.gru_width(), config.grid()), (1024, 512, 20));
        assert_eq!((config.longest_answer(), config.max_words), (tokens, words));
    }
}

type Case = (fn(&mut SeqTrConfig), &'static str);

#[test]
fn dimensions_that_make_no_network_are_refused_by_name() {
    let cases: [Case; 9] = [
        (|config| config.vocabulary = 2, "SeqTR's `vocabulary` is 2, which must be from 3 to 16777216"),
        (|config| config.image_size = 16, "SeqTR's `image_size` is 16, which must be from 32 to 65536"),
        (|config| config.image_size = 100, "SeqTR's `image_size` is 100, not a multiple of 32"),
        (
            |config| config.darknet_blocks[3] = 0,
            "SeqTR's `darknet_blocks` is 0, which must be from 1 to 65536",
        ),
        (|config| config.d_model = 10, "SeqTR's `d_model` is 10, not a multiple of 4"),
        (|config| config.heads = 3, "SeqTR's `d_model` is 8, not a multiple of 3"),
        (|config| config.groups = 16, "SeqTR's `d_model` is 8, not a multiple of 16"),
        (|config| config.bins = 1, "SeqTR's `bins` is 1, which must be from 2 to 16777216"),
        (
            |config| config.contour_points = Some(2),
            "SeqTR's `contour_points` is 2, which must be from 3 to 16777216",
        ),
    ];
    for (damage, message) in cases {
        let mut config = tiny();
        damage(&mut config);
        assert_eq!(config.check().map_err(|error| error.to_string()), Err(message.to_owned()));
    }
}

#[test]
fn a_manifest_may_leave_out_contours_and_nothing_else() {
    let written = toml::to_string(&tiny()).unwrap();
    assert!(!written.contains("contour_points"), "{written}");
    assert_eq!(toml::from_str::<SeqTrConfig>(&written).unwrap(), tiny());
    let contours = toml::from_str::<SeqTrConfig>(&format!("{written}contour_points = 18\n")).unwrap();
    assert_eq!(contours, SeqTrConfig { contour_points: Some(18), ..tiny() });
    let unknown = toml::from_str::<SeqTrConfig>(&format!("{written}rays = 18\n")).unwrap_err();
    assert!(unknown.to_string().contains("rays"), "{unknown}");
    let lacking = toml::from_str::<SeqTrConfig>(&written.replace("bins = 20\n", "")).unwrap_err();
    assert!(lacking.to_string().contains("bins"), "{lacking}");
}

#[test]
fn what_it_cannot_read_is_refused_by_name() {
    let picture = |width: u32, height: u32, bytes: usize| {
        let (original_width, original_height) = (3 * width, 3 * height);
        let hash = ContentHash([1; 32]);
        Arc::new(Picture { hash, width, height, original_width, original_height, rgb: vec![7; bytes] })
    };
    let fine = Request { picture: picture(64, 20, 3 * 64 * 20), prompt: vec![3, 1, 8] };
    let cases = [
        ("is 65x20, where it sees at most 64x64", Request { picture: picture(65, 20, 3900), ..fine.clone() }),
        ("is 64x0, where it sees", Request { picture: picture(64, 0, 0), ..fine.clone() }),
        ("has 5 bytes, not 3840", Request { picture: picture(64, 20, 5), ..fine.clone() }),
        ("a phrase of 5 words, where 1 to 4 fit", Request { prompt: vec![3; 5], ..fine.clone() }),
        ("a phrase of 0 words", Request { prompt: vec![], ..fine.clone() }),
        ("word 9 is none of the 9", Request { prompt: vec![3, 9], ..fine.clone() }),
        ("word 0 is none of the 9", Request { prompt: vec![3, 0], ..fine.clone() }),
    ];
    let mut grounder = SeqTrGrounder::new(network(&tiny()), 0);
    for (expected, request) in cases {
        let Err(ModelError::Failed(message)) = grounder.run(&[fine.clone(), request]) else {
            panic!("{expected}")
        };
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(grounder.run(&[fine]).unwrap().len(), 1);
    assert_eq!(grounder.run(&[]).unwrap(), []);
}
