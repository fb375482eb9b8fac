//! Decoder of Grounding DINO: boxes that the encoder proposes are refined layer by layer and compared with the words.

use tch::nn;
use tch::{Kind, Tensor};

use super::config::GroundingDinoConfig;
use super::deformable::{Around, Deformable};
use super::encoder::{Encoded, Seen};
use super::layers::{Attention, FeedForward, Perceptron, layer_norm};
use super::levels::box_places;
use crate::networks::blocks::layers::linear;

/// How near to 0 and 1 a number may come before its logit is taken.
const NEAREST: f64 = 1e-5;
/// A box that a cell proposes has this part of the picture as its sides on the finest map, and twice as much on each
/// further one.
const PROPOSED_SIDE: f64 = 0.05;
/// Cells nearer to an edge than this part of the picture propose nothing.
const MARGIN: f64 = 0.01;

/// The decoder, and what proposes its first boxes.
#[derive(Debug)]
pub(super) struct Decoder {
    proposing: nn::Linear,
    proposing_norm: nn::LayerNorm,
    proposing_boxes: Perceptron,
    queries: Tensor,
    layers: Vec<Layer>,
    places: Perceptron,
    norm: nn::LayerNorm,
    boxes: Perceptron,
    width: i64,
}

/// Queries attend to each other, to the words and to points around their boxes.
#[derive(Debug)]
struct Layer {
    own: Attention,
    words: Attention,
    cells: Deformable,
    feed_forward: FeedForward,
    norms: [nn::LayerNorm; 4],
}

/// The boxes with which the decoder begins.
#[derive(Debug)]
pub struct Proposals {
    /// The cells that propose them, `[queries]` of `Int64`, the best first.
    pub cells: Tensor,
    /// Middle and size as parts of the picture, `[queries, 4]` of `Float`.
    pub boxes: Tensor,
}

/// What the decoder found.
#[derive(Debug)]
pub struct Detected {
    /// How well each box fits each word, `[queries, L]` of `Float`.
    pub logits: Tensor,
    /// Middle and size as parts of the picture, `[queries, 4]` of `Float`.
    pub boxes: Tensor,
}

impl Decoder {
    /// `root` is the whole network's path, `model` that of all but the last perceptron.
    pub(super) fn new(root: &nn::Path, model: &nn::Path, config: &GroundingDinoConfig) -> Self {
        let width = config.d_model;
        let (decoder, queries) = (model / "decoder", model / "query_position_embeddings");
        let layers = &decoder / "layers";
        let init = nn::Init::Randn { mean: 0.0, stdev: 1.0 };
        Self {
            proposing: linear(&(model / "enc_output"), width, width),
            proposing_norm: layer_norm(&(model / "enc_output_norm"), width),
            proposing_boxes: Perceptron::of_boxes(&(model / "encoder_output_bbox_embed"), width),
            queries: queries.var("weight", &[config.queries, width], init),
            layers: (0..config.decoder_layers).map(|index| Layer::new(&(&layers / index), config)).collect(),
            places: Perceptron::new(&(&decoder / "reference_points_head"), &[2 * width, width, width]),
            norm: layer_norm(&(&decoder / "layer_norm"), width),
            // Published networks have one perceptron for all layers.
            boxes: Perceptron::of_boxes(&(root / "bbox_embed" / 0), width),
            width,
        }
    }

