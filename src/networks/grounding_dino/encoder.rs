//! Encoder of Grounding DINO: in each layer picture and text are fused, words attend to those of their phrase, and cells
//! to points of all maps.

use tch::Tensor;
use tch::nn;

use super::config::GroundingDinoConfig;
use super::deformable::{Around, Deformable};
use super::fusion::Fusion;
use super::layers::{Attention, FeedForward, layer_norm};
use super::levels::{Levels, word_places};
use super::prompt::Prompt;

/// A picture as the encoder and the decoder read it.
#[derive(Debug)]
pub struct Seen {
    /// `[cells, d]`.
    pub cells: Tensor,
    pub(super) levels: Levels,
    /// Where the cells are, `[cells, d]`.
    pub(super) places: Tensor,
    /// Their middles as parts of the picture, `[cells, 2]`.
    pub(super) middles: Tensor,
}

/// A picture and a prompt, each read with the other.
#[derive(Debug)]
pub struct Encoded {
    /// `[cells, d]`.
    pub cells: Tensor,
    /// `[L, d]`.
    pub words: Tensor,
}

/// The encoder.
#[derive(Debug)]
pub(super) struct Encoder {
    layers: Vec<Layer>,
    width: i64,
}

#[derive(Debug)]
struct Layer {
    fusion: Fusion,
    words: WordLayer,
    cells: CellLayer,
}

/// Words attend to the words of their phrase.
#[derive(Debug)]
struct WordLayer {
    attention: Attention,
    feed_forward: FeedForward,
    norms: [nn::LayerNorm; 2],
}

/// Cells attend to points of all maps.
#[derive(Debug)]
struct CellLayer {
    attention: Deformable,
    feed_forward: FeedForward,
    norms: [nn::LayerNorm; 2],
}

impl Encoder {
    pub(super) fn new(vs: &nn::Path, config: &GroundingDinoConfig) -> Self {
        let layers = vs / "layers";
        Self {
            layers: (0..config.encoder_layers).map(|index| Layer::new(&(&layers / index), config)).collect(),
            width: config.d_model,
        }
    }

    /// Runs the first `layers` layers on a picture and `words` `[L, d]`.
    pub(super) fn forward(&self, layers: usize, seen: &Seen, words: &Tensor, prompt: &Prompt) -> Encoded {
        let (mut cells, mut words) = (seen.cells.shallow_clone(), words.shallow_clone());
        let places = word_places(&prompt.places, self.width).to_kind(words.kind());
        for layer in self.layers.iter().take(layers) {
            let (fused_cells, fused_words) = layer.fusion.forward(&cells, &words);
            words = layer.words.forward(&fused_words, &places, &prompt.open);
            cells = layer.cells.forward(&fused_cells, seen);
        }
        Encoded { cells, words }
    }
}

impl Layer {
    fn new(vs: &nn::Path, config: &GroundingDinoConfig) -> Self {
        let (text, cells, width) = (vs / "text_enhancer_layer", vs / "deformable_layer", config.d_model);
        let own = "self_attn";
        Self {
            fusion: Fusion::new(&(vs / "fusion_layer"), config),
            words: WordLayer {
                attention: Attention::new(&(&text / own), width, config.heads / 2),
                feed_forward: FeedForward::new(&text, width, config.fusion_width()),
                norms: ["layer_norm_before", "layer_norm_after"]
                    .map(|name| layer_norm(&(&text / name), width)),
            },
            cells: CellLayer {
                attention: Deformable::new(&(&cells / own), config),
                feed_forward: FeedForward::new(&cells, width, config.ffn),
                norms: ["self_attn_layer_norm", "final_layer_norm"]
                    .map(|name| layer_norm(&(&cells / name), width)),
            },
        }
    }
}

impl WordLayer {
    fn forward(&self, words: &Tensor, places: &Tensor, open: &Tensor) -> Tensor {
        let placed = words + places;
        let words = words + self.attention.forward(&placed, &placed, words, Some(open));
        let words = words.apply(&self.norms[0]);
        (&words + self.feed_forward.forward(&words)).apply(&self.norms[1])
    }
}

impl CellLayer {
    fn forward(&self, cells: &Tensor, seen: &Seen) -> Tensor {
        let around = Around::Points(&seen.middles);
        let attended = self.attention.forward(&(cells + &seen.places), around, cells, &seen.levels);
        let cells = (cells + attended).apply(&self.norms[0]);
        (&cells + self.feed_forward.forward(&cells)).apply(&self.norms[1])
    }
}
