//! A published checkpoint, converted, loads strictly into the network here, and then says what the original says.

use std::fs;
use std::path::Path;

use riveg::networks::bundle::{load_weights, save_weights};
use riveg::networks::checkpoint::{Checkpoint, Family, Report, convert};
use riveg::networks::ofa;
use riveg::networks::ofa::{Ofa, OfaConfig};
use riveg::networks::registry::family_of;
use riveg::networks::sam;
use riveg::networks::sam::{Sam, SamConfig};
use riveg::networks::tagger;
use riveg::networks::tagger::{Positions, Tagger, TaggerConfig};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::{file, open};

/// Of the largest number that is compared. SAM's authors and Hugging Face add different numbers to variances.
const TOLERANCE: f64 = 1e-4;

fn answer(name: &str) -> Tensor {
    let answers = Tensor::read_safetensors(file("answers.safetensors")).unwrap();
    answers.into_iter().find(|(answer, _)| answer == name).unwrap().1
}

fn assert_close(ours: &Tensor, theirs: &Tensor, what: &str) {
    assert_eq!(ours.size(), theirs.size(), "{what}");
    let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
    let error = largest(&(ours - theirs)) / largest(theirs);
    println!("{what}: {error:.1e}");
    assert!(error < TOLERANCE, "{what}: relative error {error:e}");
}

/// Converts a file by the family that its names tell.
fn converted(name: &str, family: &'static Family, out: &Path) -> Report {
    let checkpoint = open(name);
    assert_eq!(family_of(&checkpoint).unwrap(), family, "{name}");
    convert(&checkpoint, family, out, None).unwrap()
}

/// Converts a file and fills a network with it, strictly.
fn load<N>(
    name: &str,
    family: &'static Family,
    make: impl FnOnce(&tch::nn::Path<'_>) -> N,
) -> (N, VarStore, Report) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.safetensors");
    let report = converted(name, family, &out);
    let store = VarStore::new(Device::Cpu);
    let network = make(&store.root());
    load_weights(&store, &out, fs::read(&out).unwrap().as_slice(), &[])
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    (network, store, report)
}

fn dropped(report: &Report) -> Vec<&str> {
    report.dropped.iter().map(|dropped| dropped.name.as_str()).collect()
}

fn text_config(type_vocabulary: i64) -> TaggerConfig {
    TaggerConfig {
        vocabulary: 40,
        hidden: 16,
        layers: 1,
        heads: 2,
        ffn: 24,
        max_positions: 20,
        positions: Positions::AfterPadding,
        type_vocabulary,
        layer_norm_eps: 1e-5,
        pad: 1,
        labels: 17,
        span: 0,
        convolution: 0,
    }
}

/// Converts an encoder and fills a tagger with it, strictly; what is new in a tagger stays as it was drawn.
fn load_encoder(name: &str, family: &'static Family, config: TaggerConfig) -> (Tagger, VarStore, Report) {
    let folder = tempfile::tempdir().unwrap();
    let (encoder, whole) = (folder.path().join("encoder"), folder.path().join("whole"));
    let report = converted(name, family, &encoder);
    let store = VarStore::new(Device::Cpu);
    let tagger = Tagger::new(&store.root(), config);
    let new = store.variables().into_iter().filter(|(name, _)| !name.starts_with("embedder."));
    let all: Vec<_> = Tensor::read_safetensors(&encoder).unwrap().into_iter().chain(new).collect();
    save_weights(all, &whole, Kind::Float).unwrap();
    load_weights(&store, &whole, fs::read(&whole).unwrap().as_slice(), &[])
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    (tagger, store, report)
}

#[test]
fn an_xlm_roberta_encodes_as_transformers_does() {
    let pieces = answer("text.pieces");
    let mask = pieces.ones_like().to_kind(Kind::Bool);
    let every_piece = Tensor::arange(9, (Kind::Int64, Device::Cpu)).expand([2, 9], false);
    for (name, family) in
        [("xlm-roberta.bin", &tagger::ROBERTA), ("xlm-roberta.safetensors", &tagger::BARE_ENCODER)]
    {
        let (tagger, store, report) = load_encoder(name, family, text_config(1));
        let of = |name: &str| store.variables()[name].shallow_clone();
        let expected = answer("text.hidden").linear(&of("linear.weight"), Some(of("linear.bias")));
        assert_close(&tagger.emissions(&pieces, &mask, &every_piece, 0.0), &expected, name);
        assert!(
            dropped(&report).iter().all(|name| {
                ["lm_head.", "pooler.", "position_ids"].iter().any(|part| name.contains(part))
            })
        );
    }
}

#[test]
fn a_bert_with_its_first_names_loads() {
    let config = TaggerConfig { positions: Positions::FromZero, ..text_config(2) };
    let (_tagger, store, report) = load_encoder("bert.bin", &tagger::BERT, config);
    // A gain is about 1, a shift about 0: taken for each other they would not be.
    let norm = |name: &str| {
        let name = format!("embedder.transformer_model.encoder.layer.0.output.LayerNorm.{name}");
        store.variables()[&name].mean(Kind::Float).double_value(&[])
    };
    assert!(norm("weight") > 0.7 && norm("bias").abs() < 0.5);
    let gain = report.kept.iter().find(|kept| kept.name.ends_with("0.output.LayerNorm.weight")).unwrap();
    assert_eq!(gain.published, "bert.encoder.layer.0.output.LayerNorm.gamma");
    assert!(dropped(&report).contains(&"cls.seq_relationship.weight"));
}

