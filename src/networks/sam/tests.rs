//! Invariants of SAM for any weights.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tch::{Device, Kind, Tensor, nn};

use super::{Sam, SamConfig, SamSegmenter, shapes};
use crate::common::imaging::Picture;
use crate::domain::{BBox, ContentHash, Frame};
pub(super) use crate::networks::bundle::tiny::sam::sam as tiny;
use crate::scheduler::{Model, ModelError};
use crate::stages::segment::{Reply, Request, Segmentation};

fn segmenter(multimask: bool, cache_bytes: usize) -> SamSegmenter {
    let vs = nn::VarStore::new(Device::Cpu);
    let sam = Sam::new(&vs.root(), &SamConfig { multimask, ..tiny() });
    settle(&vs);
    SamSegmenter::new(sam, Device::Cpu, cache_bytes)
}

/// The same weights every time, as if drawn; libtorch's seed is one for all threads, so other tests would draw from it.
fn settle(vs: &nn::VarStore) {
    let _no_grad = tch::no_grad_guard();
    for (name, mut tensor) in vs.variables() {
        let phase = name.bytes().fold(0.0, |sum, byte| sum * 1.7 % 91.0 + f64::from(byte));
        let steps = Tensor::arange(tensor.numel() as i64, (Kind::Double, Device::Cpu));
        let drawn = (((steps * 12.9898 + phase).sin() * 43_758.545_3).frac() * 1.7).view_as(&tensor);
        let settled = if name.contains("norm") && name.ends_with("weight") {
            drawn * 0.2 + 1.0
        } else if tensor.dim() > 1 && tensor.size()[0] > 1 && !name.contains("pos") {
            // Every layer passes on about as much as it gets, else all masks would be alike.
            drawn * (2.0 / (tensor.numel() as f64 / tensor.size()[0] as f64).sqrt())
        } else {
            drawn * 0.5
        };
        tensor.copy_(&settled);
    }
}

fn picture(seed: u8, width: u32, height: u32) -> Arc<Picture> {
    let rgb = (0..3 * width * height).map(|index| (index * (31 + u32::from(seed)) % 251) as u8).collect();
    Picture::longest_side(
        &Frame { hash: ContentHash([seed; 32]), width, height, orientation: 1, reduced: 1, rgb },
        64,
    )
}

fn bbox(x0: f32, y0: f32, x1: f32, y1: f32) -> BBox {
    BBox { x0, y0, x1, y1 }
}

fn batch() -> Vec<Request> {
    let tall = picture(1, 50, 90);
    vec![
        Request {
            picture: Arc::clone(&tall),
            boxes: vec![bbox(3.0, 4.0, 40.0, 80.0), bbox(0.0, 0.0, 50.0, 90.0)],
        },
        Request { picture: picture(2, 33, 20), boxes: vec![] },
        Request { picture: picture(3, 120, 64), boxes: vec![bbox(10.5, 7.25, 100.0, 60.0)] },
        Request { picture: tall, boxes: vec![bbox(20.0, 30.0, 30.0, 35.0)] },
    ]
}

#[test]
fn the_parameters_are_those_that_the_dimensions_tell() {
    let vs = nn::VarStore::new(Device::Cpu);
    let config = tiny();
    let _sam = Sam::new(&vs.root(), &config);
    let made: BTreeMap<String, Vec<i64>> =
        vs.variables().into_iter().map(|(name, tensor)| (name, tensor.size())).collect();
    let told: BTreeMap<String, Vec<i64>> = shapes(&config).into_iter().collect();
    assert_eq!(made, told);
}

#[test]
fn a_mask_teaches_the_encoder_and_the_decoder() {
    let vs = nn::VarStore::new(Device::Cpu);
    let sam = Sam::new(&vs.root(), &tiny());
    settle(&vs);
    let steps = Tensor::arange(2 * 3 * 64 * 64, (Kind::Float, Device::Cpu));
    let encoded = sam.encode(&(steps * 0.37).sin().view([2, 3, 64, 64]));
    let rows = Tensor::from_slice(&[1_i64, 0, 1]);
    let boxes = Tensor::from_slice(&[4.0_f32, 5.0, 30.0, 40.0].repeat(3)).view([3, 4]);
    let (low_res, ious) = sam.decode(&encoded.index_select(0, &rows), &boxes);
    assert_eq!((low_res.size(), ious.size()), (vec![3, 1, 32, 32], vec![3, 1]));
    (low_res.square().sum(Kind::Float) + ious.square().sum(Kind::Float)).backward();

    // What box prompts and a single mask do not use learns nothing; all else does.
    let idle = |name: &str| {
        name.contains("mask_embed.conv")
            || name.contains("mask_embed.layer_norm")
            || name.contains("not_a_point_embed")
            || name.contains("point_embed.0")
            || name.contains("point_embed.1")
            || name.contains("positional_embedding")
            || (1..4).any(|mask| name.contains(&format!("output_hypernetworks_mlps.{mask}")))
    };
    for (name, tensor) in vs.variables() {
        let learnt = tensor.grad().defined() && tensor.grad().abs().sum(Kind::Float).double_value(&[]) > 0.0;
        // The rows of keys' biases cancel in a softmax: their gradient is rounding, or none.
        if !name.ends_with("k_proj.bias") {
            assert_eq!(learnt, !idle(&name), "{name}");
        }
    }
}

