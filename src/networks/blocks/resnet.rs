//! ResNet trunk without classifier: OFA's trunk has three stages, UMT's all four.
//!
//! He et al., "Deep Residual Learning for Image Recognition" (arXiv 1512.03385). The bottlenecks have their stride in the
//! 3x3 convolution (torchvision's version 1.5), and the names of variables are torchvision's.

use tch::nn;
use tch::{Device, Tensor};

use super::layers::{ConvNorm, Keeps};
use super::preset::norm;

/// The trunk.
#[derive(Debug)]
pub(in crate::networks) struct ResNet {
    stem: ConvNorm,
    blocks: Vec<Bottleneck>,
}

impl ResNet {
    /// A trunk whose first convolution has `width` channels, with so many bottlenecks in each of its stages.
    pub(in crate::networks) fn new(vs: &nn::Path, width: i64, stages: &[i64]) -> Self {
        let stem = conv_norm((vs / "conv1", vs / "bn1"), (3, width), (7, 2));
        let mut blocks = Vec::new();
        let mut channels = width;
        for (stage, &count) in (0u32..).zip(stages) {
            let planes = width << stage;
            for index in 0..count {
                let stride = if index == 0 && stage > 0 { 2 } else { 1 };
                let path = vs / format!("layer{}", stage + 1) / index;
                blocks.push(Bottleneck::new(&path, channels, planes, stride));
                channels = 4 * planes;
            }
        }
        Self { stem, blocks }
    }

    /// `pixels` is `[B, 3, S, S]`; the answer `[B, (S / 2^(n + 1))^2, 2^(n + 1) * width]` of `n` stages, cells row by row.
    /// In training the batch's own mean and variance are used and remembered, otherwise those remembered.
    pub(in crate::networks) fn forward(&self, pixels: &Tensor, train: bool) -> Tensor {
        let stem = self.stem.forward(&laid_out(pixels), train).relu_().max_pool2d(
            [3, 3],
            [2, 2],
            [1, 1],
            [1, 1],
            false,
        );
        let cells = self.blocks.iter().fold(stem, |input, block| block.forward(&input, train));
        cells.flatten(2, 3).transpose(1, 2)
    }

    /// How many numbers such a trunk learns.
    pub(in crate::networks) fn parameters(width: i64, stages: &[i64]) -> i64 {
        let mut total = 3 * 7 * 7 * width + norm(width);
        let mut channels = width;
        for (stage, &blocks) in (0u32..).zip(stages) {
            let planes = width << stage;
            let wide = 4 * planes;
            for block in 0..blocks {
                let (narrow, middle, widen) = (channels * planes, 9 * planes * planes, planes * wide);
                total += narrow + middle + widen + 2 * norm(planes) + norm(wide);
                if block == 0 && (stage > 0 || channels != wide) {
                    total += channels * wide + norm(wide);
                }
                channels = wide;
            }
        }
        total
    }

    /// Folds the remembered means and variances into the convolutions: two passes over memory less for each.
    pub(in crate::networks) fn freeze(&mut self) {
        self.stem.freeze();
        for block in &mut self.blocks {
            block.freeze();
        }
    }
}

/// The same pixels with the channels of each side by side, on a CPU, whose convolutions are a third faster so.
fn laid_out(pixels: &Tensor) -> Tensor {
    match pixels.device() {
        Device::Cpu => pixels.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]),
        _ => pixels.contiguous(),
    }
}

/// Three convolutions beside a short cut.
#[derive(Debug)]
struct Bottleneck {
    narrow: ConvNorm,
    middle: ConvNorm,
    widen: ConvNorm,
    short_cut: Option<ConvNorm>,
}

impl Bottleneck {
    fn new(vs: &nn::Path, channels: i64, planes: i64, stride: i64) -> Self {
        let short_cut = (stride != 1 || channels != 4 * planes).then(|| {
            let path = vs / "downsample";
            conv_norm((&path / 0, &path / 1), (channels, 4 * planes), (1, stride))
        });
        Self {
            narrow: conv_norm((vs / "conv1", vs / "bn1"), (channels, planes), (1, 1)),
            middle: conv_norm((vs / "conv2", vs / "bn2"), (planes, planes), (3, stride)),
            widen: conv_norm((vs / "conv3", vs / "bn3"), (planes, 4 * planes), (1, 1)),
            short_cut,
        }
    }

    fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        let inner = self.narrow.forward(input, train).relu_();
        let inner = self.middle.forward(&inner, train).relu_();
        let inner = self.widen.forward(&inner, train);
        match &self.short_cut {
            Some(short_cut) => (inner + short_cut.forward(input, train)).relu_(),
            None => (inner + input).relu_(),
        }
    }

    fn freeze(&mut self) {
        let parts = [&mut self.narrow, &mut self.middle, &mut self.widen];
        for part in parts.into_iter().chain(&mut self.short_cut) {
            part.freeze();
        }
    }
}

/// A convolution that begins so that what passes backwards keeps its variance, as torchvision's do.
fn conv_norm(names: (nn::Path, nn::Path), channels: (i64, i64), kernel: (i64, i64)) -> ConvNorm {
    ConvNorm::new(names, channels, kernel, Keeps::Backwards)
}
