//! Requests of these tests, each made from a number, and replies as answers that can be compared.

use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use riveg::common::imaging::Picture;
use riveg::domain::{BBox, ContentHash};
use riveg::stages::entail;
use riveg::stages::ground;
use riveg::stages::knowledge;
use riveg::stages::recognise;
use riveg::stages::recognise::joint::{self, Candidate};
use riveg::stages::segment;

/// What a reply says, whichever network gave it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// What was chosen: labels, places, pixels.
    pub(crate) decisions: Vec<f64>,
    /// How sure the network is of it.
    pub(crate) scores: Vec<f32>,
}

/// Tokens of every vocabulary, location bins not counted.
pub(super) const TOKENS: i64 = 60;
/// The longest text in tokens.
pub(super) const LONGEST: usize = 40;
/// The longest phrase in words.
pub(super) const WORDS: usize = 14;
/// The longest side of a picture.
pub(super) const SIDE: u32 = 64;
/// The number of pictures that are asked about: fewer than requests, so that batches ask several things of one.
const PICTURES: u8 = 6;

pub(super) fn text(rng: &mut ChaCha8Rng) -> recognise::Request {
    let length = rng.random_range(2..=LONGEST);
    let pieces = tokens(rng, length);
    let mut first_pieces: Vec<u32> = (1..length as u32).filter(|_| rng.random_bool(0.6)).collect();
    let own = rng.random_range(0..=first_pieces.len());
    let context_first_pieces = first_pieces.split_off(own);
    recognise::Request { pieces, first_pieces, context_first_pieces }
}

/// A text beside a picture, or without one, with up to nine candidates.
pub(super) fn reading(rng: &mut ChaCha8Rng) -> joint::Request {
    let mut candidate = || {
        let [x, y] = [0, 1].map(|_| rng.random_range(0.0..0.6));
        [x, y, x + rng.random_range(0.1..0.4), y + rng.random_range(0.1..0.4)]
    };
    let mut all: Vec<Candidate> = (0..9).map(|_| candidate()).collect();
    all.truncate(rng.random_range(0..=9));
    let picture = rng.random_bool(0.8).then(|| square(rng));
    joint::Request { text: text(rng), picture, candidates: all.into() }
}

pub(super) fn entailing(rng: &mut ChaCha8Rng) -> entail::Request {
    let (picture, length) = (square(rng), rng.random_range(2..=LONGEST));
    entail::Request { picture, prompt: tokens(rng, length) }
}

pub(super) fn knowing(rng: &mut ChaCha8Rng) -> knowledge::Request {
    let entail::Request { picture, prompt } = entailing(rng);
    knowledge::Request { picture, pieces: prompt }
}

pub(super) fn grounding(rng: &mut ChaCha8Rng) -> ground::Request {
    let entail::Request { picture, prompt } = entailing(rng);
    ground::Request { picture, prompt }
}

/// Words between both ends, the last a full stop.
pub(super) fn phrase(rng: &mut ChaCha8Rng) -> ground::Request {
    let (picture, length) = (of_any_shape(rng), rng.random_range(1..=WORDS));
    let words = (0..length).map(|_| rng.random_range(6..TOKENS as u32)).collect();
    ground::Request { picture, prompt: [vec![2], words, vec![4, 3]].concat() }
}

pub(super) fn words(rng: &mut ChaCha8Rng) -> ground::Request {
    let (picture, length) = (of_any_shape(rng), rng.random_range(1..=WORDS));
    ground::Request { picture, prompt: tokens(rng, length) }
}

pub(super) fn boxes(rng: &mut ChaCha8Rng) -> segment::Request {
    let picture = of_any_shape(rng);
    boxes_in(picture, rng)
}

pub(super) fn boxes_of_squares(rng: &mut ChaCha8Rng) -> segment::Request {
    let picture = square(rng);
    boxes_in(picture, rng)
}

/// Up to three boxes, none at times.
fn boxes_in(picture: Arc<Picture>, rng: &mut ChaCha8Rng) -> segment::Request {
    let edges = |rng: &mut ChaCha8Rng, side: u32| {
        let edges = [0, 1].map(|_| rng.random_range(0.0..side as f32));
        (edges[0].min(edges[1]), edges[0].max(edges[1]))
    };
    let count = rng.random_range(0..=3);
    let bbox = |rng: &mut ChaCha8Rng| {
        let ((x0, x1), (y0, y1)) = (edges(rng, picture.original_width), edges(rng, picture.original_height));
        BBox { x0, y0, x1, y1 }
    };
    let boxes = (0..count).map(|_| bbox(rng)).collect();
    segment::Request { picture, boxes }
}

/// Tokens none of which fills up, in any vocabulary.
fn tokens(rng: &mut ChaCha8Rng, count: usize) -> Vec<u32> {
    (0..count).map(|_| rng.random_range(2..TOKENS as u32)).collect()
}

fn square(rng: &mut ChaCha8Rng) -> Arc<Picture> {
    let number = rng.random_range(0..PICTURES);
    picture(number, SIDE, SIDE)
}

/// A picture as large as the network's square, or narrower, or lower.
fn of_any_shape(rng: &mut ChaCha8Rng) -> Arc<Picture> {
    let number = rng.random_range(0..PICTURES);
    let less = SIDE - 9 * u32::from(number);
    if number % 2 == 0 { picture(number, SIDE, less) } else { picture(number, less, SIDE) }
}

/// A pattern of its own for each number.
fn picture(number: u8, width: u32, height: u32) -> Arc<Picture> {
    let [across, down, channels] = [7, 13, 50].map(|step| step + 5 * u32::from(number));
    let level = |x: u32, y: u32, c: u32| ((x * across + y * down + c * channels + x * y / 3) % 256) as u8;
    let rgb =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| level(x, y, c)))).collect();
    let (original_width, original_height) = (width + 20, height + 10);
    Arc::new(Picture { hash: ContentHash([number; 32]), width, height, original_width, original_height, rgb })
}

pub(super) fn labels(reply: &recognise::Reply) -> Answer {
    let labels = reply.labels.iter().map(|&label| label as f64);
    Answer { decisions: labels.collect(), scores: reply.posteriors.clone() }
}

pub(super) fn verdict(reply: &entail::Reply) -> Answer {
    Answer { decisions: Vec::new(), scores: vec![reply.no, reply.yes, reply.maybe] }
}

pub(super) fn place(reply: &ground::Reply) -> Answer {
    Answer { decisions: reply.corners.to_vec(), scores: vec![reply.log_probability] }
}

pub(super) fn masks(reply: &segment::Reply) -> Answer {
    let pixels = reply.iter().flat_map(|one| one.mask.to_pixels()).map(f64::from);
    Answer { decisions: pixels.collect(), scores: reply.iter().map(|one| one.score).collect() }
}
