//! One network in training and in service; each picture read once, and what cannot be read refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::nn::OptimizerConfig;
use tch::{Device, Reduction};

use super::*;
use crate::common::imaging::Picture;
use crate::domain::ContentHash;
use crate::scheduler::{Cost, Model, ModelError};
use crate::stages::entail;
use crate::stages::ground;

fn tiny() -> OfaConfig {
    OfaConfig {
        vocabulary: 60,
        d_model: 16,
        ffn: 32,
        heads: 2,
        encoder_layers: 2,
        decoder_layers: 2,
        resnet_layers: [1, 1, 1],
        resnet_width: 4,
        token_bucket: 16,
        image_bucket: 6,
        max_positions: 40,
        patch_image_size: 64,
        first_bin: 40,
        bins: 20,
        answers: [10, 11, 12],
    }
}

#[test]
fn what_training_sees_is_what_inference_sees() {
    tch::manual_seed(7);
    let vs = nn::VarStore::new(Device::Cpu);
    let config = tiny();
    config.check().unwrap();
    let ofa = Ofa::new(&vs.root(), &config);
    let pixels = Tensor::randn([2, 3, 64, 64], (Kind::Float, Device::Cpu));
    let tokens = Tensor::from_slice(&[0i64, 5, 6, 7, 2, 0, 8, 2, 1, 1]).view([2, 5]);
    let prefix = Tensor::from_slice(&[0i64, 45, 50, 0, 41, 42]).view([2, 3]);
    let mut optimiser = nn::AdamW::default().build(&vs, 1e-3).unwrap();
    for _ in 0..3 {
        let encoded = ofa.encode(&ofa.trunk(&pixels, true), &tokens, true);
        let logits = ofa.decode(&encoded, &prefix, true).flatten(0, 1);
        let targets = Tensor::from_slice(&[45i64, 50, 2, 41, 42, 2]);
        let weight: Option<Tensor> = None;
        let loss = logits.cross_entropy_loss(&targets, weight, Reduction::Mean, -100, 0.0);
        optimiser.backward_step(&loss);
    }
    let _guard = tch::no_grad_guard();
    let encoded = ofa.encode(&ofa.trunk(&pixels, false), &tokens, false);
    let logits = ofa.decode(&encoded, &prefix, false);
    let answers = ofa.answer_logits(&encoded, &tokens, false);
    let ofa = ofa.freeze();
    for _ in 0..2 {
        let frozen = ofa.encode(&ofa.trunk(&pixels, false), &tokens, false);
        assert!(frozen.states.allclose(&encoded.states, 1e-4, 1e-5, false));
        assert!(ofa.decode(&frozen, &prefix, false).allclose(&logits, 1e-4, 1e-4, false));
        assert!(ofa.answer_logits(&frozen, &tokens, false).allclose(&answers, 1e-4, 1e-5, false));
    }
    let located = ofa.locate(&encoded, 5, Choice::Bins).unwrap();
    assert!(located.iter().all(|answers| answers.len() == 5));
}

/// The same network each time, whatever other tests draw, and no parameter of which is what it begins as.
fn network() -> Ofa {
    let vs = nn::VarStore::new(Device::Cpu);
    let ofa = Ofa::new(&vs.root(), &tiny());
    let _guard = tch::no_grad_guard();
    let mut variables: Vec<_> = vs.variables().into_iter().collect();
    variables.sort_by(|left, right| left.0.cmp(&right.0));
    for (number, (name, mut variable)) in variables.into_iter().enumerate() {
        let steps = Tensor::arange(variable.numel() as i64, (Kind::Double, Device::Cpu)) * 12.9898;
        let noise = ((steps + number as f64).sin() * 43_758.545_3).frac() * 0.5;
        let positive = name.ends_with("running_var") || name.contains("norm") || name.contains("_ln");
        let noise = if positive { noise.abs() + 0.7 } else { noise };
        variable.copy_(&noise.view_as(&variable));
    }
    ofa
}

