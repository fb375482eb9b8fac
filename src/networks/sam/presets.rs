//! Published SAMs and their numbers of parameters.

use super::config::SamConfig;
use super::shapes::shapes;
use crate::networks::blocks::preset::Preset;

impl Preset for SamConfig {
    const NAMES: &'static [&'static str] = &["sam-vit-b", "sam-vit-l", "sam-vit-h"];

    fn preset(name: &str) -> Option<Self> {
        match name {
            "sam-vit-b" => Some(Self::vit_b()),
            "sam-vit-l" => Some(Self::vit_l()),
            "sam-vit-h" => Some(Self::vit_h()),
            _ => None,
        }
    }

    fn parameters(&self) -> u64 {
        let learnt = shapes(self).into_iter().filter(|(name, _)| !name.ends_with("positional_embedding"));
        learnt.map(|(_, shape)| shape.iter().product::<i64>().unsigned_abs()).sum()
    }

    fn fault(&self) -> Option<String> {
        self.validate().err().map(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tch::nn::VarStore;

    use super::super::Sam;
    use super::*;

    #[test]
    fn the_published_networks_have_the_published_numbers_of_parameters() {
        for (&name, count) in SamConfig::NAMES.iter().zip([93_735_472, 312_342_832, 641_090_608]) {
            assert_eq!(SamConfig::preset(name).unwrap().parameters(), count, "{name}");
        }
        assert_eq!(SamConfig::preset("sam"), None);
    }

    #[test]
    fn as_many_are_counted_as_there_are() {
        let tiny = SamConfig {
            image_size: 64,
            patch_size: 8,
            hidden: 24,
            layers: 3,
            heads: 3,
            mlp_ratio: 2.0,
            window: 3,
            global_layers: vec![1],
            output_channels: 16,
            decoder_layers: 2,
            decoder_heads: 2,
            decoder_mlp: 40,
            mask_threshold: 0.0,
            multimask: false,
        };
        let store = VarStore::new(Device::Cpu);
        let _sam = Sam::new(&store.root(), &tiny);
        let counted: usize = store.trainable_variables().iter().map(tch::Tensor::numel).sum();
        assert_eq!(tiny.parameters(), counted as u64);
    }
}
