//! Trunk of SeqTR: DarkNet-53 with the first convolutions of YOLOv3's coarsest head.
//!
//! Redmon and Farhadi, "YOLOv3" (2018). SeqTR takes maps at three depths: 8, 16 and 32 pixels to a cell. Names and
//! numbers are those of SeqTR's checkpoints below `vis_enc.darknet`.

use tch::Tensor;
use tch::nn;

use super::config::SeqTrConfig;
use crate::networks::blocks::layers::{ConvNorm, Keeps};

/// What the rectifiers leave of negative values.
const SLOPE: f64 = 0.1;
/// Blocks without a short cut between the last stage and the last two convolutions.
const HEAD_BLOCKS: i64 = 2;

/// The trunk.
#[derive(Debug)]
pub(super) struct DarkNet {
    /// Up to 8 pixels a cell, up to 16, and up to 32.
    parts: [Vec<Module>; 3],
}

impl DarkNet {
    pub(super) fn new(vs: &nn::Path, config: &SeqTrConfig) -> Self {
        let (width, channels) = (config.darknet_width, config.channels());
        let mut number = -1;
        let mut path = || {
            number += 1;
            vs / number
        };
        let mut stem = vec![Module::conv(&path(), (3, width), (3, 1))];
        let mut stages = (0u32..).zip(config.darknet_blocks).map(|(stage, blocks)| {
            let from = width << stage;
            let down = Module::conv(&path(), (from, 2 * from), (3, 2));
            [down, Module::Blocks(Blocks::new(&path(), 2 * from, blocks, true))]
        });
        stem.extend(stages.by_ref().take(3).flatten());
        let middle = stages.by_ref().take(1).flatten().collect();
        let mut coarse: Vec<Module> = stages.flatten().collect();
        coarse.push(Module::Blocks(Blocks::new(&path(), channels, HEAD_BLOCKS, false)));
        coarse.push(Module::conv(&path(), (channels, channels / 2), (1, 1)));
        coarse.push(Module::conv(&path(), (channels / 2, channels), (3, 1)));
        Self { parts: [stem, middle, coarse] }
    }

    /// `pixels` is `[B, 3, S, S]`, 0 to 255; the answers are `[B, 8 w, S/8, S/8]`, `[B, 16 w, S/16, S/16]` and
    /// `[B, 32 w, S/32, S/32]`, w being the first convolution's width.
    pub(super) fn forward(&self, pixels: &Tensor) -> [Tensor; 3] {
        let through = |part: &[Module], input: &Tensor| {
            part.iter().fold(input.shallow_clone(), |input, module| module.forward(&input))
        };
        let fine = through(&self.parts[0], pixels);
        let middle = through(&self.parts[1], &fine);
        let coarse = through(&self.parts[2], &middle);
        [fine, middle, coarse]
    }

    pub(super) fn freeze(&mut self) {
        for module in self.parts.iter_mut().flatten() {
            module.freeze();
        }
    }
}

/// What has one number in the checkpoint.
#[derive(Debug)]
enum Module {
    Conv(Box<ConvLeaky>),
    Blocks(Blocks),
}

impl Module {
    fn conv(vs: &nn::Path, channels: (i64, i64), kernel: (i64, i64)) -> Self {
        Self::Conv(Box::new(ConvLeaky::new(vs, channels, kernel)))
    }

    fn forward(&self, input: &Tensor) -> Tensor {
        match self {
            Self::Conv(conv) => conv.forward(input),
            Self::Blocks(blocks) => blocks.forward(input),
        }
    }

    fn freeze(&mut self) {
        match self {
            Self::Conv(conv) => conv.freeze(),
            Self::Blocks(blocks) => blocks.pairs.iter_mut().flatten().for_each(ConvLeaky::freeze),
        }
    }
}

/// Pairs of convolutions to half the channels and back, each beside a short cut or not.
#[derive(Debug)]
struct Blocks {
    pairs: Vec<[ConvLeaky; 2]>,
    short_cut: bool,
}

impl Blocks {
    fn new(vs: &nn::Path, channels: i64, count: i64, short_cut: bool) -> Self {
        let list = vs / "module_list";
        let pair = |index: i64| {
            let pair = &list / index;
            [
                ConvLeaky::new(&(&pair / 0), (channels, channels / 2), (1, 1)),
                ConvLeaky::new(&(&pair / 1), (channels / 2, channels), (3, 1)),
            ]
        };
        Self { pairs: (0..count).map(pair).collect(), short_cut }
    }

    fn forward(&self, input: &Tensor) -> Tensor {
        self.pairs.iter().fold(input.shallow_clone(), |input, [narrow, widen]| {
            let inner = widen.forward(&narrow.forward(&input));
            if self.short_cut { inner + input } else { inner }
        })
    }
}

/// A convolution without bias, its batch norm and a leaky rectifier. Norms use what they remember.
#[derive(Debug)]
pub(super) struct ConvLeaky(ConvNorm);

impl ConvLeaky {
    pub(super) fn new(vs: &nn::Path, channels: (i64, i64), kernel: (i64, i64)) -> Self {
        // He's initialisation by the inputs, as DarkNet does it.
        Self(ConvNorm::new((vs / "conv", vs / "bn"), channels, kernel, Keeps::Forwards))
    }

    pub(super) fn forward(&self, input: &Tensor) -> Tensor {
        let normed = self.0.forward(input, false);
        normed.prelu(&Tensor::full([1], SLOPE, (normed.kind(), normed.device())))
    }

    pub(super) fn freeze(&mut self) {
        self.0.freeze();
    }
}
