//! Import of a Grounding DINO as transformers writes it: both stages give the scores and boxes of the original, and what does
//! not fit is named.

use std::path::Path;
use std::sync::Arc;

use riveg::common::imaging::Picture;
use riveg::domain::ContentHash;
use riveg::networks::blocks::remembered::Remembered;
use riveg::networks::bundle::Bundle;
use riveg::scheduler::Model;
use riveg::stages::{entail, ground};
use tch::{Device, Tensor};

use super::file;
use super::import::{import, names};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/grounding_dino.safetensors");

/// What transformers writes beside the fixture's network, without what has its default.
const CONFIG: &str = r#"{"model_type": "grounding-dino", "architectures": ["GroundingDinoForObjectDetection"],
    "backbone_config": {"model_type": "swin", "embed_dim": 8, "depths": [2, 2, 1, 2], "num_heads": [1, 2, 2, 4],
        "window_size": 3, "image_size": 32, "out_indices": [2, 3, 4], "out_features": ["stage2", "stage3", "stage4"]},
    "text_config": {"model_type": "bert", "vocab_size": 1100, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 20},
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "num_queries": 20,
    "encoder_n_points": 2, "decoder_n_points": 2, "max_text_len": 16}"#;

fn fixture() -> Vec<(String, Tensor)> {
    Tensor::read_safetensors(FIXTURE).unwrap()
}

fn get(fixture: &[(String, Tensor)], name: &str) -> Tensor {
    fixture.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no `{name}`")).1.shallow_clone()
}

/// A folder with the network's file, changed.
fn published(change: impl FnOnce(&mut Vec<(String, Tensor)>)) -> tempfile::TempDir {
    let own = fixture().into_iter();
    let mut own: Vec<(String, Tensor)> =
        own.filter_map(|(name, tensor)| Some((name.strip_prefix("model.")?.to_owned(), tensor))).collect();
    change(&mut own);
    let folder = tempfile::tempdir().unwrap();
    Tensor::write_safetensors(&own, folder.path().join("model.safetensors")).unwrap();
    std::fs::write(folder.path().join("config.json"), CONFIG).unwrap();
    folder
}

