//! Published OFAs and their numbers of parameters.

use super::config::OfaConfig;
use super::positions::image_rows;
use crate::networks::blocks::preset::{Preset, linear, norm};
use crate::networks::blocks::resnet::ResNet;

impl Preset for OfaConfig {
    const NAMES: &'static [&'static str] = &["ofa-tiny", "ofa-medium", "ofa-base", "ofa-large", "ofa-huge"];

    /// With the English vocabulary, at the 480 pixels of visual entailment; grounding was taught at 512.
    fn preset(name: &str) -> Option<Self> {
        let (d_model, heads, [encoder_layers, decoder_layers], resnet_layers) = match name {
            "ofa-tiny" => (256, 4, [4, 4], [3, 4, 6]),
            "ofa-medium" => (512, 8, [4, 4], [3, 4, 23]),
            "ofa-base" => (768, 12, [6, 6], [3, 4, 23]),
            "ofa-large" => (1024, 16, [12, 12], [3, 8, 36]),
            "ofa-huge" => (1280, 16, [24, 12], [3, 8, 36]),
            _ => return None,
        };
        Some(Self {
            vocabulary: 59_457,
            d_model,
            ffn: 4 * d_model,
            heads,
            encoder_layers,
            decoder_layers,
            resnet_layers,
            resnet_width: 64,
            token_bucket: 256,
            image_bucket: 42,
            max_positions: 1024,
            patch_image_size: 480,
            first_bin: 58_457,
            bins: 1000,
            answers: [117, 4420, 2085],
        })
    }

    fn parameters(&self) -> u64 {
        let total = self.vocabulary * self.d_model + self.trunk() + self.encoder() + self.decoder();
        total.unsigned_abs()
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }
}

impl OfaConfig {
    /// What published checkpoints hold beside [`Preset::parameters`]: the decoder's tables for drawing pictures.
    #[must_use]
    pub fn drawing_parameters(&self) -> u64 {
        let places = (self.image_bucket * self.image_bucket + 1) * self.d_model + 2 * norm(self.d_model);
        let tables = self.decoder_layers * image_rows(self.image_bucket) * self.heads;
        (places + tables).unsigned_abs()
    }

    fn trunk(&self) -> i64 {
        ResNet::parameters(self.resnet_width, &self.resnet_layers)
    }

    fn encoder(&self) -> i64 {
        let (d, layers) = (self.d_model, self.encoder_layers);
        let layer = self.attention() + 3 * norm(d) + self.feed_forward();
        let embeddings = 2 * d + norm(d) + linear(self.trunk_channels(), d) + norm(d);
        let tables =
            (self.max_positions + 2) * d + (self.image_bucket * self.image_bucket + 1) * d + 2 * norm(d);
        let relative = layers * (self.text_rows() + image_rows(self.image_bucket)) * self.heads;
        embeddings + layers * layer + norm(d) + tables + 2 * linear(d, d) + relative
    }

    fn decoder(&self) -> i64 {
        let (d, layers) = (self.d_model, self.decoder_layers);
        let layer = 2 * self.attention() + 5 * norm(d) + self.feed_forward();
        let tables = (self.max_positions + 2) * d + norm(d) + 4 * linear(d, d);
        norm(d) + layers * layer + norm(d) + tables + layers * self.text_rows() * self.heads
    }

    fn attention(&self) -> i64 {
        4 * linear(self.d_model, self.d_model) + self.heads
    }

    fn feed_forward(&self) -> i64 {
        linear(self.d_model, self.ffn) + norm(self.ffn) + linear(self.ffn, self.d_model)
    }

    fn text_rows(&self) -> i64 {
        2 * self.token_bucket - 1
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tch::nn::VarStore;

    use super::super::Ofa;
    use super::*;

    #[test]
    fn the_published_networks_are_valid_and_have_the_published_numbers_of_parameters() {
        let published = [33_488_336, 92_892_000, 182_238_536, 472_977_152, 929_486_848];
        for (&name, count) in OfaConfig::NAMES.iter().zip(published) {
            let config = OfaConfig::preset(name).unwrap();
            assert_eq!(config.check(), Ok(()), "{name}");
            assert_eq!(config.parameters() + config.drawing_parameters(), count, "{name}");
        }
        assert_eq!(OfaConfig::preset("ofa"), None);
    }

    #[test]
    fn as_many_are_counted_as_there_are() {
        let tiny = OfaConfig {
            vocabulary: 50,
            d_model: 12,
            ffn: 20,
            heads: 3,
            encoder_layers: 3,
            decoder_layers: 2,
            resnet_layers: [2, 1, 3],
            resnet_width: 4,
            token_bucket: 16,
            image_bucket: 5,
            max_positions: 30,
            patch_image_size: 48,
            first_bin: 30,
            bins: 20,
            answers: [10, 11, 12],
        };
        let store = VarStore::new(Device::Cpu);
        let _ofa = Ofa::new(&store.root(), &tiny);
        let counted: usize = store.trainable_variables().iter().map(tch::Tensor::numel).sum();
        assert_eq!(tiny.parameters(), counted as u64);
    }
}
