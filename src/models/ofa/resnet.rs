//! What is in the picture, cell by cell? The trunk: a ResNet without its last stage, 16 pixels to a cell.
//!
//! The bottlenecks have their stride in the 3x3 convolution (torchvision's version 1.5), and the names of variables
//! are torchvision's below `embed_images`.

use tch::nn::{self, ModuleT};
use tch::{Device, Tensor};

use super::config::OfaConfig;

/// Added to the variance in batch norms.
const NORM_EPS: f64 = 1e-5;

/// The trunk.
#[derive(Debug)]
pub(super) struct ResNet {
    stem: ConvNorm,
    blocks: Vec<Bottleneck>,
}

impl ResNet {
    pub(super) fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        let width = config.resnet_width;
        let stem = ConvNorm::new((vs / "conv1", vs / "bn1"), (3, width), (7, 2));
        let mut blocks = Vec::new();
        let mut channels = width;
        for (stage, &count) in (0u32..).zip(&config.resnet_layers) {
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

    /// `pixels` is `[B, 3, S, S]`; the answer `[B, (S / 16)^2, 16 * width]`, cells row by row. In training the batch's
    /// own mean and variance are used and remembered, otherwise those remembered.
    pub(super) fn forward(&self, pixels: &Tensor, train: bool) -> Tensor {
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

    /// Folds the remembered means and variances into the convolutions: two passes over memory less for each.
    pub(super) fn freeze(&mut self) {
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
            ConvNorm::new((&path / 0, &path / 1), (channels, 4 * planes), (1, stride))
        });
        Self {
            narrow: ConvNorm::new((vs / "conv1", vs / "bn1"), (channels, planes), (1, 1)),
            middle: ConvNorm::new((vs / "conv2", vs / "bn2"), (planes, planes), (3, stride)),
            widen: ConvNorm::new((vs / "conv3", vs / "bn3"), (planes, 4 * planes), (1, 1)),
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

/// A convolution without bias and its batch norm.
#[derive(Debug)]
struct ConvNorm {
    conv: nn::Conv2D,
    norm: nn::BatchNorm,
    stride: i64,
    padding: i64,
    /// Weight and bias of the convolution that does both, once frozen.
    folded: Option<(Tensor, Tensor)>,
}

impl ConvNorm {
    fn new((conv, norm): (nn::Path, nn::Path), (from, to): (i64, i64), (kernel, stride): (i64, i64)) -> Self {
        let padding = kernel / 2;
        // He's initialisation by the outputs: what passes backwards keeps its variance through the rectifiers.
        let deviation = (2.0 / (to * kernel * kernel) as f64).sqrt();
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
            conv: nn::conv2d(conv, from, to, kernel, conv_config),
            norm: nn::batch_norm2d(norm, to, norm_config),
            stride,
            padding,
            folded: None,
        }
    }

    fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        match &self.folded {
            Some((weight, bias)) if !train => {
                input.conv2d(weight, Some(bias), self.stride, self.padding, 1, 1)
            }
            _ => self.norm.forward_t(&input.apply(&self.conv), train),
        }
    }

    fn freeze(&mut self) {
        let (Some(weight), Some(bias)) = (&self.norm.ws, &self.norm.bs) else { return };
        let _guard = tch::no_grad_guard();
        let scale = weight * (&self.norm.running_var + NORM_EPS).rsqrt();
        let bias = bias - &self.norm.running_mean * &scale;
        self.folded = Some((&self.conv.ws * scale.view([-1, 1, 1, 1]), bias));
    }
}