/// A network that gives each token these logits, whatever it is asked.
fn saying(logit: impl Fn(i64) -> f32) -> Ofa {
    let vs = nn::VarStore::new(Device::Cpu);
    let ofa = Ofa::new(&vs.root(), &tiny());
    let _guard = tch::no_grad_guard();
    let mut variables = vs.variables();
    let mut variable = |name: &str| variables.remove(name).unwrap();
    let _ = variable("decoder.layer_norm.weight").zero_();
    let _ = variable("decoder.layer_norm.bias").fill_(1.0);
    let logits: Vec<f32> = (0..60).map(logit).collect();
    let rows = Tensor::from_slice(&logits).view([60, 1]).expand([60, 16], false) / 16.0;
    variable("encoder.embed_tokens.weight").copy_(&rows);
    ofa
}

fn picture(seed: u8) -> Arc<Picture> {
    let rgb = (0..64u32 * 64 * 3)
        .map(|index| (index.wrapping_mul(2_654_435_761 + u32::from(seed) * 97) >> 13) as u8);
    let hash = ContentHash([seed; 32]);
    Arc::new(Picture {
        hash,
        width: 64,
        height: 64,
        original_width: 90,
        original_height: 50,
        rgb: rgb.collect(),
    })
}

/// Prompts of five lengths about three pictures.
fn asked() -> Vec<(Arc<Picture>, Vec<u32>)> {
    let prompt = |length: u32, first: u32| {
        (0..length)
            .map(|index| match index {
                0 => 0,
                _ if index + 1 == length => 2,
                _ => 4 + (first + 7 * index) % 30,
            })
            .collect()
    };
    [(1, 9, 0), (2, 4, 3), (1, 2, 0), (3, 30, 5), (2, 9, 8), (1, 17, 1)]
        .map(|(seed, length, first)| (picture(seed), prompt(length, first)))
        .to_vec()
}

#[test]
fn a_grounder_that_may_say_anything_still_answers_with_a_box() {
    let (picture, prompt) = asked().remove(0);
    let requests = [ground::Request { picture, prompt }];
    let bin = |token: i64| if token >= 40 { 1.0 - 0.1 * (token - 40) as f32 } else { -9.0 };
    let boxes_alone = OfaGrounder::new(saying(bin), 5, 0).run(&requests).unwrap();
    // Three of the first bin and one of the second, as four of the first would repeat three; their order is open.
    let sorted = |replies: &[ground::Reply]| {
        let mut corners = replies[0].corners;
        corners.sort_by(f64::total_cmp);
        corners
    };
    assert_eq!(sorted(&boxes_alone), [0.0, 0.0, 0.0, 1.0 / 19.0]);
    // The other three places of that bin are as likely, and the fifth box of the beam is less so.
    let ground::Reply { log_probability, others, .. } = &boxes_alone[0];
    assert_eq!(others.len(), 4, "{others:?}");
    assert!(others.is_sorted_by(|one, other| one.log_probability >= other.log_probability), "{others:?}");
    assert!(others.iter().all(|other| other.log_probability <= *log_probability), "{others:?}");
    let places = |other: &ground::OtherBox| other.corners.map(|edge| (19.0 * edge).round() as i64);
    assert!(others[..3].iter().all(|other| places(other).iter().sum::<i64>() == 1), "{others:?}");

    let chattering = |token| if token == 20 { 6.0 } else { bin(token) };
    let anything = OfaGrounder::new(saying(bin), 5, 0).among(Choice::Anything).run(&requests).unwrap();
    assert_eq!(anything, boxes_alone);
    let chatty = OfaGrounder::new(saying(chattering), 5, 0).among(Choice::Anything).run(&requests).unwrap();
    let confined = OfaGrounder::new(saying(chattering), 5, 0).run(&requests).unwrap();
    assert_eq!(chatty, confined, "where no answer is a box, bins alone are asked");

    // The word comes second: of the five likeliest answers only some are boxes, and the likeliest of these counts.
    let at_times = |token| if token == 20 { 0.95 } else { bin(token) };
    let some = OfaGrounder::new(saying(at_times), 5, 0).among(Choice::Anything).run(&requests).unwrap();
    assert_eq!(sorted(&some), sorted(&boxes_alone));
    let others = &some[0].others;
    assert!(others.len() < 4, "what is no box is left out: {others:?}");
}

