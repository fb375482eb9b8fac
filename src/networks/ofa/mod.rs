//! OFA, which answers in words and in boxes: one network, whose weights make it the entailer or the grounder.
//!
//! Wang et al. 2022, in the form that its authors publish: a ResNet trunk, an encoder over picture and prompt, a
//! decoder, all with NormFormer's extra norms. Variables have the names of the checkpoints that ModelScope and Hugging
//! Face publish; [`is_redundant`] says which of theirs have no counterpart here.

mod attention;
mod beam;
mod config;
mod decoder;
mod descriptor;
mod encoder;
mod import;
mod locate;
mod names;
mod positions;
mod presets;
mod reader;
mod serve;
mod taught;

use tch::nn;
use tch::{Device, Kind, Tensor};

pub use config::{BEGIN, END, OfaConfig, OfaConfigError, PAD};
pub use descriptor::{ENTAIL, ENTAIL_PROMPT, GROUND, GROUND_PROMPT};
pub use encoder::Encoded;
pub use locate::{Choice, Located};
pub use names::{OFA, OFA_FAIRSEQ};
pub use serve::{OfaEntailer, OfaGrounder};

use crate::networks::blocks::resnet::ResNet;
use decoder::Decoder;
use encoder::Encoder;

/// The network.
#[derive(Debug)]
pub struct Ofa {
    embedding: Tensor,
    trunk: ResNet,
    encoder: Encoder,
    decoder: Decoder,
    config: OfaConfig,
}

impl Ofa {
    /// Registers the parameters under `vs` with fresh values. The vocabulary's table, which published checkpoints hold
    /// three times, is `encoder.embed_tokens.weight`.
    ///
    /// # Panics
    /// Where [`OfaConfig::check`] would have refused.
    #[must_use]
    pub fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        let encoder = vs / "encoder";
        let ofa = Self {
            embedding: attention::table(&(&encoder / "embed_tokens"), config.vocabulary, config.d_model),
            trunk: ResNet::new(&(&encoder / "embed_images"), config.resnet_width, &config.resnet_layers),
            encoder: Encoder::new(&encoder, config),
            decoder: Decoder::new(&(vs / "decoder"), config),
            config: config.clone(),
        };
        tch::no_grad(|| {
            let _ = ofa.embedding.get(PAD).zero_();
        });
        ofa
    }

    /// What the picture's cells show, whatever will be asked: `[B, image tokens, channels]` for `pixels` `[B, 3, S, S]`
    /// of -1 to 1. In training, batch norms use and remember the batch's own statistics.
    pub fn trunk(&self, pixels: &Tensor, train: bool) -> Tensor {
        self.trunk.forward(pixels, train)
    }

    /// Reads prompts with their pictures: `trunk` as [`Ofa::trunk`] gives it, a row for each prompt, and `tokens`
    /// `[B, L]`, filled up with [`PAD`]. In training, here and below, nothing remembered is used.
    #[must_use]
    pub fn encode(&self, trunk: &Tensor, tokens: &Tensor, train: bool) -> Encoded {
        let is_padded = tokens.eq(PAD).any().int64_value(&[]) != 0;
        self.encoder.forward(trunk, (tokens, is_padded), &self.embedding, train)
    }

    /// As [`Ofa::encode`] outside of training, where it is known whether any prompt is filled up: a GPU that is asked
    /// whether there are any waits for the trunk.
    pub(super) fn encode_padded(&self, trunk: &Tensor, tokens: &Tensor, is_padded: bool) -> Encoded {
        self.encoder.forward(trunk, (tokens, is_padded), &self.embedding, false)
    }

    /// The logits of the token after each of `prefix` `[B, T]`: `[B, T, vocabulary]`.
    pub fn decode(&self, encoded: &Encoded, prefix: &Tensor, train: bool) -> Tensor {
        self.logits(&self.decoder.forward(encoded, prefix, &self.embedding, train))
    }

    /// The logits of no, yes and maybe as the answer to each prompt, `[B, 3]`: `tokens` `[B, L]` are the prompts again,
    /// whose end the answer takes the place of.
    pub fn answer_logits(&self, encoded: &Encoded, tokens: &Tensor, train: bool) -> Tensor {
        let length = tokens.size()[1];
        let prompt = tokens.narrow(1, 0, length - 1);
        let states = self.decoder.forward(encoded, &prompt, &self.embedding, train);
        let last = tokens.ne(PAD).sum_dim_intlist(1, false, Kind::Int64) - 2;
        let last = last.view([-1, 1, 1]).expand([-1, 1, self.config.d_model], false);
        let answers = Tensor::from_slice(&self.config.answers);
        let answers = answers.to_device_(tokens.device(), Kind::Int64, true, false);
        logits_of(&self.embedding.index_select(0, &answers), &states.gather(1, &last, false).squeeze_dim(1))
    }

    /// Ends training: whatever depends on the parameters alone is computed once and remembered, so later changes of
    /// parameters may go unseen. Call it after loading.
    #[must_use]
    pub fn freeze(mut self) -> Self {
        self.trunk.freeze();
        self.encoder.freeze();
        self.decoder.freeze();
        self
    }

    /// In which numbers it computes, and where.
    pub fn place(&self) -> (Kind, Device) {
        (self.embedding.kind(), self.embedding.device())
    }

    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &OfaConfig {
        &self.config
    }

    fn logits(&self, states: &Tensor) -> Tensor {
        let none: Option<Tensor> = None;
        states.linear(&self.embedding, none)
    }
}

/// The logits of the few tokens that these rows of the vocabulary's table stand for, in single precision: a logit of 10
/// would be told from its neighbours in steps of 0.06 by a bf16, and the likeliest of many places would be a matter of luck.
fn logits_of(rows: &Tensor, states: &Tensor) -> Tensor {
    let none: Option<Tensor> = None;
    states.to_kind(Kind::Float).linear(&rows.to_kind(Kind::Float), none)
}

/// Whether a published checkpoint's tensor has no counterpart here, and may be left out: it repeats another, can be
/// computed, or serves only to draw pictures.
#[must_use]
pub fn is_redundant(name: &str) -> bool {
    const REPEATED: [&str; 2] = ["decoder.embed_tokens.weight", "decoder.output_projection.weight"];
    const COMPUTED: [&str; 2] = ["token_rp_bucket", "image_rp_bucket"];
    const DRAWING: [&str; 5] = [
        "code_layernorm_embedding.",
        "embed_image_positions.",
        "image_pos_ln.",
        "image_position_idx",
        "image_rel_pos_table_list.",
    ];
    let of_either = name.strip_prefix("encoder.").or_else(|| name.strip_prefix("decoder."));
    let of_decoder = name.strip_prefix("decoder.");
    REPEATED.contains(&name)
        || name.ends_with(".num_batches_tracked")
        || of_either.is_some_and(|name| COMPUTED.contains(&name))
        || of_decoder.is_some_and(|name| DRAWING.iter().any(|drawing| name.starts_with(drawing)))
}

#[cfg(test)]
mod tests;