    /// The cells that fit any word best, and the boxes that they propose. Small pictures have fewer cells than there are
    /// queries.
    pub(super) fn propose(&self, seen: &Seen, encoded: &Encoded) -> Proposals {
        let sides: Vec<f32> = (0..)
            .zip(&seen.levels.0)
            .flat_map(|(level, &(rows, columns))| {
                let side = PROPOSED_SIDE * f64::from(1_i32 << level);
                std::iter::repeat_n(side as f32, (rows * columns) as usize)
            })
            .collect();
        let sides = Tensor::from_slice(&sides).to_device(encoded.cells.device()).unsqueeze(1);
        let proposed = Tensor::cat(&[&seen.middles, &sides, &sides], 1);
        let inside = proposed.gt(MARGIN).logical_and(&proposed.lt(1.0 - MARGIN)).all_dim(-1, true);
        let outside = inside.logical_not();
        let cells =
            encoded.cells.masked_fill(&outside, 0.0).apply(&self.proposing).apply(&self.proposing_norm);
        let fits = cells.matmul(&encoded.words.transpose(0, 1)).to_kind(Kind::Float).amax(-1, false);
        let most = self.queries.size()[0].min(fits.size()[0]);
        let (_, best) = fits.topk(most, 0, true, true);
        let moved = self.proposing_boxes.forward(&cells.index_select(0, &best)).to_kind(Kind::Float);
        let proposed = proposed.index_select(0, &best);
        let logits = proposed.logit(None).masked_fill(&outside.index_select(0, &best), f64::INFINITY);
        Proposals { cells: best, boxes: (logits + moved).sigmoid() }
    }

    pub(super) fn forward(&self, seen: &Seen, encoded: &Encoded, proposals: &Proposals) -> Detected {
        let mut boxes = proposals.boxes.shallow_clone();
        let mut queries = self.queries.narrow(0, 0, boxes.size()[0]);
        let (last, others) = match self.layers.split_last() {
            Some(layers) => layers,
            None => unreachable!("a decoder has at least one layer"),
        };
        for layer in others {
            queries = layer.forward(&queries, &self.placed(&boxes), &boxes, seen, encoded);
            boxes = self.moved(&queries, &boxes);
        }
        queries = last.forward(&queries, &self.placed(&boxes), &boxes, seen, encoded).apply(&self.norm);
        let logits = queries.matmul(&encoded.words.transpose(0, 1)).to_kind(Kind::Float);
        Detected { logits, boxes: self.moved(&queries, &boxes) }
    }

    fn placed(&self, boxes: &Tensor) -> Tensor {
        let places = box_places(boxes, self.width / 2).to_kind(self.queries.kind());
        self.places.forward(&places)
    }

    /// Boxes moved by what queries say of them.
    fn moved(&self, queries: &Tensor, boxes: &Tensor) -> Tensor {
        (self.boxes.forward(queries).to_kind(Kind::Float) + boxes.logit(NEAREST)).sigmoid()
    }
}

impl Layer {
    fn new(vs: &nn::Path, config: &GroundingDinoConfig) -> Self {
        let (width, heads) = (config.d_model, config.heads);
        let norms = [
            "self_attn_layer_norm",
            "encoder_attn_text_layer_norm",
            "encoder_attn_layer_norm",
            "final_layer_norm",
        ];
        Self {
            own: Attention::new(&(vs / "self_attn"), width, heads),
            words: Attention::new(&(vs / "encoder_attn_text"), width, heads),
            cells: Deformable::new(&(vs / "encoder_attn"), config),
            feed_forward: FeedForward::new(vs, width, config.ffn),
            norms: norms.map(|name| layer_norm(&(vs / name), width)),
        }
    }

    /// `[queries, d]` to the same; `places` tell their `boxes`.
    fn forward(
        &self,
        queries: &Tensor,
        places: &Tensor,
        boxes: &Tensor,
        seen: &Seen,
        encoded: &Encoded,
    ) -> Tensor {
        let Encoded { cells, words } = encoded;
        let placed = queries + places;
        let queries = (queries + self.own.forward(&placed, &placed, queries, None)).apply(&self.norms[0]);
        let heard = self.words.forward(&(&queries + places), words, words, None);
        let queries = (queries + heard).apply(&self.norms[1]);
        let around = Around::Boxes(boxes);
        let looked = self.cells.forward(&(&queries + places), around, cells, &seen.levels);
        let queries = (queries + looked).apply(&self.norms[2]);
        (&queries + self.feed_forward.forward(&queries)).apply(&self.norms[3])
    }
}
