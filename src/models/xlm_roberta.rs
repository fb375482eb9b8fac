//! XLM-RoBERTa's encoder: pieces in, one vector a piece out.
//!
//! After Conneau et al., "Unsupervised Cross-lingual Representation Learning at Scale" (arXiv 1911.02116), with the
//! parameter names of the published checkpoints. Post-norm, exact GELU, learned positions counted from `pad + 1`.

use tch::nn::{self, Module};
use tch::{Kind, Tensor};

use super::tagger::TaggerConfig;

/// The encoder without pooling.
#[derive(Debug)]
pub struct XlmRoberta {
    word_embeddings: nn::Embedding,
    position_embeddings: nn::Embedding,
    token_type_embeddings: nn::Embedding,
    norm: nn::LayerNorm,
    layers: Vec<Layer>,
    pad: i64,
}

impl XlmRoberta {
    /// Registers the parameters under `vs` by their published names, with fresh values.
    #[must_use]
    pub fn new(vs: &nn::Path, config: &TaggerConfig) -> Self {
        let embeddings = vs / "embeddings";
        let table = |name: &str, rows: i64| {
            let ws_init = nn::Init::Randn { mean: 0.0, stdev: 0.02 };
            let settings = nn::EmbeddingConfig { ws_init, ..Default::default() };
            nn::embedding(&embeddings / name, rows, config.hidden, settings)
        };
        let layers = vs / "encoder" / "layer";
        Self {
            word_embeddings: table("word_embeddings", config.vocabulary),
            position_embeddings: table("position_embeddings", config.max_positions),
            token_type_embeddings: table("token_type_embeddings", config.type_vocabulary),
            norm: layer_norm(&(&embeddings / "LayerNorm"), config),
            layers: (0..config.layers).map(|index| Layer::new(&(&layers / index), config)).collect(),
            pad: config.pad,
        }
    }

    /// One vector a piece, `[B, L, hidden]`.
    ///
    /// `pieces` is `[B, L]` of `Int64`; `mask` is `[B, L]` of `Bool`, true where there is a piece. What stands where
    /// the mask is false changes nothing where it is true. `dropout` is 0 outside training.
    pub fn forward(&self, pieces: &Tensor, mask: &Tensor, dropout: f64) -> Tensor {
        let real = mask.to_kind(Kind::Int64);
        let positions = real.cumsum(1, Kind::Int64) * &real + self.pad;
        let embedded = self.word_embeddings.forward(pieces)
            + self.position_embeddings.forward(&positions)
            + self.token_type_embeddings.ws.get(0);
        let mut hidden = drop(&self.norm.forward(&embedded), dropout);
        // [B, 1, 1, L]: the same keys are open to every head and every query.
        let open = mask.unsqueeze(1).unsqueeze(1);
        for layer in &self.layers {
            hidden = layer.forward(&hidden, &open, dropout);
        }
        hidden
    }
}

/// One block: attention, then a feed-forward, each added to its input and normalised after.
#[derive(Debug)]
struct Layer {
    query: nn::Linear,
    key: nn::Linear,
    value: nn::Linear,
    attention_output: nn::Linear,
    attention_norm: nn::LayerNorm,
    intermediate: nn::Linear,
    output: nn::Linear,
    output_norm: nn::LayerNorm,
    heads: i64,
}

impl Layer {
    fn new(vs: &nn::Path, config: &TaggerConfig) -> Self {
        let attention = vs / "attention";
        let linear = |path: nn::Path, from: i64, to: i64| nn::linear(path, from, to, Default::default());
        let (hidden, ffn) = (config.hidden, config.ffn);
        Self {
            query: linear(&attention / "self" / "query", hidden, hidden),
            key: linear(&attention / "self" / "key", hidden, hidden),
            value: linear(&attention / "self" / "value", hidden, hidden),
            attention_output: linear(&attention / "output" / "dense", hidden, hidden),
            attention_norm: layer_norm(&(&attention / "output" / "LayerNorm"), config),
            intermediate: linear(vs / "intermediate" / "dense", hidden, ffn),
            output: linear(vs / "output" / "dense", ffn, hidden),
            output_norm: layer_norm(&(vs / "output" / "LayerNorm"), config),
            heads: config.heads,
        }
    }

    fn forward(&self, hidden: &Tensor, open: &Tensor, dropout: f64) -> Tensor {
        let attended = drop(&self.attention_output.forward(&self.attend(hidden, open)), dropout);
        let hidden = self.attention_norm.forward(&(attended + hidden));
        let fed = self.output.forward(&self.intermediate.forward(&hidden).gelu("none"));
        self.output_norm.forward(&(drop(&fed, dropout) + hidden))
    }

    fn attend(&self, hidden: &Tensor, open: &Tensor) -> Tensor {
        let (batch, length, width) = hidden.size3().expect("the embeddings have three dimensions");
        let split = |projected: Tensor| {
            projected.view([batch, length, self.heads, width / self.heads]).transpose(1, 2)
        };
        // Dropout on the attention itself is left out: it would take the fused kernel away.
        Tensor::scaled_dot_product_attention(
            &split(self.query.forward(hidden)),
            &split(self.key.forward(hidden)),
            &split(self.value.forward(hidden)),
            Some(open),
            0.0,
            false,
            None,
            false,
        )
        .transpose(1, 2)
        .reshape([batch, length, width])
    }
}

fn layer_norm(vs: &nn::Path, config: &TaggerConfig) -> nn::LayerNorm {
    let settings = nn::LayerNormConfig { eps: config.layer_norm_eps, ..Default::default() };
    nn::layer_norm(vs, vec![config.hidden], settings)
}

fn drop(values: &Tensor, probability: f64) -> Tensor {
    values.dropout(probability, probability > 0.0)
}
