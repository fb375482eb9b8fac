//! Import of SAM 2.1: the authors' file and Hugging Face's of the same numbers become the same network, without the memory
//! of videos. `make_sam2.py` made the files.

use std::fs;
use std::path::{Path, PathBuf};

use riveg::networks::bundle::load_weights;
use riveg::networks::registry::family_of;
use riveg::networks::sam2::{SAM2, SAM2_ORIGINAL, Sam2, Sam2Config};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::import::{import, names};
use super::{file, open};

const NETWORK: &str = "image_size=32 widths=[4,8,16,32] heads=[1,2,4,8] blocks=[1,2,2,1] windows=[4,2,6,4] \
                       global_blocks=[4] position_side=3 output_channels=16 decoder_heads=2 decoder_mlp=12";

fn config() -> Sam2Config {
    Sam2Config {
        image_size: 32,
        widths: [4, 8, 16, 32],
        heads: [1, 2, 4, 8],
        blocks: [1, 2, 2, 1],
        windows: [4, 2, 6, 4],
        global_blocks: vec![4],
        position_side: 3,
        output_channels: 16,
        decoder_heads: 2,
        decoder_mlp: 12,
        ..Sam2Config::tiny()
    }
}

/// The weights that an import wrote.
fn weights(folder: &Path) -> PathBuf {
    let name = names(folder).into_iter().find(|name| name.starts_with("segment-")).unwrap();
    folder.join(name)
}

fn answer(name: &str) -> Tensor {
    let answers = Tensor::read_safetensors(file("sam2-answers.safetensors")).unwrap();
    answers.into_iter().find(|(answer, _)| answer == name).unwrap().1
}

/// What the folder of such a network says of its dimensions.
const CONFIG_JSON: &str = r#"{
    "model_type": "sam2_video",
    "architectures": ["Sam2VideoModel"],
    "vision_config": {
        "fpn_hidden_size": 16,
        "backbone_config": {
            "embed_dim_per_stage": [4, 8, 16, 32],
            "num_attention_heads_per_stage": [1, 2, 4, 8],
            "blocks_per_stage": [1, 2, 2, 1],
            "window_size_per_stage": [4, 2, 6, 4],
            "global_attention_blocks": [4],
            "window_positional_embedding_background_size": [3, 3]
        }
    },
    "prompt_encoder_config": {"image_size": 32},
    "mask_decoder_config": {"mlp_dim": 12, "num_attention_heads": 2}
}"#;

#[test]
fn sam2_of_its_authors_and_of_hugging_face_finds_the_masks_that_both_codes_find() {
    let published = tempfile::tempdir().unwrap();
    fs::copy(file("sam2.safetensors"), published.path().join("model.safetensors")).unwrap();
    fs::write(published.path().join("config.json"), CONFIG_JSON).unwrap();
    assert_eq!(family_of(&open("sam2.pt")).unwrap(), &SAM2_ORIGINAL);
    assert_eq!(family_of(&open("sam2.safetensors")).unwrap(), &SAM2);
    let mut files = Vec::new();
    for (name, from, network) in [
        ("the authors' file", file("sam2.pt"), NETWORK),
        ("Hugging Face's file", file("sam2.safetensors"), NETWORK),
        ("Hugging Face's folder", published.path().to_owned(), ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let finished = import("segment", &from, network, folder.path(), &["--store", "f16"]);
        assert_eq!(finished.code, Some(0), "{name}: {}", finished.stderr);
        assert!(finished.stdout.contains("belongs to the memory of videos"), "{}", finished.stdout);
        let path = weights(folder.path());

        let store = VarStore::new(Device::Cpu);
        let sam2 = Sam2::new(&store.root(), &config());
        load_weights(&store, &path, fs::read(&path).unwrap().as_slice(), &[]).unwrap();
        let sam2 = sam2.freeze();
        let boxes = answer("boxes");
        let rows = Tensor::zeros([boxes.size()[0]], (Kind::Int64, Device::Cpu));
        let decoded = tch::no_grad(|| sam2.decode(&sam2.encode(&answer("pixels")), &rows, &boxes));
        for (what, ours) in [("masks", decoded.masks), ("ious", decoded.ious)] {
            let theirs = answer(what);
            assert_eq!(ours.size(), theirs.size());
            let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
            let error = largest(&(ours - &theirs)) / largest(&theirs);
            assert!(error < 1e-4, "{name} {what}: relative error {error:e}");
        }
        files.push(fs::read(&path).unwrap());
    }
    assert!(files.iter().all(|one| one == &files[0]), "the same numbers become other files");
}

#[test]
fn a_table_of_points_that_lacks_a_row_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let lacking = folder.path().join("lacking.safetensors");
    let whole = open("sam2.pt");
    let kept = whole.names().filter(|name| !name.contains("point_embeddings.2"));
    let tensors: Vec<(&str, Tensor)> = kept
        .map(|name| {
            let shape: Vec<i64> = whole.shape(name).unwrap().iter().map(|&side| side as i64).collect();
            (name, Tensor::from_data_size(&whole.read(name).unwrap(), &shape, Kind::Half))
        })
        .collect();
    Tensor::write_safetensors(&tensors, &lacking).unwrap();
    let out = folder.path().join("out");
    let finished = import("segment", &lacking, NETWORK, &out, &[]);
    assert_ne!(finished.code, Some(0));
    for part in ["prompt_encoder.point_embed.weight", "[4, 16]", "[1, 16]"] {
        assert!(finished.stderr.contains(part), "{}", finished.stderr);
    }
}
