//! What is in the picture, cell by cell? The trunk: DarkNet-53 with the first convolutions of YOLOv3's coarsest head.
//!
//! Redmon and Farhadi, "YOLOv3" (2018). SeqTR takes maps at three depths: 8, 16 and 32 pixels to a cell. Names and
//! numbers are those of SeqTR's checkpoints below `vis_enc.darknet`.

use tch::nn::{self, ModuleT};
use tch::{Kind, Tensor};

use super::config::SeqTrConfig;

/// Added to the variance in batch norms.
const NORM_EPS: f64 = 1e-5;
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
    Conv(Box<ConvNorm>),
    Blocks(Blocks),
}

impl Module {
    fn conv(vs: &nn::Path, channels: (i64, i64), kernel: (i64, i64)) -> Self {
        Self::Conv(Box::new(ConvNorm::new(vs, channels, kernel)))
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
            Self::Blocks(blocks) => blocks.pairs.iter_mut().flatten().for_each(ConvNorm::freeze),
        }
    }
}

/// Pairs of convolutions to half the channels and back, each beside a short cut or not.
#[derive(Debug)]
struct Blocks {
    pairs: Vec<[ConvNorm; 2]>,
    short_cut: bool,
}

impl Blocks {
    fn new(vs: &nn::Path, channels: i64, count: i64, short_cut: bool) -> Self {
        let list = vs / "module_list";
        let pair = |index: i64| {
            let pair = &list / index;
            [
                ConvNorm::new(&(&pair / 0), (channels, channels / 2), (1, 1)),
                ConvNorm::new(&(&pair / 1), (channels / 2, channels), (3, 1)),
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
pub(super) struct ConvNorm {
    conv: nn::Conv2D,
    norm: nn::BatchNorm,
    stride: i64,
    padding: i64,
    /// Weight and bias of the convolution that does both, once frozen.
    folded: Option<(Tensor, Tensor)>,
}

impl ConvNorm {
    pub(super) fn new(vs: &nn::Path, (from, to): (i64, i64), (kernel, stride): (i64, i64)) -> Self {
        let padding = kernel / 2;
        // He's initialisation by the inputs, as DarkNet does it.
        let deviation = (2.0 / (from * kernel * kernel) as f64).sqrt();
        let conv_config = nn::ConvConfig {
            stride,
            padding,
            bias: false,
            ws_init: nn::Init::Randn { mean: 0.0, stdev: deviation },
            ..Default::default()
        };
        let norm_config =
            nn::BatchNormConfig { ws_init: nn::Init::Const(1.0), eps: NORM_EPS, ..Default::default() };
        Self {
            conv: nn::conv2d(vs / "conv", from, to, kernel, conv_config),
            norm: nn::batch_norm2d(vs / "bn", to, norm_config),
            stride,
            padding,
            folded: None,
        }
    }

    pub(super) fn forward(&self, input: &Tensor) -> Tensor {
        let normed = match &self.folded {
            Some((weight, bias)) => input.conv2d(weight, Some(bias), self.stride, self.padding, 1, 1),
            None => self.norm.forward_t(&input.apply(&self.conv), false),
        };
        normed.prelu(&Tensor::full([1], SLOPE, (normed.kind(), normed.device())))
    }

    /// Folds the remembered mean and variance into the convolution: a pass over memory less.
    pub(super) fn freeze(&mut self) {
        let (Some(weight), Some(bias)) = (&self.norm.ws, &self.norm.bs) else { return };
        let _guard = tch::no_grad_guard();
        let scale = weight * (&self.norm.running_var + NORM_EPS).rsqrt();
        let bias = (bias - &self.norm.running_mean * &scale).to_kind(Kind::Float);
        self.folded = Some((&self.conv.ws * scale.view([-1, 1, 1, 1]), bias));
    }
}