#[test]
fn a_tagger_of_adaseq_scores_labels_from_what_its_encoder_says() {
    let (tagger, store, _) = load("adaseq.bin", &tagger::ADASEQ, |root| Tagger::new(root, text_config(1)));
    let pieces = answer("text.pieces");
    let mask = pieces.ones_like().to_kind(Kind::Bool);
    let every_piece = Tensor::arange(9, (Kind::Int64, Device::Cpu)).expand([2, 9], false);
    let emissions = tagger.emissions(&pieces, &mask, &every_piece, 0.0);
    let of = |name: &str| store.variables()[name].shallow_clone();
    let expected = answer("text.hidden").linear(&of("linear.weight"), Some(of("linear.bias")));
    assert_close(&emissions, &expected, "adaseq.bin");
}

#[test]
fn ofa_of_fairseq_and_of_hugging_face_says_what_modelscope_says() {
    let folder = tempfile::tempdir().unwrap();
    let [fairseq, published] = ["fairseq", "published"].map(|name| folder.path().join(name));
    converted("ofa-fairseq.pt", &ofa::OFA_FAIRSEQ, &fairseq);
    converted("ofa.bin", &ofa::OFA, &published);
    assert_eq!(fs::read(&fairseq).unwrap(), fs::read(&published).unwrap());

    let config = OfaConfig {
        vocabulary: 40,
        d_model: 16,
        ffn: 16,
        heads: 2,
        encoder_layers: 1,
        decoder_layers: 1,
        resnet_layers: [1, 1, 1],
        resnet_width: 2,
        token_bucket: 8,
        image_bucket: 3,
        max_positions: 16,
        patch_image_size: 48,
        first_bin: 20,
        bins: 20,
        answers: [7, 8, 9],
    };
    for (name, family) in [("ofa-fairseq.pt", &ofa::OFA_FAIRSEQ), ("ofa.bin", &ofa::OFA)] {
        let (ofa, _store, report) = load(name, family, |root| Ofa::new(root, &config));
        let pixels = answer("ofa.pixels").to_kind(Kind::Float);
        let encoded = ofa.encode(&ofa.trunk(&pixels, false), &answer("ofa.tokens"), false);
        let logits = ofa.decode(&encoded, &answer("ofa.prefix"), false);
        assert_close(&logits, &answer("ofa.logits"), name);
        assert!(dropped(&report).contains(&"decoder.output_projection.weight"));
    }
}

#[test]
fn of_a_fairseq_file_only_the_state_dict_is_looked_at() {
    let checkpoint = open("ofa-fairseq.pt");
    assert_eq!(checkpoint.place(), Some("model"));
    assert!(checkpoint.others().is_empty());
    assert!(checkpoint.names().all(|name| name.starts_with("encoder.") || name.starts_with("decoder.")));
}

fn sam_config() -> SamConfig {
    SamConfig {
        image_size: 16,
        patch_size: 4,
        hidden: 8,
        layers: 2,
        heads: 2,
        mlp_ratio: 2.0,
        window: 3,
        global_layers: vec![1],
        output_channels: 8,
        decoder_layers: 2,
        decoder_heads: 2,
        decoder_mlp: 12,
        mask_threshold: 0.0,
        multimask: true,
    }
}

#[test]
fn sam_of_its_authors_finds_the_masks_that_their_code_finds() {
    let (sam, _store, report) = load("sam.pth", &sam::SAM_ORIGINAL, |root| Sam::new(root, &sam_config()));
    let cells = sam.encode(&answer("sam.pixels"));
    let (masks, ious) = sam.decode(&cells.expand([2, -1, -1, -1], false), &answer("sam.boxes"));
    assert_close(&masks, &answer("sam.masks"), "masks");
    assert_close(&ious, &answer("sam.ious"), "ious");
    assert!(report.dropped.is_empty());
}

#[test]
fn sam_of_hugging_face_loads_though_it_has_a_tensor_once_that_the_network_has_twice() {
    let (_sam, store, report) = load("sam.safetensors", &sam::SAM, |root| Sam::new(root, &sam_config()));
    let variables = store.variables();
    let (once, again) = (
        "shared_image_embedding.positional_embedding",
        "prompt_encoder.shared_embedding.positional_embedding",
    );
    assert!(variables[once].equal(&variables[again]));
    let copy = report.kept.iter().find(|kept| kept.name == again).unwrap();
    assert_eq!(copy.published, once);
}

#[test]
fn what_no_table_knows_keeps_its_name_and_strict_loading_complains_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let [with_extra, out] = ["in", "out"].map(|name| folder.path().join(name));
    let mut tensors = Tensor::read_safetensors(file("sam.safetensors")).unwrap();
    tensors.push(("adapter.weight".to_owned(), Tensor::ones([2], (Kind::Half, Device::Cpu))));
    Tensor::write_safetensors(&tensors, &with_extra).unwrap();
    let checkpoint = Checkpoint::open(&with_extra).unwrap();
    convert(&checkpoint, family_of(&checkpoint).unwrap(), &out, None).unwrap();
    let store = VarStore::new(Device::Cpu);
    let _sam = Sam::new(&store.root(), &sam_config());
    let error = load_weights(&store, &out, fs::read(&out).unwrap().as_slice(), &[]).unwrap_err().to_string();
    assert!(error.contains("`adapter.weight`: expected no tensor of that name in this network"), "{error}");
}
