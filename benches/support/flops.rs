//! Floor of the arithmetic: multiplications and additions of the matrix products and convolutions.

use riveg::networks::bundle::{Bundle, Precision};
use riveg::networks::ofa::OfaConfig;
use riveg::networks::tagger::TaggerConfig;
use tch::{Kind, Tensor};

use super::clock::Stopwatch;
use super::flops_of_masks::segmenter;
use super::raw::Recorded;

/// A multiplication and an addition.
pub(super) const EACH: f64 = 2.0;

/// Stages' operations for all requests, each picture read once a network and nothing padded.
pub(crate) fn floor(bundle: &Bundle, recorded: &Recorded) -> [f64; 4] {
    let whole = "the pipeline has run";
    let tagging = &bundle.recognise().expect(whole).network.dimensions().config();
    let lengths = recorded.recognise.iter().map(|request| request.pieces.len() as f64);
    let recognise: f64 = lengths.map(|length| tagger(tagging, length)).sum();

    // The bundles of this bench entail and ground with OFA.
    let entail = &bundle.entail().expect(whole).network.dimensions().config();
    let prompts = recorded.entail.iter().map(|request| request.prompt.len() as f64);
    let answers: f64 = prompts.map(|length| read(entail, length) + answer(entail, length)).sum();
    let pictures = distinct(recorded.entail.iter().map(|request| request.picture.hash));
    let entailing = answers + pictures * trunk(entail);

    let part = bundle.ground().expect(whole);
    let (ground, beam) = (&part.network.dimensions().config(), part.beam as f64);
    let prompts = recorded.ground.iter().map(|request| request.prompt.len() as f64);
    let answers: f64 = prompts.map(|length| read(ground, length) + locate(ground, length, beam)).sum();
    let pictures = distinct(recorded.ground.iter().map(|request| request.picture.hash));
    let grounding = answers + pictures * trunk(ground);

    let [encode, mask] = segmenter(&bundle.segment().expect(whole).network);
    let boxes: usize = recorded.segment.iter().map(|request| request.boxes.len()).sum();
    let pictures = distinct(recorded.segment.iter().map(|request| request.picture.hash));
    [recognise, entailing, grounding, pictures * encode + boxes as f64 * mask]
}

/// What this machine does on one large product in a precision, operations a second: the best of some, since other
/// programs on the machine only ever take away.
pub(crate) fn of_one_product(device: tch::Device, precision: Precision) -> f64 {
    let side = 1024;
    let matrix = Tensor::randn([side, side], (Kind::Float, device)).to_kind(precision.kind());
    let once = || {
        let watch = Stopwatch::this_thread();
        let _ = matrix.matmul(&matrix).double_value(&[0, 0]);
        EACH * (side as f64).powi(3) / watch.spent().processor_or_wall().as_secs_f64()
    };
    (0..32).map(|_| once()).fold(0.0, f64::max)
}

fn distinct<T: Ord>(all: impl Iterator<Item = T>) -> f64 {
    all.collect::<std::collections::BTreeSet<_>>().len() as f64
}

fn tagger(config: &TaggerConfig, length: f64) -> f64 {
    let (width, inner) = (config.hidden as f64, config.ffn as f64);
    let block = length * (4.0 * width * width + 2.0 * width * inner) + 2.0 * length * length * width;
    EACH * (config.layers as f64 * block + length * width * config.labels as f64)
}

/// OFA's trunk on one picture.
fn trunk(config: &OfaConfig) -> f64 {
    let half = config.patch_image_size as f64 / 2.0;
    let width = config.resnet_width as f64;
    let mut sum = half * half * 49.0 * 3.0 * width;
    let (mut cells, mut channels) = (half * half / 4.0, width);
    for (stage, &count) in config.resnet_layers.iter().enumerate() {
        let planes = width * f64::from(1 << stage);
        for block in 0..count {
            let out = if block == 0 && stage > 0 { cells / 4.0 } else { cells };
            sum += cells * channels * planes + out * 9.0 * planes * planes + out * 4.0 * planes * planes;
            if block == 0 {
                sum += out * channels * 4.0 * planes;
            }
            (cells, channels) = (out, 4.0 * planes);
        }
    }
    EACH * sum
}

/// OFA's encoder on one prompt with its picture.
fn read(config: &OfaConfig, length: f64) -> f64 {
    let (width, inner) = (config.d_model as f64, config.ffn as f64);
    let cells = config.image_tokens() as f64;
    let tokens = cells + length;
    let block = tokens * (4.0 * width * width + 2.0 * width * inner) + 2.0 * tokens * tokens * width;
    EACH * (cells * config.trunk_channels() as f64 * width + config.encoder_layers as f64 * block)
}

/// OFA's decoder on a prompt that an answer of one token follows.
fn answer(config: &OfaConfig, length: f64) -> f64 {
    decoder(config, length, (length - 1.0, length - 1.0))
}

/// OFA's decoder along a beam: four coordinates and the end.
fn locate(config: &OfaConfig, length: f64, beam: f64) -> f64 {
    let rows = 1.0 + 4.0 * beam;
    let vocabulary = EACH * rows * (config.vocabulary * config.d_model) as f64;
    decoder(config, length, (rows, 3.0)) + vocabulary
}

/// So many tokens, each of which sees so many others, over an encoded prompt of that length.
fn decoder(config: &OfaConfig, length: f64, (tokens, seen): (f64, f64)) -> f64 {
    let (width, inner) = (config.d_model as f64, config.ffn as f64);
    let source = config.image_tokens() as f64 + length;
    let own = tokens * 4.0 * width * width + 2.0 * tokens * seen * width;
    let cross = (2.0 * tokens + 2.0 * source) * width * width + 2.0 * tokens * source * width;
    EACH * config.decoder_layers as f64 * (own + cross + tokens * 2.0 * width * inner)
}
