//! Shared layers. A convolution with its batch norm, and a linear layer that keeps variance.

use tch::nn;
use tch::{Kind, Tensor};

/// Added to the variance in batch norms.
const NORM_EPS: f64 = 1e-5;
/// The weight of a batch's own mean and variance among those remembered.
const NORM_MOMENTUM: f64 = 0.1;

/// A linear layer that begins without a bias and keeps the variance of what passes.
pub(in crate::networks) fn linear(vs: &nn::Path, from: i64, to: i64) -> nn::Linear {
    let bound = (6.0 / (from + to) as f64).sqrt();
    let config = nn::LinearConfig {
        ws_init: nn::Init::Uniform { lo: -bound, up: bound },
        bs_init: Some(nn::Init::Const(0.0)),
        bias: true,
    };
    nn::linear(vs, from, to, config)
}

/// By which side of a convolution He's initialisation keeps the variance through the rectifiers.
#[derive(Debug, Clone, Copy)]
pub(in crate::networks) enum Keeps {
    /// That of what passes forwards.
    Forwards,
    /// That of what passes backwards.
    Backwards,
}

/// A convolution without bias and its batch norm.
///
/// The norm is in single precision whatever the network computes in: variances of channels may be beyond an f16, and
/// four numbers a channel cost nothing.
#[derive(Debug)]
pub(in crate::networks) struct ConvNorm {
    conv: nn::Conv2D,
    scale: Tensor,
    shift: Tensor,
    mean: Tensor,
    variance: Tensor,
    stride: i64,
    padding: i64,
    /// Weight and bias of the convolution that does both, once frozen.
    folded: Option<(Tensor, Tensor)>,
}

impl ConvNorm {
    /// Between so many channels, with a kernel and a stride.
    pub(in crate::networks) fn new(
        (conv, norm): (nn::Path, nn::Path),
        (from, to): (i64, i64),
        (kernel, stride): (i64, i64),
        keeps: Keeps,
    ) -> Self {
        let padding = kernel / 2;
        let channels = match keeps {
            Keeps::Forwards => from,
            Keeps::Backwards => to,
        };
        let deviation = (2.0 / (channels * kernel * kernel) as f64).sqrt();
        let conv_config = nn::ConvConfig {
            stride,
            padding,
            bias: false,
            ws_init: nn::Init::Randn { mean: 0.0, stdev: deviation },
            ..Default::default()
        };
        let (none, one) = (|| single_precision(&norm, to, 0.0), || single_precision(&norm, to, 1.0));
        Self {
            conv: nn::conv2d(conv, from, to, kernel, conv_config),
            scale: norm.add("weight", one(), true),
            shift: norm.add("bias", none(), true),
            mean: norm.add("running_mean", none(), false),
            variance: norm.add("running_var", one(), false),
            stride,
            padding,
            folded: None,
        }
    }

    /// In training the norm uses and remembers the batch's own mean and variance, otherwise those remembered.
    pub(in crate::networks) fn forward(&self, input: &Tensor, train: bool) -> Tensor {
        match &self.folded {
            Some((weight, bias)) if !train => {
                input.conv2d(weight, Some(bias), self.stride, self.padding, 1, 1)
            }
            _ => input.apply(&self.conv).batch_norm(
                Some(&self.scale),
                Some(&self.shift),
                Some(&self.mean),
                Some(&self.variance),
                train,
                NORM_MOMENTUM,
                NORM_EPS,
                true,
            ),
        }
    }

    /// Folds the remembered mean and variance into the convolution, two passes over memory less, and rounds the outcome
    /// once to what the network computes in.
    pub(in crate::networks) fn freeze(&mut self) {
        let _guard = tch::no_grad_guard();
        let scale = &self.scale * (&self.variance + NORM_EPS).rsqrt();
        let bias = &self.shift - &self.mean * &scale;
        let weight = self.conv.ws.to_kind(Kind::Float) * scale.view([-1, 1, 1, 1]);
        let kind = self.conv.ws.kind();
        self.folded = Some((weight.to_kind(kind), bias.to_kind(kind)));
    }
}

fn single_precision(vs: &nn::Path, channels: i64, value: f64) -> Tensor {
    Tensor::full([channels], value, (Kind::Float, vs.device()))
}
