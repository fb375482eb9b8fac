//! Transformer of SeqTR. An encoder over the cells, a decoder over the tokens so far, and a layer that chooses.
//!
//! As DETR does it, positions are added to what attention asks and is asked, never to what it passes on.

use tch::nn::{self, Module};
use tch::{Kind, Tensor};

use super::attention::{Attention, FeedForward, Memory, layer_norm};
use super::config::SeqTrConfig;
use super::positions::{self, Cells};
use crate::networks::blocks::layers::linear;

/// The transformer, from cells to the logits of tokens.
#[derive(Debug)]
pub(super) struct Transformer {
    project: nn::Conv2D,
    norm: nn::GroupNorm,
    encoder: Vec<EncoderLayer>,
    decoder: Vec<DecoderLayer>,
    decoder_norm: nn::LayerNorm,
    tokens: Tensor,
    token_positions: Tensor,
    predictor: [nn::Linear; 3],
    width: i64,
}

/// Pictures, read for their phrases.
#[derive(Debug)]
pub struct Encoded {
    /// What the encoder says of the cells, `[B, grid * grid, d]`; meaningless where there is no picture.
    pub states: Tensor,
    /// The same with the cells' positions.
    pub(super) places: Tensor,
    /// Which cells show the picture, `[B, 1, 1, grid * grid]` of `Bool`.
    pub(super) seen: Tensor,
}

/// What the decoder remembers of the tokens so far.
#[derive(Debug)]
pub(super) struct Past<'a> {
    encoded: &'a Encoded,
    /// Of each layer: the cells, and the tokens so far.
    layers: Vec<(Memory, Option<Memory>)>,
    length: i64,
}

impl Transformer {
    /// `head` is the path of the checkpoint's head.
    pub(super) fn new(head: &nn::Path, config: &SeqTrConfig) -> Self {
        let (vs, width, tokens) = (head / "transformer", config.d_model, config.bins + 1);
        let (encoder, decoder) = (&vs / "encoder" / "layers", &vs / "decoder");
        let projection = &vs / "input_proj";
        let table = |path: nn::Path, rows: i64| {
            path.var("weight", &[rows, width], nn::Init::Randn { mean: 0.0, stdev: 1.0 })
        };
        let predictor = head / "predictor";
        let predict = |index: i64, to: i64| linear(&(&predictor / index / "fc"), width, to);
        Self {
            project: nn::conv2d(&projection / "conv", config.channels(), width, 1, Default::default()),
            norm: nn::group_norm(&projection / "gn", config.groups, width, Default::default()),
            encoder: (0..config.encoder_layers).map(|n| EncoderLayer::new(&(&encoder / n), config)).collect(),
            decoder: (0..config.decoder_layers)
                .map(|n| DecoderLayer::new(&(&decoder / "layers" / n), config))
                .collect(),
            decoder_norm: layer_norm(&(&decoder / "norm"), config),
            tokens: table(&vs / "query_embedding", tokens),
            token_positions: table(&vs / "seq_positional_encoding" / "embedding", config.answer_positions()),
            predictor: [predict(0, width), predict(1, width), predict(2, tokens)],
            width,
        }
    }

    /// `fused` is `[B, channels, grid, grid]`, of which each picture fills its own cells.
    pub(super) fn encode(&self, fused: &Tensor, pictures: &[Cells]) -> Encoded {
        let grid = fused.size()[3];
        let device = fused.device();
        let seen = positions::seen(pictures, grid, device).unsqueeze(1).unsqueeze(1);
        let places = positions::cells(pictures, grid, self.width, device).to_kind(fused.kind());
        let projected = fused.apply(&self.project).apply(&self.norm);
        let projected = projected.flatten(2, 3).transpose(1, 2);
        let states =
            self.encoder.iter().fold(projected, |states, layer| layer.forward(&states, &places, &seen));
        Encoded { places: &states + places, states, seen }
    }

