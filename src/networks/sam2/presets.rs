//! Published SAMs 2.1 and their numbers of parameters.

use super::config::{STAGES, Sam2Config};
use crate::networks::blocks::preset::{Preset, linear, norm};
use crate::networks::blocks::promptable::MASK_TOKENS;

impl Preset for Sam2Config {
    const NAMES: &'static [&'static str] =
        &["sam2.1-hiera-tiny", "sam2.1-hiera-small", "sam2.1-hiera-base-plus", "sam2.1-hiera-large"];

    fn preset(name: &str) -> Option<Self> {
        match name {
            "sam2.1-hiera-tiny" => Some(Self::tiny()),
            "sam2.1-hiera-small" => Some(Self::small()),
            "sam2.1-hiera-base-plus" => Some(Self::base_plus()),
            "sam2.1-hiera-large" => Some(Self::large()),
            _ => None,
        }
    }

    fn parameters(&self) -> u64 {
        (self.of_encoder() + self.of_neck() + self.of_prompts() + self.of_decoder()).unsigned_abs()
    }

    fn fault(&self) -> Option<String> {
        self.check().err()
    }
}

impl Sam2Config {
    fn of_encoder(&self) -> i64 {
        let width = self.widths[0];
        let (position, window) = (self.position_side, self.windows[0]);
        let embeddings = width * (3 * 7 * 7 + 1) + width * (position * position + window * window);
        let blocks: i64 = (0..STAGES)
            .map(|stage| {
                let to = self.widths[stage];
                let block = |from: i64| norm(from) + linear(from, 3 * to) + linear(to, to) + norm(to);
                let inner = self.encoder_mlp(stage);
                let mlp = linear(to, inner) + linear(inner, to);
                let first = match stage {
                    0 => block(to),
                    _ => block(self.widths[stage - 1]) + linear(self.widths[stage - 1], to),
                };
                first + (self.blocks[stage] - 1) * block(to) + self.blocks[stage] * mlp
            })
            .sum();
        embeddings + blocks
    }

    /// The pyramid, its projections, and what is added where there is no memory.
    fn of_neck(&self) -> i64 {
        let out = self.output_channels;
        let laterals: i64 = self.widths.iter().map(|&width| linear(width, out)).sum();
        laterals + linear(out, out / 8) + linear(out, out / 4) + out
    }

    /// Four kinds of points, no point, no mask, and the layers of mask prompts.
    fn of_prompts(&self) -> i64 {
        let out = self.output_channels;
        let masks = linear(4, 4) + norm(4) + linear(16, 16) + norm(16) + linear(16, out);
        6 * out + masks
    }

    fn of_decoder(&self) -> i64 {
        let (out, inner) = (self.output_channels, self.decoder_mlp);
        let attention = |within: i64| 3 * linear(out, within) + linear(within, out);
        let layer =
            attention(out) + 2 * attention(out / 2) + 4 * norm(out) + linear(out, inner) + linear(inner, out);
        let transformer = self.decoder_layers * layer + attention(out / 2) + norm(out);
        // Transposed convolutions have one bias for the four cells that they make.
        let (upper, lower) = (out / 4, out / 8);
        let upscaling = out * 4 * upper + upper + norm(upper) + upper * 4 * lower + lower;
        let head = |outputs: i64| 2 * linear(out, out) + linear(out, outputs);
        let heads = MASK_TOKENS * head(lower) + head(MASK_TOKENS) + head(1);
        (2 + MASK_TOKENS) * out + transformer + upscaling + heads
    }
}

#[cfg(test)]
mod tests {
    use tch::nn::VarStore;
    use tch::{Device, Tensor};

    use super::super::Sam2;
    use super::super::tests::tiny;
    use super::*;

    /// As `transformers` counts them in `Sam2Model`.
    #[test]
    fn the_published_networks_have_the_published_numbers_of_parameters() {
        for (&name, count) in Sam2Config::NAMES.iter().zip([31_440_721, 38_538_577, 73_328_401, 216_924_865])
        {
            assert_eq!(Sam2Config::preset(name).unwrap().parameters(), count, "{name}");
        }
        assert_eq!(Sam2Config::preset("sam2"), None);
    }

    #[test]
    fn as_many_are_counted_as_there_are() {
        let store = VarStore::new(Device::Cpu);
        let _sam2 = Sam2::new(&store.root(), &tiny());
        let counted: usize = store.trainable_variables().iter().map(Tensor::numel).sum();
        assert_eq!(tiny().parameters(), counted as u64);
    }

    type Case = (fn(&mut Sam2Config), &'static str);

    #[test]
    fn dimensions_that_make_no_network_are_refused_by_name() {
        let cases: [Case; 10] = [
            (|config| config.heads[2] = 0, "`heads` of the segmenter is 0, but must be at least 1"),
            (
                |config| config.image_size = 1000,
                "`image_size` of the segmenter is 1000, but must be a multiple of 32",
            ),
            (
                |config| config.windows[0] = 6,
                "`image_size` of the segmenter is 1024, but must be a multiple of 24",
            ),
            (|config| config.windows[1] = 5, "`windows` of the segmenter is 5, but must be a multiple of 2"),
            (|config| config.heads[3] = 7, "`widths` of the segmenter is 768, but must be a multiple of 7"),
            (
                |config| config.widths[1] = 96,
                "`widths` of the segmenter has 96 twice, but each stage has its own",
            ),
            (
                |config| config.decoder_heads = 24,
                "`output_channels` of the segmenter is 256, but must be a multiple of 48",
            ),
            (
                |config| config.global_blocks = vec![12],
                "`global_blocks` of the segmenter names block 12, but the blocks are 0 to 11",
            ),
            (
                |config| config.mlp_ratio = f64::NAN,
                "`mlp_ratio` of the segmenter is NaN, which is not usable",
            ),
            (
                |config| config.stability_threshold = 1.5,
                "`stability_threshold` of the segmenter is 1.5, which is not usable",
            ),
        ];
        for (damage, message) in cases {
            let mut config = Sam2Config::tiny();
            damage(&mut config);
            assert_eq!(config.fault().as_deref(), Some(message));
        }
    }
}
