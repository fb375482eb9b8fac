//! Two-way transformer of the mask decoders of SAM and SAM 2: attention between prompt and picture.

use tch::Tensor;
use tch::nn;

use super::layers::{FeedForward, layer_norm, linear};

/// Attention between tokens and picture happens at half the width.
const CROSS_REDUCTION: i64 = 2;

/// The last norm alone has PyTorch's usual epsilon, in the original as in its ports.
const LAST_EPSILON: f64 = 1e-5;

/// Dimensions of a two-way transformer, and the names that its checkpoint gives to layers.
#[derive(Debug, Clone, Copy)]
pub(in crate::networks) struct TwoWay {
    pub(in crate::networks) layers: i64,
    pub(in crate::networks) width: i64,
    pub(in crate::networks) heads: i64,
    /// Width of the feed-forward layers.
    pub(in crate::networks) inner: i64,
    /// What norms add to the variance, the last one apart.
    pub(in crate::networks) epsilon: f64,
    /// The output projection of attention.
    pub(in crate::networks) output: &'static str,
    /// Both feed-forward layers.
    pub(in crate::networks) mlp: [&'static str; 2],
}

/// The two-way transformer, under `mask_decoder.transformer`.
#[derive(Debug)]
pub(in crate::networks) struct TwoWayTransformer {
    layers: Vec<TwoWayLayer>,
    final_attn_token_to_image: Attention,
    layer_norm_final_attn: nn::LayerNorm,
}

impl TwoWayTransformer {
    pub(in crate::networks) fn new(vs: &nn::Path, config: &TwoWay) -> Self {
        Self {
            layers: (0..config.layers)
                .map(|index| TwoWayLayer::new(&(vs / "layers" / index), config, index == 0))
                .collect(),
            final_attn_token_to_image: Attention::new(
                &(vs / "final_attn_token_to_image"),
                config,
                CROSS_REDUCTION,
            ),
            layer_norm_final_attn: layer_norm(&(vs / "layer_norm_final_attn"), config.width, LAST_EPSILON),
        }
    }

    /// Tokens `[N, T, C]`, cells of the picture `[N, HW, C]` and their places `[1, HW, C]` to tokens and cells.
    pub(in crate::networks) fn forward(
        &self,
        tokens: &Tensor,
        cells: &Tensor,
        places: &Tensor,
    ) -> (Tensor, Tensor) {
        // Where a token points to is the token itself as it was at the start: it stands in for its place throughout.
        let mut queries = tokens.shallow_clone();
        let mut keys = cells.shallow_clone();
        for layer in &self.layers {
            (queries, keys) = layer.forward(&queries, &keys, tokens, places);
        }
        let found = self.final_attn_token_to_image.forward(&(&queries + tokens), &(&keys + places), &keys);
        ((queries + found).apply(&self.layer_norm_final_attn), keys)
    }
}

/// Tokens among themselves, tokens to picture, tokens alone, picture to tokens; norms last.
#[derive(Debug)]
struct TwoWayLayer {
    first: bool,
    self_attn: Attention,
    layer_norm1: nn::LayerNorm,
    cross_attn_token_to_image: Attention,
    layer_norm2: nn::LayerNorm,
    mlp: FeedForward,
    layer_norm3: nn::LayerNorm,
    layer_norm4: nn::LayerNorm,
    cross_attn_image_to_token: Attention,
}

impl TwoWayLayer {
    fn new(vs: &nn::Path, config: &TwoWay, first: bool) -> Self {
        let norm = |name: &str| layer_norm(&(vs / name), config.width, config.epsilon);
        let cross = |name: &str| Attention::new(&(vs / name), config, CROSS_REDUCTION);
        Self {
            first,
            self_attn: Attention::new(&(vs / "self_attn"), config, 1),
            layer_norm1: norm("layer_norm1"),
            cross_attn_token_to_image: cross("cross_attn_token_to_image"),
            layer_norm2: norm("layer_norm2"),
            mlp: FeedForward::new(&(vs / "mlp"), config.mlp, config.width, config.inner),
            layer_norm3: norm("layer_norm3"),
            layer_norm4: norm("layer_norm4"),
            cross_attn_image_to_token: cross("cross_attn_image_to_token"),
        }
    }

    fn forward(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        query_places: &Tensor,
        key_places: &Tensor,
    ) -> (Tensor, Tensor) {
        let queries = if self.first {
            // At the start tokens are their own places, and the first attention replaces them.
            self.self_attn.forward(queries, queries, queries)
        } else {
            let placed = queries + query_places;
            queries + self.self_attn.forward(&placed, &placed, queries)
        };
        let queries = queries.apply(&self.layer_norm1);

        let placed_keys = keys + key_places;
        let seen = self.cross_attn_token_to_image.forward(&(&queries + query_places), &placed_keys, keys);
        let queries = (queries + seen).apply(&self.layer_norm2);
        let queries = (&queries + self.mlp.with_relu(&queries)).apply(&self.layer_norm3);

        let told = self.cross_attn_image_to_token.forward(&placed_keys, &(&queries + query_places), &queries);
        let keys = (keys + told).apply(&self.layer_norm4);
        (queries, keys)
    }
}

/// Attention from one sequence to another, at the full width or a fraction of it.
#[derive(Debug)]
struct Attention {
    heads: i64,
    q_proj: nn::Linear,
    k_proj: nn::Linear,
    v_proj: nn::Linear,
    out_proj: nn::Linear,
}

impl Attention {
    fn new(vs: &nn::Path, config: &TwoWay, reduction: i64) -> Self {
        let width = config.width;
        let inner = width / reduction;
        Self {
            heads: config.heads,
            q_proj: linear(&(vs / "q_proj"), width, inner),
            k_proj: linear(&(vs / "k_proj"), width, inner),
            v_proj: linear(&(vs / "v_proj"), width, inner),
            out_proj: linear(&(vs / config.output), inner, width),
        }
    }

    fn forward(&self, query: &Tensor, key: &Tensor, value: &Tensor) -> Tensor {
        let mixed = Tensor::scaled_dot_product_attention(
            &self.by_head(&query.apply(&self.q_proj)),
            &self.by_head(&key.apply(&self.k_proj)),
            &self.by_head(&value.apply(&self.v_proj)),
            None::<Tensor>,
            0.0,
            false,
            None,
            false,
        );
        mixed.transpose(1, 2).flatten(2, 3).apply(&self.out_proj)
    }

    fn by_head(&self, projected: &Tensor) -> Tensor {
        let (rows, length, width) =
            projected.size3().unwrap_or_else(|_| unreachable!("sequences have three dimensions"));
        projected.view([rows, length, self.heads, width / self.heads]).transpose(1, 2)
    }
}