    /// The decoder before the first token.
    pub(super) fn begin<'a>(&self, encoded: &'a Encoded) -> Past<'a> {
        let cells = |layer: &DecoderLayer| (layer.cells.memory(&encoded.states, &encoded.places), None);
        Past { encoded, layers: self.decoder.iter().map(cells).collect(), length: 0 }
    }

    /// The logits of the next token, `[B, bins + 1]`, the end last. `last` `[B]` is the token before, `None` at the
    /// beginning.
    pub(super) fn step(&self, past: &mut Past<'_>, last: Option<&Tensor>) -> Tensor {
        let states = match last {
            Some(tokens) => Tensor::embedding(&self.tokens, &tokens.unsqueeze(1), -1, false, false),
            None => {
                let batch = past.encoded.states.size()[0];
                Tensor::zeros([batch, 1, self.width], (self.tokens.kind(), self.tokens.device()))
            }
        };
        let position = self.token_positions.get(past.length);
        past.length += 1;
        let seen = &past.encoded.seen;
        let layers = self.decoder.iter().zip(&mut past.layers);
        let states = layers.fold(states, |states, (layer, (cells, tokens))| {
            layer.step(&states, &position, tokens, (cells, seen))
        });
        let [first, second, last] = &self.predictor;
        let states = states.apply(&self.decoder_norm).squeeze_dim(1);
        states.apply(first).relu().apply(second).relu().apply(last).to_kind(Kind::Float)
    }
}

/// One block of the encoder.
#[derive(Debug)]
struct EncoderLayer {
    attention: Attention,
    feed_forward: FeedForward,
    norms: [nn::LayerNorm; 2],
}

impl EncoderLayer {
    fn new(vs: &nn::Path, config: &SeqTrConfig) -> Self {
        Self {
            attention: Attention::new(&(vs / "self_attn"), config),
            feed_forward: FeedForward::new(vs, config),
            norms: ["norm1", "norm2"].map(|name| layer_norm(&(vs / name), config)),
        }
    }

    fn forward(&self, states: &Tensor, positions: &Tensor, seen: &Tensor) -> Tensor {
        let places = states + positions;
        let memory = self.attention.memory(states, &places);
        let states = states + self.attention.attend(&places, &memory, Some(seen));
        let states = states.apply(&self.norms[0]);
        (&states + self.feed_forward.forward(&states)).apply(&self.norms[1])
    }
}

/// One block of the decoder.
#[derive(Debug)]
struct DecoderLayer {
    tokens: Attention,
    cells: Attention,
    feed_forward: FeedForward,
    norms: [nn::LayerNorm; 3],
}

impl DecoderLayer {
    fn new(vs: &nn::Path, config: &SeqTrConfig) -> Self {
        Self {
            tokens: Attention::new(&(vs / "self_attn"), config),
            cells: Attention::new(&(vs / "multihead_attn"), config),
            feed_forward: FeedForward::new(vs, config),
            norms: ["norm1", "norm2", "norm3"].map(|name| layer_norm(&(vs / name), config)),
        }
    }

    /// One token further, `[B, 1, d]`; what it adds to the tokens so far is remembered there.
    fn step(
        &self,
        states: &Tensor,
        position: &Tensor,
        tokens: &mut Option<Memory>,
        (cells, seen): (&Memory, &Tensor),
    ) -> Tensor {
        let places = states + position;
        let own = self.tokens.memory(states, &places);
        // What comes later is not there yet, so the memory alone is the causal mask.
        let so_far = match tokens.take() {
            Some(before) => before.and(&own),
            None => own,
        };
        let states = (states + self.tokens.attend(&places, &so_far, None)).apply(&self.norms[0]);
        *tokens = Some(so_far);
        let attended = self.cells.attend(&(&states + position), cells, Some(seen));
        let states = (states + attended).apply(&self.norms[1]);
        (&states + self.feed_forward.forward(&states)).apply(&self.norms[2])
    }
}
