//! Invariants of SAM 2 for any weights.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tch::{Device, Kind, Tensor, nn};

use super::{Decoded, Sam2, Sam2Config, Sam2Segmenter};
use crate::common::imaging::Picture;
use crate::domain::{BBox, ContentHash, Frame};
pub(super) use crate::networks::bundle::tiny::sam2::sam2 as tiny;
use crate::scheduler::{Model, ModelError};
use crate::stages::segment::{Reply, Request};

/// The same weights every time, as if drawn.
fn network(config: &Sam2Config) -> Sam2 {
    let vs = nn::VarStore::new(Device::Cpu);
    let sam2 = Sam2::new(&vs.root(), config);
    let _no_grad = tch::no_grad_guard();
    for (name, mut tensor) in vs.variables() {
        let phase = name.bytes().fold(0.0, |sum, byte| sum * 1.7 % 91.0 + f64::from(byte));
        let steps = Tensor::arange(tensor.numel() as i64, (Kind::Double, Device::Cpu));
        let drawn = ((steps * 12.9898 + phase).sin() * 43_758.545_3).frac().view_as(&tensor);
        let settled = match tensor.dim() {
            1 if name.contains("norm") && name.ends_with("weight") => drawn * 0.2 + 1.0,
            // What comes out varies as much as what went in.
            2.. if tensor.size()[0] > 1 && !name.contains("positional") => {
                drawn * (3.0 / (tensor.numel() as f64 / tensor.size()[0] as f64)).sqrt()
            }
            _ => drawn * 0.5,
        };
        tensor.copy_(&settled);
    }
    sam2
}

fn pixels() -> Tensor {
    (Tensor::arange(2 * 3 * 64 * 64, (Kind::Float, Device::Cpu)) * 0.37).sin().view([2, 3, 64, 64])
}

fn boxes() -> Tensor {
    Tensor::from_slice(&[4.0_f32, 5.0, 30.0, 40.0, 0.0, 10.0, 60.0, 63.0, 4.0, 5.0, 30.0, 40.0]).view([3, 4])
}

fn decoded(sam2: &Sam2) -> Decoded {
    let rows = Tensor::from_slice(&[1_i64, 0, 0]);
    sam2.decode(&sam2.encode(&pixels()), &rows, &boxes())
}

#[test]
fn a_frozen_network_says_what_it_said_before() {
    let _no_grad = tch::no_grad_guard();
    let before = network(&tiny());
    let expected = before.encode(&pixels());
    let frozen = network(&tiny()).freeze();
    let found = frozen.encode(&pixels());
    for (ours, theirs) in [
        (&found.fine, &expected.fine),
        (&found.middle, &expected.middle),
        (&found.coarse, &expected.coarse),
        (&decoded(&frozen).masks, &decoded(&before).masks),
    ] {
        let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
        let error = largest(&(ours - theirs)) / largest(theirs);
        assert!(error < 1e-5, "{error:e}");
    }
    assert_eq!(found.fine.size(), [2, 16, 16, 2]);
    assert_eq!(found.middle.size(), [2, 8, 8, 4]);
    assert_eq!(found.coarse.size(), [2, 4, 4, 16]);
}

#[test]
fn one_mask_is_the_first_if_it_is_stable_and_else_the_best_of_the_others() {
    let _no_grad = tch::no_grad_guard();
    let with = |stability_threshold, multimask| {
        decoded(&network(&Sam2Config { stability_threshold, multimask, ..tiny() }))
    };
    let always = with(0.0, false);
    let ambiguous = with(0.0, true);
    assert_eq!((always.masks.size(), ambiguous.masks.size()), (vec![3, 1, 16, 16], vec![3, 3, 16, 16]));
    let first = always.masks.flatten(1, 3);
    let pixels = |threshold: f64| first.gt(threshold).sum_dim_intlist(1, false, Kind::Float);
    let stability = Vec::<f64>::try_from((pixels(0.05) / pixels(-0.05)).to_kind(Kind::Double)).unwrap();
    assert!(stability.iter().all(|&share| share > 0.0 && share < 1.0), "{stability:?}");
    let best = Vec::<i64>::try_from(ambiguous.ious.argmax(1, false)).unwrap();
    for threshold in stability.iter().flat_map(|&share| [share - 1e-4, share + 1e-4]) {
        let found = with(threshold, false);
        for row in 0..3 {
            let expected = if stability[row] >= threshold {
                (always.masks.get(row as i64).get(0), always.ious.get(row as i64).get(0))
            } else {
                let of = |all: &Tensor| all.get(row as i64).get(best[row]);
                (of(&ambiguous.masks), of(&ambiguous.ious))
            };
            assert_eq!(found.masks.get(row as i64).get(0), expected.0, "{threshold} {row}");
            assert_eq!(found.ious.get(row as i64).get(0), expected.1, "{threshold} {row}");
        }
    }
}

