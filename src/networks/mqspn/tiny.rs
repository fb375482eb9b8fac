//! Tiny MQSPN: for tests of everything that runs with a joint network.

use std::collections::BTreeMap;
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use riveg::networks::bundle::{Bundle, FileEntry, Joint, Manifest, Precision, Weights, write_manifest};
use riveg::networks::descriptor::Network;
use riveg::networks::mqspn::{JOINT, Mqspn, MqspnConfig};
use riveg::stages::recognise::TextStyle;
use riveg::stages::recognise::joint::Grid;
use tch::{Device, Tensor, nn};

/// File of its weights.
const WEIGHTS: &str = "mqspn.safetensors";

/// Of many seeds this one makes a network that finds entities in most texts, some of them shown.
const SEED: u64 = 24;

/// Puts a joint network into the bundle of a folder, in place of three others whose tokenizer it takes over.
pub(crate) fn take_joint(folder: &Path) -> Bundle {
    let manifest: Manifest = Bundle::open(folder).unwrap().manifest().clone();
    let joint = Joint {
        threshold: 0.5,
        precision: Precision::F32,
        weights: Weights::named(WEIGHTS),
        tokenizer: Some(FileEntry::named("tagger.tokenizer.json")),
        text: TextStyle::Plain,
        candidates: Grid { shapes: vec![[0.5, 0.5], [1.0, 1.0]], stride: 0.5 },
        proposals: None,
        network: Network::of(&JOINT, &dimensions()),
        self_test: Vec::new(),
    };
    let manifest = Manifest { joint: Some(joint), recognise: None, entail: None, ground: None, ..manifest };
    write_weights(folder);
    write_manifest(folder, manifest).unwrap();
    Bundle::open(folder).unwrap()
}

fn dimensions() -> MqspnConfig {
    MqspnConfig {
        vocabulary: 400,
        hidden: 16,
        heads: 2,
        layers: 1,
        ffn: 24,
        max_positions: 130,
        first_position: 2,
        type_vocabulary: 1,
        pad: 1,
        image_size: 32,
        patch_size: 8,
        resnet_layers: Vec::new(),
        resnet_width: 0,
        vision_layers: 2,
        vision_ffn: 24,
        fused_layers: 1,
        types: 4,
        queries: 8,
        fusion_layers: 1,
        region_bins: 2,
    }
}

/// Writes weights so large that the answers of queries differ: fresh ones make all queries answer alike.
fn write_weights(folder: &Path) {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let store = nn::VarStore::new(Device::Cpu);
    let _mqspn = Mqspn::new(&store.root(), &dimensions());
    let sizes: BTreeMap<String, Vec<i64>> =
        store.variables().into_iter().map(|(name, variable)| (name, variable.size())).collect();
    let drawn = sizes.into_iter().map(|(name, size)| {
        let inputs: i64 = size.iter().skip(1).product();
        let decides =
            ["score.weight", "classifier.weight", "query.weight"].iter().any(|end| name.ends_with(end));
        let spread = match size.len() {
            1 => 0.3,
            _ if name.contains("embedding") || name.contains("prompts") => 0.9,
            _ if decides => 5.0 / (inputs as f32).sqrt(),
            _ => 2.0 / (inputs as f32).sqrt(),
        };
        let centre = if size.len() == 1 && name.ends_with("weight") { 1.0 } else { 0.0 };
        let count = size.iter().product::<i64>();
        let mut numbers: Vec<f32> =
            (0..count).map(|_| centre + spread * rng.random_range(-1.0..1.0)).collect();
        if name.ends_with("classifier.bias") {
            // Most queries find an entity.
            numbers[0] = -6.0;
        }
        (name, Tensor::from_slice(&numbers).view(&size[..]))
    });
    let drawn: Vec<(String, Tensor)> = drawn.collect();
    Tensor::write_safetensors(&drawn, folder.join(WEIGHTS)).unwrap();
}
