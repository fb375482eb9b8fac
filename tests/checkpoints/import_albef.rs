//! Import of an ALBEF trained on smaller pictures: answers equal the original after interpolation of positions.

use std::path::Path;

use riveg::networks::albef;
use riveg::networks::albef::{Albef, AlbefConfig};
use riveg::networks::bundle::Bundle;
use riveg::networks::checkpoint::convert;
use riveg::networks::weights::WeightSource;
use tch::{Device, Kind, Tensor};

use super::import::import;
use super::{file, open};

/// A grid of three patches a side, where the checkpoints have two.
const ALBEF: &str = "image_size=24 patch_size=8 vision_hidden=12 vision_layers=2 vision_heads=2 vision_ffn=24 \
                     vocabulary=40 hidden=16 layers=3 fusion_layer=1 heads=2 ffn=24 max_positions=20 type_vocabulary=2";

/// Of the largest number that is compared.
const TOLERANCE: f64 = 1e-5;

fn answer(name: &str) -> Tensor {
    let answers = Tensor::read_safetensors(file("albef-answers.safetensors")).unwrap();
    answers.into_iter().find(|(answer, _)| answer == name).unwrap().1
}

fn assert_close(ours: &Tensor, theirs: &Tensor, what: &str) {
    assert_eq!(ours.size(), theirs.size(), "{what}");
    let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
    let error = largest(&(ours - theirs)) / largest(theirs);
    println!("{what}: {error:.1e}");
    assert!(error < TOLERANCE, "{what}: relative error {error:e}");
}

/// Imports a checkpoint and asks the network what the original was asked; gives what the command said.
fn assert_says_what_its_original_says(from: &Path, case: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let done = import("entail", from, ALBEF, folder.path(), &[]);
    assert_eq!(done.code, Some(0), "{case}: {}", done.stderr);

    let bundle = Bundle::open(folder.path()).unwrap();
    let part = bundle.entail().unwrap();
    let weights = Tensor::read_safetensors(bundle.path(part.weights.entry().unwrap())).unwrap();
    let places = weights.iter().find(|(name, _)| name == "visual_encoder.pos_embed").unwrap();
    let of = |tap: &str| answer(&format!("{case}.{tap}"));
    assert_close(&places.1, &of("pos_embed"), &format!("{case}: pos_embed"));

    let config = AlbefConfig {
        image_size: 24,
        patch_size: 8,
        vision_hidden: 12,
        vision_layers: 2,
        vision_heads: 2,
        vision_ffn: 24,
        vocabulary: 40,
        hidden: 16,
        layers: 3,
        fusion_layer: 1,
        heads: 2,
        ffn: 24,
        max_positions: 20,
        type_vocabulary: 2,
    };
    let source = WeightSource {
        folder: bundle.folder(),
        weights: &part.weights,
        precision: part.precision,
        device: Device::Cpu,
        shared: None,
    };
    let albef = source.load(|root| Albef::new(root, &config)).unwrap();
    let seen = albef.see(&of("pixels"));
    assert_close(&seen, &of("seen"), &format!("{case}: seen"));
    let tokens = of("tokens");
    let mask =
        Tensor::arange(tokens.size()[1], (Kind::Int64, Device::Cpu)).lt_tensor(&of("lengths").unsqueeze(1));
    let logits = albef.logits(&tokens, &mask, &seen, &of("rows"));
    assert_close(&logits, &of("logits"), &format!("{case}: logits"));
    done.stdout
}

#[test]
fn an_albef_of_its_authors_training_says_what_it_said_there_on_larger_pictures() {
    let said = assert_says_what_its_original_says(&file("albef.pth"), "entailment");
    for part in [
        "`visual_encoder.pos_embed` was interpolated from 2x2 to 3x3 patches",
        "pictures of 16 pixels, the network sees 24",
        "is a slow copy that only training needs",
    ] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}

#[test]
fn an_albef_of_pretraining_with_a_head_taught_since_says_what_its_original_says() {
    let folder = tempfile::tempdir().unwrap();
    let [renamed, whole] = ["renamed", "whole"].map(|name| folder.path().join(name));
    let report = convert(&open("albef-pretrained.pth"), &albef::ALBEF, &renamed, None).unwrap();
    let dropped = |name: &str| report.dropped.iter().any(|dropped| dropped.name.starts_with(name));
    for name in
        ["image_queue", "text_queue", "queue_ptr", "temp", "itm_head", "text_encoder_m", "text_encoder.cls"]
    {
        assert!(dropped(name), "{name} was kept");
    }
    let mut tensors = Tensor::read_safetensors(&renamed).unwrap();
    for name in ["0.weight", "0.bias", "2.weight", "2.bias"] {
        tensors.push((format!("cls_head.{name}"), answer(&format!("pretrained.cls_head.{name}"))));
    }
    Tensor::write_safetensors(&tensors, &whole).unwrap();
    assert_says_what_its_original_says(&whole, "pretrained");
}
