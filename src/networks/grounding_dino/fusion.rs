//! Fusion of picture and text: cells attend to words and words to cells, by the same products.
//!
//! After Li et al., "Grounded Language-Image Pre-training" (arXiv 2112.03857). There are few words and many cells, so each
//! projection of cells is carried out on the words instead: `(x W) (t V)' = x (W (t V)')`, and a mean of projected cells is
//! the projection of their mean. The numbers are the same but for rounding, and the work is a small part.

use tch::nn;
use tch::{Kind, Tensor};

use super::config::GroundingDinoConfig;
use super::layers::layer_norm;
use crate::networks::blocks::layers::linear;

/// How much a fresh network lets one side say to the other.
const FRESH: f64 = 1e-4;

/// One layer of fusion: both sides are normed, and what each hears of the other is added.
#[derive(Debug)]
pub(super) struct Fusion {
    norms: [nn::LayerNorm; 2],
    queries: nn::Linear,
    keys: nn::Linear,
    cell_values: nn::Linear,
    word_values: nn::Linear,
    cells_out: nn::Linear,
    words_out: nn::Linear,
    /// How much is added of what cells hear, and of what words hear, `[d]` each.
    scales: [Tensor; 2],
    heads: i64,
}

impl Fusion {
    pub(super) fn new(vs: &nn::Path, config: &GroundingDinoConfig) -> Self {
        let (width, inner) = (config.d_model, config.fusion_width());
        let attention = vs / "attn";
        let inwards = |name: &str| linear(&(&attention / name), width, inner);
        let outwards = |name: &str| linear(&(&attention / name), inner, width);
        Self {
            norms: ["layer_norm_vision", "layer_norm_text"].map(|name| layer_norm(&(vs / name), width)),
            queries: inwards("vision_proj"),
            keys: inwards("text_proj"),
            cell_values: inwards("values_vision_proj"),
            word_values: inwards("values_text_proj"),
            cells_out: outwards("out_vision_proj"),
            words_out: outwards("out_text_proj"),
            scales: ["vision_param", "text_param"].map(|name| vs.var(name, &[width], nn::Init::Const(FRESH))),
            heads: config.heads / 2,
        }
    }

    /// Cells `[N, d]` and words `[L, d]` to the same.
    pub(super) fn forward(&self, cells: &Tensor, words: &Tensor) -> (Tensor, Tensor) {
        let (cells, words) = (cells.apply(&self.norms[0]), words.apply(&self.norms[1]));
        let count = words.size()[0];
        // [heads, L, inner / heads]
        let split = |projected: Tensor| projected.unflatten(1, [self.heads, -1]).transpose(0, 1);
        let keys = split(words.apply(&self.keys));
        let scale = (keys.size()[2] as f64).powf(-0.5);
        let scores = self.scores(&cells, &(keys * scale));

        let to_words = scores.view([-1, self.heads, count]).softmax(-1, Kind::Float).to_kind(cells.kind());
        let said = split(words.apply(&self.word_values));
        // [heads, inner / heads, d]
        let outwards = per_head(&self.cells_out.ws.transpose(0, 1), self.heads);
        let said = said.matmul(&outwards).view([self.heads * count, -1]);
        let heard_by_cells = to_words.flatten(1, 2).matmul(&said) + bias(&self.cells_out);

        let to_cells = scores.transpose(0, 1).softmax(-1, Kind::Float).to_kind(cells.kind());
        // [heads, L, d]
        let means = to_cells.matmul(&cells).view([self.heads, count, -1]);
        let inwards = per_head(&self.cell_values.ws, self.heads).transpose(1, 2);
        let heard = means.matmul(&inwards) + bias(&self.cell_values).view([self.heads, 1, -1]);
        let heard_by_words = heard.transpose(0, 1).flatten(1, 2).apply(&self.words_out);

        (cells + heard_by_cells * &self.scales[0], words + heard_by_words * &self.scales[1])
    }

    /// How well each cell and each word fit, `[N, heads * L]` of `Float`, of keys `[heads, L, inner / heads]`.
    fn scores(&self, cells: &Tensor, keys: &Tensor) -> Tensor {
        let weights = keys.matmul(&per_head(&self.queries.ws, self.heads));
        let biases = keys.matmul(&bias(&self.queries).view([self.heads, -1, 1]));
        let scores = cells.matmul(&weights.flatten(0, 1).transpose(0, 1)) + biases.flatten(0, 2);
        scores.to_kind(Kind::Float)
    }
}

/// The rows of a matrix that belong to each head, `[inner, d]` to `[heads, inner / heads, d]`.
fn per_head(matrix: &Tensor, heads: i64) -> Tensor {
    matrix.unflatten(0, [heads, -1])
}

fn bias(linear: &nn::Linear) -> Tensor {
    match &linear.bs {
        Some(bias) => bias.shallow_clone(),
        None => unreachable!("every projection of the fusion is made with a bias"),
    }
}
