//! Plain layers of Grounding DINO: attention of many heads, feed-forward layers and small perceptrons, named as in the
//! published checkpoints.

use tch::Tensor;
use tch::nn;

use crate::networks::blocks::layers::linear;

/// A layer norm over the last dimension, of `width` numbers.
pub(super) fn layer_norm(vs: &nn::Path, width: i64) -> nn::LayerNorm {
    nn::layer_norm(vs, vec![width], nn::LayerNormConfig::default())
}

/// Attention of many heads.
#[derive(Debug)]
pub(super) struct Attention {
    query: nn::Linear,
    key: nn::Linear,
    value: nn::Linear,
    out: nn::Linear,
    heads: i64,
}

impl Attention {
    pub(super) fn new(vs: &nn::Path, width: i64, heads: i64) -> Self {
        let projection = |name: &str| linear(&(vs / name), width, width);
        Self {
            query: projection("query"),
            key: projection("key"),
            value: projection("value"),
            out: projection("out_proj"),
            heads,
        }
    }

    /// `queries` `[n, d]` to the same, attending to `values` `[m, d]`, found by their `keys` `[m, d]`; where there is
    /// `open`, `[n, m]` of `Bool`, to those alone where it is true.
    pub(super) fn forward(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        open: Option<&Tensor>,
    ) -> Tensor {
        let split = |states: &Tensor, projection: &nn::Linear| {
            states.apply(projection).unflatten(1, [self.heads, -1]).transpose(0, 1).unsqueeze(0)
        };
        let attended = Tensor::scaled_dot_product_attention(
            &split(queries, &self.query),
            &split(keys, &self.key),
            &split(values, &self.value),
            open,
            0.0,
            false,
            None,
            false,
        );
        attended.squeeze_dim(0).transpose(0, 1).flatten(1, 2).apply(&self.out)
    }
}

/// Two linear layers around a rectifier.
#[derive(Debug)]
pub(super) struct FeedForward {
    widen: nn::Linear,
    narrow: nn::Linear,
}

impl FeedForward {
    /// The two lie beside the layer's other parts.
    pub(super) fn new(layer: &nn::Path, width: i64, inner: i64) -> Self {
        Self { widen: linear(&(layer / "fc1"), width, inner), narrow: linear(&(layer / "fc2"), inner, width) }
    }

    /// `[n, d]` to the same.
    pub(super) fn forward(&self, states: &Tensor) -> Tensor {
        states.apply(&self.widen).relu_().apply(&self.narrow)
    }
}

/// Linear layers with rectifiers between them.
#[derive(Debug)]
pub(super) struct Perceptron(Vec<nn::Linear>);

impl Perceptron {
    /// One layer from each of `widths` to the next.
    pub(super) fn new(vs: &nn::Path, widths: &[i64]) -> Self {
        let layers = vs / "layers";
        let layer = |(index, pair): (usize, &[i64])| linear(&(&layers / index as i64), pair[0], pair[1]);
        Self(widths.windows(2).enumerate().map(layer).collect())
    }

    /// The perceptron that moves boxes: four numbers of `width`.
    pub(super) fn of_boxes(vs: &nn::Path, width: i64) -> Self {
        Self::new(vs, &[width, width, width, 4])
    }

    pub(super) fn forward(&self, states: &Tensor) -> Tensor {
        let mut states = states.shallow_clone();
        for (index, layer) in self.0.iter().enumerate() {
            states = states.apply(layer);
            if index + 1 < self.0.len() {
                states = states.relu_();
            }
        }
        states
    }
}