#[test]
fn a_mask_teaches_the_encoder_and_the_decoder() {
    let vs = nn::VarStore::new(Device::Cpu);
    let sam2 = Sam2::new(&vs.root(), &Sam2Config { stability_threshold: 0.0, ..tiny() });
    let found = decoded(&sam2);
    let square = |tensor: &Tensor| tensor.square().sum(Kind::Float);
    (square(&found.masks) + square(&found.ious) + square(&found.object)).backward();
    // What box prompts and a single mask do not use learns nothing; all else does.
    let idle = |name: &str| {
        name.contains("mask_embed.conv")
            || name.contains("mask_embed.layer_norm")
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

fn picture(seed: u8, width: u32, height: u32) -> Arc<Picture> {
    let rgb = (0..3 * width * height).map(|index| (index * (31 + u32::from(seed)) % 251) as u8).collect();
    let frame = Frame { hash: ContentHash([seed; 32]), width, height, orientation: 1, reduced: 1, rgb };
    Picture::squashed_bilinear(&frame, 64)
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

fn segmenter(cache_bytes: usize) -> Sam2Segmenter {
    Sam2Segmenter::new(network(&tiny()).freeze(), Device::Cpu, cache_bytes)
}

fn sizes(replies: &[Reply]) -> Vec<Vec<(u32, u32)>> {
    replies.iter().map(|reply| reply.iter().map(|one| (one.mask.width, one.mask.height)).collect()).collect()
}

#[test]
fn a_picture_is_encoded_once_and_masks_have_the_size_of_the_original() {
    let mut remembering = segmenter(1 << 20);
    let encodings = remembering.encodings();
    let first = remembering.run(&batch()).unwrap();
    assert_eq!(sizes(&first), [vec![(50, 90); 2], vec![], vec![(120, 64)], vec![(50, 90)]]);
    // Two distinct pictures have boxes; the one without is not worth an encoding.
    assert_eq!(encodings.load(Ordering::Relaxed), 2);
    let again = remembering.run(&batch()).unwrap();
    assert_eq!(encodings.load(Ordering::Relaxed), 2);
    for (left, right) in first.iter().flatten().zip(again.iter().flatten()) {
        assert!(left.mask == right.mask && (left.score - right.score).abs() < 1e-5);
    }
    // What follows from other tests follows only if boxes make a difference.
    let scores: Vec<f32> = first.iter().flatten().map(|one| one.score).collect();
    for (index, score) in scores.iter().enumerate() {
        assert!(scores[..index].iter().all(|other| (other - score).abs() > 1e-5), "{scores:?}");
    }

    let mut forgetful = segmenter(0);
    forgetful.run(&batch()).unwrap();
    forgetful.run(&batch()).unwrap();
    assert_eq!(forgetful.encodings().load(Ordering::Relaxed), 4);
}

#[test]
fn a_picture_that_is_no_square_of_the_network_is_an_error_that_names_it() {
    let good = batch().swap_remove(0);
    let narrow = Picture { width: 63, rgb: vec![0; 3 * 63 * 64], ..Picture::clone(&good.picture) };
    match segmenter(0).run(&[good.clone(), Request { picture: Arc::new(narrow), ..good }]) {
        Err(ModelError::Failed(message)) => {
            assert!(message.contains("is 63x64, but the network reads 64x64"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}