fn same(left: &[Reply], right: &[Reply]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left.len(), right.len());
        for (left, right) in left.iter().zip(right) {
            assert!(left.mask == right.mask, "scores {} {}", left.score, right.score);
            assert!((left.score - right.score).abs() < 1e-5);
        }
    }
}

#[test]
fn masks_are_as_large_as_the_original_picture_and_not_all_alike() {
    let replies = segmenter(false, 0).run(&batch()).unwrap();
    let size = |one: &Segmentation| (one.mask.width, one.mask.height);
    let sizes: Vec<Vec<(u32, u32)>> = replies.iter().map(|reply| reply.iter().map(size).collect()).collect();
    assert_eq!(sizes, [vec![(50, 90); 2], vec![], vec![(120, 64)], vec![(50, 90)]]);
    let pixels = |one: &Segmentation| one.mask.runs.iter().map(|&run| u64::from(run)).sum::<u64>();
    assert!(replies.iter().flatten().all(|one| pixels(one) == u64::from(one.mask.width * one.mask.height)));
    // What follows from other tests follows only if boxes and pictures make a difference, to masks and to scores.
    let found = [&replies[0][0], &replies[0][1], &replies[3][0]];
    for (index, one) in found.iter().enumerate() {
        let share = one.mask.area() as f64 / (50.0 * 90.0);
        assert!(share > 0.02 && share < 0.98, "{share}");
        assert!(found[..index].iter().all(|other| other.mask != one.mask && other.score != one.score));
    }
    let elsewhere = Request { picture: picture(4, 50, 90), boxes: vec![bbox(3.0, 4.0, 40.0, 80.0)] };
    let elsewhere = segmenter(false, 0).run(&[elsewhere]).unwrap();
    assert_ne!(elsewhere[0][0].mask, replies[0][0].mask);
}

#[test]
fn a_picture_is_encoded_once_and_then_remembered() {
    let mut remembering = segmenter(false, 1 << 20);
    let encodings = remembering.encodings();
    let first = remembering.run(&batch()).unwrap();
    // Two distinct pictures have boxes; the one without is not worth an encoding.
    assert_eq!(encodings.load(Ordering::Relaxed), 2);
    same(&first, &remembering.run(&batch()).unwrap());
    assert_eq!(encodings.load(Ordering::Relaxed), 2);

    let mut knowing_one = segmenter(false, 1 << 20);
    knowing_one.run(&batch()[..1]).unwrap();
    same(&first, &knowing_one.run(&batch()).unwrap());
    assert_eq!(knowing_one.encodings().load(Ordering::Relaxed), 2);

    let mut forgetful = segmenter(false, 0);
    same(&first, &forgetful.run(&batch()).unwrap());
    same(&first, &forgetful.run(&batch()).unwrap());
    assert_eq!(forgetful.encodings().load(Ordering::Relaxed), 4);
}

#[test]
fn more_boxes_than_are_decoded_at_once_are_all_answered() {
    let boxes: Vec<BBox> = (0..150).map(|index| bbox(index as f32 / 10.0, 2.0, 40.0, 60.0)).collect();
    let many = Request { picture: picture(1, 50, 90), boxes: boxes.clone() };
    let replies = segmenter(false, 0).run(&[many]).unwrap();
    let last = Request { picture: picture(1, 50, 90), boxes: vec![boxes[149]] };
    let alone = segmenter(false, 0).run(&[last]).unwrap();
    assert_eq!(replies[0].len(), 150);
    same(&[replies[0][149..].to_vec()], &alone);
}

#[test]
fn a_request_that_cannot_be_answered_is_an_error_that_names_it() {
    let good = batch().swap_remove(0);
    let large = Picture { width: 65, rgb: vec![0; 3 * 65 * 64], height: 64, ..Picture::clone(&good.picture) };
    let short = Picture { rgb: vec![0; 5], ..Picture::clone(&good.picture) };
    let cases = [
        (Request { picture: Arc::new(large), ..good.clone() }, "is 65x64, but the network reads at most 64"),
        (Request { picture: Arc::new(short), ..good.clone() }, "has 5 bytes for 36x64"),
        (Request { boxes: vec![bbox(f32::NAN, 0.0, 1.0, 1.0)], ..good.clone() }, "is not finite"),
    ];
    for (request, words) in cases {
        match segmenter(false, 0).run(&[good.clone(), request]) {
            Err(ModelError::Failed(message)) => assert!(message.contains(words), "{message}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[test]
fn boxes_and_pixels_both_cost() {
    let cost = |width, height, boxes| {
        let boxes = vec![bbox(0.0, 0.0, 1.0, 1.0); boxes];
        SamSegmenter::cost(&Request { picture: picture(1, width, height), boxes }).0
    };
    assert_eq!(cost(64, 10, 0), 16);
    assert_eq!(cost(64, 10, 64), 32);
    assert!(cost(64, 10, 1) > cost(64, 10, 0));
}
