//! Plain layers of SAM and SAM 2, named and initialised as in the Python originals.

use tch::Tensor;
use tch::nn::{self, Init};

/// A fully connected layer, drawn uniformly within one over the root of its inputs.
pub(in crate::networks) fn linear(vs: &nn::Path, inputs: i64, outputs: i64) -> nn::Linear {
    let config = nn::LinearConfig { ws_init: within(inputs), ..nn::LinearConfig::default() };
    nn::linear(vs, inputs, outputs, config)
}

/// A convolution whose stride is its kernel: patches that do not overlap.
pub(in crate::networks) fn patches(vs: &nn::Path, inputs: i64, outputs: i64, side: i64) -> nn::Conv2D {
    let init = within(inputs * side * side);
    let config = nn::ConvConfig { stride: side, ws_init: init, bs_init: init, ..nn::ConvConfig::default() };
    nn::conv2d(vs, inputs, outputs, side, config)
}

/// What a convolution of [`patches`] makes of pixels `[B, 3, S, S]`, as one product: `[B, S / side, S / side, outputs]`.
pub(in crate::networks) fn of_patches(convolution: &nn::Conv2D, pixels: &Tensor) -> Tensor {
    let (size, kernel) = (pixels.size(), convolution.ws.size());
    let (batch, channels, side) = (size[0], size[1], kernel[2]);
    let (rows, columns) = (size[2] / side, size[3] / side);
    let patches = pixels.reshape([batch, channels, rows, side, columns, side]).permute([0, 2, 4, 1, 3, 5]);
    let patches = patches.reshape([batch, rows, columns, channels * side * side]);
    patches.linear(&convolution.ws.flatten(1, 3), convolution.bs.as_ref())
}

/// A convolution of patches that overlap, each about the middle of its `stride` pixels.
pub(in crate::networks) fn strided(
    vs: &nn::Path,
    inputs: i64,
    outputs: i64,
    side: i64,
    stride: i64,
) -> nn::Conv2D {
    let init = within(inputs * side * side);
    let config =
        nn::ConvConfig { stride, padding: side / 2, ws_init: init, bs_init: init, ..Default::default() };
    nn::conv2d(vs, inputs, outputs, side, config)
}

/// A convolution that keeps the size of what it reads, without a bias.
pub(in crate::networks) fn same(vs: &nn::Path, inputs: i64, outputs: i64, side: i64) -> nn::Conv2D {
    let init = within(inputs * side * side);
    let config =
        nn::ConvConfig { padding: side / 2, bias: false, ws_init: init, ..nn::ConvConfig::default() };
    nn::conv2d(vs, inputs, outputs, side, config)
}

/// A transposed convolution that doubles both sides.
pub(in crate::networks) fn doubling(vs: &nn::Path, inputs: i64, outputs: i64) -> nn::ConvTranspose2D {
    let init = within(outputs * 4);
    let config = nn::ConvTransposeConfig { stride: 2, ws_init: init, bs_init: init, ..Default::default() };
    nn::conv_transpose2d(vs, inputs, outputs, 2, config)
}

/// What a convolution of [`doubling`] makes of cells `[.., inputs]`, as one product: the four finer cells of each, `[.., 4,
/// outputs]`, row by row.
pub(in crate::networks) fn quartered(convolution: &nn::ConvTranspose2D, cells: &Tensor) -> Tensor {
    let outputs = convolution.ws.size()[1];
    let weight = convolution.ws.permute([2, 3, 1, 0]).flatten(0, 2);
    let bias = convolution.bs.as_ref().map(|bias| bias.repeat([4]));
    cells.linear(&weight, bias.as_ref()).unflatten(-1, [4, outputs])
}

/// A layer norm over the last dimension.
pub(in crate::networks) fn layer_norm(vs: &nn::Path, width: i64, epsilon: f64) -> nn::LayerNorm {
    nn::layer_norm(vs, vec![width], nn::LayerNormConfig { eps: epsilon, ..nn::LayerNormConfig::default() })
}

/// One learnt vector under the name of an embedding: `[1, width]` or several rows of it.
pub(in crate::networks) fn embedding(vs: &nn::Path, rows: i64, width: i64) -> Tensor {
    vs.var("weight", &[rows, width], Init::Randn { mean: 0.0, stdev: 1.0 })
}

fn within(fan_in: i64) -> Init {
    let bound = 1.0 / (fan_in as f64).sqrt();
    Init::Uniform { lo: -bound, up: bound }
}

/// Two fully connected layers with a non-linearity between them, under names that the checkpoint gives them.
#[derive(Debug)]
pub(in crate::networks) struct FeedForward {
    inner: nn::Linear,
    outer: nn::Linear,
}

impl FeedForward {
    pub(in crate::networks) fn new(vs: &nn::Path, names: [&str; 2], width: i64, inner: i64) -> Self {
        Self { inner: linear(&(vs / names[0]), width, inner), outer: linear(&(vs / names[1]), inner, width) }
    }

    pub(in crate::networks) fn with_gelu(&self, features: &Tensor) -> Tensor {
        features.apply(&self.inner).gelu("none").apply(&self.outer)
    }

    pub(in crate::networks) fn with_relu(&self, features: &Tensor) -> Tensor {
        features.apply(&self.inner).relu().apply(&self.outer)
    }
}

/// Three fully connected layers with a non-linearity between them: what a token of the mask decoder says.
#[derive(Debug)]
pub(in crate::networks) struct Head {
    proj_in: nn::Linear,
    middle: nn::Linear,
    proj_out: nn::Linear,
}

impl Head {
    pub(in crate::networks) fn new(vs: &nn::Path, width: i64, outputs: i64) -> Self {
        Self {
            proj_in: linear(&(vs / "proj_in"), width, width),
            middle: linear(&(vs / "layers" / 0), width, width),
            proj_out: linear(&(vs / "proj_out"), width, outputs),
        }
    }

    pub(in crate::networks) fn forward(&self, token: &Tensor) -> Tensor {
        token.apply(&self.proj_in).relu().apply(&self.middle).relu().apply(&self.proj_out)
    }
}