/// Gate and grounder from one file, which is kept once.
fn imported(from: &Path, out: &Path) {
    for stage in ["entail", "ground"] {
        let done = import(stage, from, "", out, &[]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(done.stdout.contains("is a norm behind the trunk's last stage"), "{}", done.stdout);
    }
}

#[test]
fn an_imported_grounding_dino_gates_and_grounds_as_its_original() {
    let (from, out) = (published(|_| ()), tempfile::tempdir().unwrap());
    imported(from.path(), out.path());
    let manifest = std::fs::read_to_string(out.path().join("bundle.toml")).unwrap();
    assert!(manifest.contains("threshold = 0.25"), "{manifest}");
    assert_eq!(manifest.matches(r#"prompt = "{phrase}.""#).count(), 2, "{manifest}");
    let bundle = Bundle::open(out.path()).unwrap();
    let remembered = Remembered::within(1 << 24);
    let (mut entailer, mut grounder) = bundle.entailer_and_grounder(Device::Cpu, &remembered).unwrap();
    let fixture = fixture();
    let mut scores = Vec::new();
    for case in Vec::<Vec<i64>>::try_from(get(&fixture, "cases")).unwrap() {
        let (number, prompt) = (case[0], case[1]);
        let of = |tap: &str| get(&fixture, &format!("case.{number}.{prompt}.{tap}"));
        let levels = get(&fixture, &format!("picture.{number}"));
        let (height, width) = (levels.size()[0] as u32, levels.size()[1] as u32);
        let picture = Arc::new(Picture {
            hash: ContentHash([number as u8; 32]),
            width,
            height,
            original_width: width,
            original_height: height,
            rgb: Vec::try_from(levels.flatten(0, -1)).unwrap(),
        });
        let prompt: Vec<i64> = Vec::try_from(get(&fixture, &format!("prompt.{prompt}"))).unwrap();
        let prompt: Vec<u32> = prompt.into_iter().map(|id| id as u32).collect();
        let gate = entail::Request { picture: Arc::clone(&picture), prompt: prompt.clone() };
        let verdict = entailer.run(&[gate]).unwrap()[0];
        let found = grounder.run(&[ground::Request { picture, prompt }]).unwrap().remove(0);
        let score = of("score").double_value(&[]) as f32;
        assert!((verdict.yes - score).abs() < 1e-4 && (found.likelihood() - score).abs() < 1e-4, "{score}");
        let best: Vec<f64> =
            Vec::try_from(of("boxes").get(of("best").int64_value(&[])).to_kind(tch::Kind::Double)).unwrap();
        assert!((found.corners[0] + found.corners[2] - 2.0 * best[0]).abs() < 1e-4, "{found:?}");
        scores.push(score);
    }
    assert_eq!(scores.len(), 6);
    // The second question about a phrase needs neither trunk nor encoder.
    assert_eq!(grounder.pictures_read().load(std::sync::atomic::Ordering::Relaxed), 0);
}

/// The dimensions of the fixture, for a file without a `config.json`.
const DIMENSIONS: &str = "shortest_side=100 longest_side=140 swin_width=8 swin_depths=[2,2,1,2] swin_heads=[1,2,2,4] \
                          swin_window=3 vocabulary=1100 delimiters=[101,102,1012,1029] text_hidden=16 text_layers=2 \
                          text_heads=2 text_ffn=24 max_positions=20 type_vocabulary=2 max_text=16 d_model=32 ffn=48 \
                          heads=4 encoder_layers=2 decoder_layers=2 points=2 queries=20";

#[test]
fn a_grounding_dino_of_its_authors_has_the_weights_of_the_one_that_transformers_made_of_it() {
    let (ported, original) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = published(|_| ());
    let done = import("ground", from.path(), "", ported.path(), &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let done = import("ground", &file("grounding-dino.pth"), DIMENSIONS, original.path(), &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for part in [
        "repeats the first layer's, which all layers share",
        "is read in training alone",
        "is a layer of BERT behind the words, which is not read",
    ] {
        assert!(done.stdout.contains(part), "{part} is not in: {}", done.stdout);
    }
    let weights = |folder: &Path| {
        let bundle = Bundle::open(folder).unwrap();
        let mut tensors =
            Tensor::read_safetensors(bundle.path(bundle.ground().unwrap().weights.entry().unwrap())).unwrap();
        tensors.sort_by(|one, other| one.0.cmp(&other.0));
        tensors
    };
    let (ported, original) = (weights(ported.path()), weights(original.path()));
    assert_eq!(ported.len(), original.len());
    for ((name, ours), (other, theirs)) in ported.iter().zip(&original) {
        assert_eq!((name, ours.size()), (other, theirs.size()));
        assert!(ours.equal(theirs), "{name}");
    }
}

#[test]
fn a_grounding_dino_that_does_not_fit_is_refused_by_name_and_changes_nothing() {
    const BIAS: &str = "bbox_embed.0.layers.2.bias";
    let other_layer = published(|tensors| {
        let bias = get(tensors, BIAS);
        tensors.push(("bbox_embed.1.layers.2.bias".to_owned(), bias + 1.0));
    });
    let lacking = published(|tensors| tensors.retain(|(name, _)| name != BIAS));
    let strange = published(|tensors| {
        let bias = get(tensors, BIAS);
        tensors.push(("class_embed.0.bias".to_owned(), bias));
    });
    let cases = [
        (other_layer, "`bbox_embed.1.layers.2.bias`: expected the numbers of `bbox_embed.0.layers.2.bias`"),
        (lacking, "`bbox_embed.0.layers.2.bias`: expected shape [4], found no such tensor"),
        (strange, "`class_embed.0.bias`: expected no tensor of that name in this network"),
    ];
    for (from, expected) in cases {
        let out = tempfile::tempdir().unwrap();
        let done = import("ground", from.path(), "", out.path(), &[]);
        assert_eq!(done.code, Some(1), "{}", done.stdout);
        assert!(done.stderr.contains(expected), "{expected} is not in {}", done.stderr);
        assert_eq!(names(out.path()), [""; 0]);
    }
}
