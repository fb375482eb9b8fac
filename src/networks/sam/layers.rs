//! The plain layers that all parts of SAM are made of, named and initialised as in the Python original.

use tch::Tensor;
use tch::nn::{self, Init};

/// Layer norms of SAM, the last one of the decoder apart.
pub(super) const EPSILON: f64 = 1e-6;

/// A fully connected layer, drawn uniformly within one over the root of its inputs.
pub(super) fn linear(vs: &nn::Path, inputs: i64, outputs: i64) -> nn::Linear {
    let config = nn::LinearConfig { ws_init: within(inputs), ..nn::LinearConfig::default() };
    nn::linear(vs, inputs, outputs, config)
}

/// A convolution whose stride is its kernel: patches that do not overlap.
pub(super) fn patches(vs: &nn::Path, inputs: i64, outputs: i64, side: i64) -> nn::Conv2D {
    let init = within(inputs * side * side);
    let config = nn::ConvConfig { stride: side, ws_init: init, bs_init: init, ..nn::ConvConfig::default() };
    nn::conv2d(vs, inputs, outputs, side, config)
}

/// A convolution that keeps the size of what it reads, without a bias.
pub(super) fn same(vs: &nn::Path, inputs: i64, outputs: i64, side: i64) -> nn::Conv2D {
    let init = within(inputs * side * side);
    let config =
        nn::ConvConfig { padding: side / 2, bias: false, ws_init: init, ..nn::ConvConfig::default() };
    nn::conv2d(vs, inputs, outputs, side, config)
}

/// A transposed convolution that doubles both sides.
pub(super) fn doubling(vs: &nn::Path, inputs: i64, outputs: i64) -> nn::ConvTranspose2D {
    let init = within(outputs * 4);
    let config = nn::ConvTransposeConfig { stride: 2, ws_init: init, bs_init: init, ..Default::default() };
    nn::conv_transpose2d(vs, inputs, outputs, 2, config)
}

/// A layer norm over the last dimension.
pub(super) fn layer_norm(vs: &nn::Path, width: i64, epsilon: f64) -> nn::LayerNorm {
    nn::layer_norm(vs, vec![width], nn::LayerNormConfig { eps: epsilon, ..nn::LayerNormConfig::default() })
}

/// One learnt vector under the name of an embedding: `[1, width]` or several rows of it.
pub(super) fn embedding(vs: &nn::Path, rows: i64, width: i64) -> Tensor {
    vs.var("weight", &[rows, width], Init::Randn { mean: 0.0, stdev: 1.0 })
}

/// Normalises `[B, C, H, W]` over its channels.
pub(super) fn over_channels(norm: &nn::LayerNorm, features: &Tensor) -> Tensor {
    features.permute([0, 2, 3, 1]).apply(norm).permute([0, 3, 1, 2])
}

fn within(fan_in: i64) -> Init {
    let bound = 1.0 / (fan_in as f64).sqrt();
    Init::Uniform { lo: -bound, up: bound }
}

/// Two fully connected layers with a non-linearity between them.
#[derive(Debug)]
pub(super) struct FeedForward {
    lin1: nn::Linear,
    lin2: nn::Linear,
}

impl FeedForward {
    pub(super) fn new(vs: &nn::Path, width: i64, inner: i64) -> Self {
        Self { lin1: linear(&(vs / "lin1"), width, inner), lin2: linear(&(vs / "lin2"), inner, width) }
    }

    pub(super) fn with_gelu(&self, features: &Tensor) -> Tensor {
        features.apply(&self.lin1).gelu("none").apply(&self.lin2)
    }

    pub(super) fn with_relu(&self, features: &Tensor) -> Tensor {
        features.apply(&self.lin1).relu().apply(&self.lin2)
    }
}
