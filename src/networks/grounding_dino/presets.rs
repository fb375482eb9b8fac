//! Published Grounding DINOs and their numbers of parameters.

use super::config::{GroundingDinoConfig, LEVELS, PATCH};
use crate::networks::blocks::preset::{Preset, linear, norm};

impl Preset for GroundingDinoConfig {
    /// As IDEA-Research publishes them: with the trunks Swin-T and Swin-B.
    const NAMES: &'static [&'static str] = &["grounding-dino-tiny", "grounding-dino-base"];

    fn preset(name: &str) -> Option<Self> {
        let (swin_width, swin_depths, swin_heads, swin_window) = match name {
            "grounding-dino-tiny" => (96, [2, 2, 6, 2], [3, 6, 12, 24], 7),
            "grounding-dino-base" => (128, [2, 2, 18, 2], [4, 8, 16, 32], 12),
            _ => return None,
        };
        Some(Self {
            shortest_side: 800,
            longest_side: 1333,
            swin_width,
            swin_depths,
            swin_heads,
            swin_window,
            vocabulary: 30_522,
            // Of BERT's lower-case vocabulary.
            delimiters: [101, 102, 1012, 1029],
            text_hidden: 768,
            text_layers: 12,
            text_heads: 12,
            text_ffn: 3072,
            max_positions: 512,
            type_vocabulary: 2,
            max_text: 256,
            d_model: 256,
            ffn: 2048,
            heads: 8,
            encoder_layers: 6,
            decoder_layers: 6,
            points: 4,
            queries: 900,
        })
    }

    fn parameters(&self) -> u64 {
        let towers = self.trunk_parameters() + self.projection_parameters() + self.text().parameters();
        let encoder = self.encoder_layers * self.encoder_layer_parameters();
        let decoder = self.decoder_layers * self.decoder_layer_parameters() + self.decoder_head_parameters();
        (towers + encoder + decoder + self.proposal_parameters()).unsigned_abs()
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }
}

impl GroundingDinoConfig {
    fn trunk_parameters(&self) -> i64 {
        let stages = (0..4_usize).map(|stage| {
            let (width, heads) = (self.swin_channels(stage), self.swin_heads[stage]);
            let offsets = 2 * self.swin_window - 1;
            let attention = 4 * linear(width, width) + offsets * offsets * heads;
            let block = attention + linear(width, 4 * width) + linear(4 * width, width) + 2 * norm(width);
            // The first stage is not read, and behind the last one nothing follows.
            let read = if stage > 0 { norm(width) } else { 0 };
            let merging = if stage < 3 { norm(4 * width) + 4 * width * 2 * width } else { 0 };
            self.swin_depths[stage] * block + read + merging
        });
        linear(3 * PATCH * PATCH, self.swin_width) + norm(self.swin_width) + stages.sum::<i64>()
    }

    fn projection_parameters(&self) -> i64 {
        let (width, last) = (self.d_model, self.swin_channels(3));
        let pointwise = (1..4).map(|stage| linear(self.swin_channels(stage), width)).sum::<i64>();
        let maps = pointwise + linear(9 * last, width) + LEVELS * norm(width);
        maps + LEVELS * width + linear(self.text_hidden, width)
    }

    fn deformable_parameters(&self) -> i64 {
        let points = self.heads * LEVELS * self.points;
        linear(self.d_model, 2 * points)
            + linear(self.d_model, points)
            + 2 * linear(self.d_model, self.d_model)
    }

    fn feed_forward_parameters(&self, inner: i64) -> i64 {
        linear(self.d_model, inner) + linear(inner, self.d_model)
    }

    fn encoder_layer_parameters(&self) -> i64 {
        let (width, inner) = (self.d_model, self.fusion_width());
        let fusion = 4 * linear(width, inner) + 2 * linear(inner, width) + 2 * norm(width) + 2 * width;
        let text = 4 * linear(width, width) + self.feed_forward_parameters(inner) + 2 * norm(width);
        fusion
            + text
            + self.deformable_parameters()
            + self.feed_forward_parameters(self.ffn)
            + 2 * norm(width)
    }

    fn decoder_layer_parameters(&self) -> i64 {
        let attentions = 2 * 4 * linear(self.d_model, self.d_model) + self.deformable_parameters();
        attentions + self.feed_forward_parameters(self.ffn) + 4 * norm(self.d_model)
    }

    fn decoder_head_parameters(&self) -> i64 {
        let width = self.d_model;
        norm(width) + linear(2 * width, width) + linear(width, width) + self.box_parameters()
    }

    /// Those of what chooses the decoder's queries among the cells.
    fn proposal_parameters(&self) -> i64 {
        let width = self.d_model;
        self.queries * width + linear(width, width) + norm(width) + self.box_parameters()
    }

    fn box_parameters(&self) -> i64 {
        2 * linear(self.d_model, self.d_model) + linear(self.d_model, 4)
    }
}
