//! Folders of Hugging Face: `config.json`, shards and vocabularies are found, and what does not fit is named. Through the
//! real binary.

use std::path::Path;

use tch::{Kind, Tensor};

use super::file;
use super::import::{OFA, import, names};

/// The `config.json` of the tiny SAM.
const SAM: &str = r#"{"model_type": "sam", "architectures": ["SamModel"],
    "vision_config": {"image_size": 16, "patch_size": 4, "hidden_size": 8, "num_hidden_layers": 2,
        "num_attention_heads": 2, "mlp_dim": 16, "window_size": 3, "global_attn_indexes": [1], "output_channels": 8},
    "mask_decoder_config": {"num_attention_heads": 2, "mlp_dim": 12, "hidden_size": 8}}"#;

fn folder(files: &[(&str, &str)], config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in files {
        std::fs::copy(file(from), folder.path().join(to)).unwrap();
    }
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    folder
}

/// The tiny SAM in two files with an index, one of them in bf16.
fn sharded() -> tempfile::TempDir {
    let folder = folder(&[], SAM);
    let all = Tensor::read_safetensors(file("sam.safetensors")).unwrap();
    let (first, second) = all.split_at(all.len() / 2);
    let mut index = serde_json::Map::new();
    for (name, tensors, kind) in [
        ("model-00001-of-00002.safetensors", first, None),
        ("model-00002-of-00002.safetensors", second, Some(Kind::BFloat16)),
    ] {
        let tensors: Vec<_> = tensors
            .iter()
            .map(|(name, tensor)| {
                (name, kind.map_or_else(|| tensor.shallow_clone(), |kind| tensor.to_kind(kind)))
            })
            .collect();
        index.extend(tensors.iter().map(|(tensor, _)| ((*tensor).clone(), name.into())));
        Tensor::write_safetensors(&tensors, folder.path().join(name)).unwrap();
    }
    let index = serde_json::json!({ "metadata": { "total_size": 0 }, "weight_map": index }).to_string();
    std::fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    folder
}

fn manifest(out: &Path) -> String {
    std::fs::read_to_string(out.join("bundle.toml")).unwrap()
}

#[test]
fn a_folder_gives_weights_and_dimensions_and_says_what_it_does_not_read() {
    let out = tempfile::tempdir().unwrap();
    let both = folder(&[("sam.safetensors", "model.safetensors"), ("ofa.bin", "pytorch_model.bin")], SAM);
    let done = import("segment", both.path(), "multimask=true", out.path(), &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("`pytorch_model.bin` beside it is not read"), "{}", done.stdout);
    assert!(done.stdout.contains("config.json` gives the dimensions"), "{}", done.stdout);
    let whole = manifest(out.path());
    assert!(whole.contains("global_layers = [1]") && whole.contains("multimask = true"), "{whole}");

    // In pieces it is the same network: the same names and shapes, one half of its numbers rounded.
    let done = import("segment", sharded().path(), "multimask=true", out.path(), &["--store", "f32"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let network = |text: &str| text.split("[segment.network]").nth(1).map(str::to_owned);
    assert_eq!(network(&manifest(out.path())), network(&whole));

    // Users change single dimensions.
    let ofa = folder(&[("ofa.bin", "pytorch_model.bin")], r#"{"model_type": "ofa", "d_model": 16}"#);
    let done = import("entail", ofa.path(), OFA, out.path(), &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}

#[test]
fn a_folder_that_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let missing = sharded();
    std::fs::remove_file(missing.path().join("model-00002-of-00002.safetensors")).unwrap();
    let weights = [("sam.safetensors", "model.safetensors")];
    let other = SAM.replace("\"model_type\": \"sam\"", "\"model_type\": \"t5\"");
    let class = SAM.replace("SamModel", "SamVisionModel");
    let wider = SAM.replace("\"hidden_size\": 8, \"num_hidden", "\"hidden_size\": 16, \"num_hidden");
    let flat = SAM.replace("\"mlp_dim\": 16", "\"mlp_dim\": 16, \"use_rel_pos\": false");
    for (folder, expected) in [
        (missing, "`model-00002-of-00002.safetensors`: expected the file beside it"),
        (folder(&weights, &other), "for the stage `segment`, found `t5`"),
        (folder(&weights, &class), "`architectures`: expected `SamModel`"),
        (folder(&weights, &wider), "model.safetensors` does not fit"),
        (folder(&weights, &flat), "`vision_config.use_rel_pos`: expected true, found false"),
        (folder(&weights, "{"), "config.json` is not a `config.json`"),
        (folder(&[], SAM), "`the weights`: expected one of `model.safetensors`"),
    ] {
        let out = tempfile::tempdir().unwrap();
        let done = import("segment", folder.path(), "", out.path(), &[]);
        assert_eq!(done.code, Some(1), "{}", done.stdout);
        assert!(done.stderr.contains(expected), "{expected}: {}", done.stderr);
        assert!(names(out.path()).is_empty(), "{expected}");
    }
}