#[test]
fn what_a_network_was_taught_shows_in_what_it_says_after_a_question() {
    let (picture, prompt) = asked().remove(0);
    let entail = entail::Request { picture: picture.clone(), prompt: prompt.clone() };
    let ground = ground::Request { picture, prompt };
    let answers = |token| if (10..13).contains(&token) { 9.0 } else { 0.0 };
    let bins = |token| if token >= 40 { 9.0 } else { 0.0 };
    let share_of_answers =
        |logit: fn(i64) -> f32| OfaEntailer::new(saying(logit), 0).share_of_answers(&entail);
    let share_of_bins = |logit: fn(i64) -> f32| OfaGrounder::new(saying(logit), 5, 0).share_of_bins(&ground);
    assert!(share_of_answers(answers).unwrap() > 0.99 && share_of_answers(bins).unwrap() < 0.01);
    assert!(share_of_bins(bins).unwrap() > 0.99 && share_of_bins(answers).unwrap() < 0.01);
}

#[test]
fn each_picture_goes_through_the_trunk_once() {
    let requests: Vec<_> =
        asked().into_iter().map(|(picture, prompt)| entail::Request { picture, prompt }).collect();
    let trunk_bytes = 4 * 4 * 64 * 4;
    for (bytes, expected) in [(3 * trunk_bytes, [3, 3]), (0, [3, 6])] {
        let mut entailer = OfaEntailer::new(network(), bytes);
        let runs = entailer.trunk_runs();
        for expected in expected {
            entailer.run(&requests).unwrap();
            assert_eq!(runs.load(Ordering::Relaxed), expected, "with {bytes} bytes");
        }
    }
}

#[test]
fn two_stages_of_one_network_read_each_picture_once_and_answer_as_two_networks() {
    let entailing: Vec<_> =
        asked().into_iter().map(|(picture, prompt)| entail::Request { picture, prompt }).collect();
    let grounding: Vec<_> =
        asked().into_iter().map(|(picture, prompt)| ground::Request { picture, prompt }).collect();
    let everything = usize::MAX / 2;
    let (mut entailer, mut grounder) =
        (OfaEntailer::new(network(), everything), OfaGrounder::new(network(), 5, everything));
    let mut first = OfaEntailer::new(network(), everything);
    let mut second = first.grounder(5);
    // Other batches, so that pictures come to the trunk in other company.
    for batch in [0..2, 0..6, 3..5] {
        let (verdicts, places) = (&entailing[batch.clone()], &grounding[batch]);
        assert_eq!(first.run(verdicts).unwrap(), entailer.run(verdicts).unwrap());
        assert_eq!(second.run(places).unwrap(), grounder.run(places).unwrap());
    }
    let runs = |counter: Arc<AtomicU64>| counter.load(Ordering::Relaxed);
    assert_eq!([runs(entailer.trunk_runs()), runs(grounder.trunk_runs())], [3, 3]);
    assert_eq!([runs(first.trunk_runs()), runs(second.trunk_runs())], [3, 0]);
}

#[test]
fn what_it_cannot_read_is_refused_by_name() {
    let mut grounder = OfaGrounder::new(network(), 5, 0);
    let fine = ground::Request { picture: picture(1), prompt: vec![0, 5, 2] };
    assert_eq!(OfaGrounder::cost(&fine), Cost(16 + 3));
    let small = Arc::new(Picture { width: 32, ..Picture::clone(&fine.picture) });
    let short = Arc::new(Picture { rgb: vec![0; 5], ..Picture::clone(&fine.picture) });
    let cases = [
        ("is 32x64, where it sees 64x64", ground::Request { picture: small, ..fine.clone() }),
        ("has 5 bytes, not 12288", ground::Request { picture: short, ..fine.clone() }),
        ("a prompt of 41 tokens", ground::Request { prompt: vec![5; 41], ..fine.clone() }),
        ("a prompt of 1 tokens", ground::Request { prompt: vec![0], ..fine.clone() }),
        ("token 60", ground::Request { prompt: vec![0, 60, 2], ..fine.clone() }),
        ("token 1 ", ground::Request { prompt: vec![0, 1, 2], ..fine.clone() }),
    ];
    for (expected, request) in cases {
        let Err(ModelError::Failed(message)) = grounder.run(&[fine.clone(), request]) else {
            panic!("{expected}")
        };
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(grounder.run(&[fine]).unwrap().len(), 1);
    assert_eq!(grounder.run(&[]).unwrap(), []);
}
