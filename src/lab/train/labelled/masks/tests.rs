//! Tests of the training of a segmenter: resuming, frozen parts, bundles that result, SAM 2, and faults of masks.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use serde_json::json;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};
use toml::{Table, Value};

use super::super::test_support::{
    self, SEED, Watched, drawn, falls, is_near, limits, tensor, trained_twice, weights,
};
use super::regions::{Reading, Region, Regions};
use super::{MaskRecipe, MaskTraining};
use crate::lab::train::Machine;
use crate::lab::world::{Split, World};
use crate::networks::bundle::tiny::bundle::without_tokenizers;
use crate::networks::bundle::tiny::sam2::sam2;
use crate::networks::bundle::{Bundle, Segment, Weights, save_weights, write_manifest};
use crate::networks::descriptor::Network;
use crate::networks::sam2::{self, Sam2};
use crate::networks::weights::randomise;
use crate::scheduler::Model;
use crate::stages::segment::Request;

/// Posts of the two splits.
const POSTS: [(Split, u64); 2] = [(Split::Train, 8), (Split::Dev, 4)];

/// A tiny segmenter in a bundle, and a data set.
struct Given {
    bundle: tempfile::TempDir,
    folder: tempfile::TempDir,
}

fn given() -> Given {
    Given { bundle: without_tokenizers(), folder: drawn(POSTS) }
}

impl Given {
    fn training(&self, work: &str, changes: &[(&str, Value)]) -> MaskTraining {
        let own = [
            ("steps.epochs", Value::from(2)),
            ("steps.batch", Value::from(4)),
            ("steps.at_once", Value::from(3)),
            ("steps.patience", Value::from(0)),
            ("steps.checkpoint", Value::from(2)),
            ("rates.network", Value::from(1e-2)),
        ];
        let changes = test_support::changes(&[&own[..], changes].concat());
        MaskTraining {
            data: self.folder.path().join("data"),
            from: self.bundle.path().to_owned(),
            recipe: MaskRecipe::read("segmenter", &changes).unwrap(),
            decode: limits(),
            work: self.folder.path().join(work),
            out: self.folder.path().join(work).join("bundle"),
            // The number is one of the test's own thread: others do not change it between two trainings.
            machine: Machine { device: Device::Cpu, threads: Some(1) },
        }
    }

    /// Why a training does not begin.
    fn refused(&self) -> String {
        let training = self.training("refused", &[]);
        let mut watched = Watched::default();
        let error = training.run(&mut watched).unwrap_err();
        assert!(watched.losses.is_empty() && !training.out.exists(), "nothing is trained");
        format!("{error:#}")
    }

    /// Changes the lines of a file of the train split.
    fn change(&self, file: &str, change: impl FnOnce(&mut Vec<serde_json::Value>)) {
        let file = self.folder.path().join("data/train").join(file);
        let text = fs::read_to_string(&file).unwrap();
        let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        change(&mut lines);
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        fs::write(&file, lines.join("\n")).unwrap();
    }
}

/// The mean overlap of the masks that the engine makes in the boxes of the dev split.
fn engine_score(bundle: &Bundle, given: &Given) -> f64 {
    let mut segmenter = bundle.segmenter(Device::Cpu, 0).unwrap();
    let view = bundle.segment().unwrap().network.view();
    let (data, work) = (given.folder.path().join("data"), given.folder.path().join("at-work"));
    let (limits, mut overlaps) = (limits(), Vec::new());
    let dev = Regions::read("dev", Reading { data: &data, work: &work, decode: &limits }).unwrap();
    for Region { picture, bbox, mask } in &dev.regions {
        let frame = dev.pictures[*picture].frame(&limits).unwrap();
        let request = Request { picture: view.of(&frame), boxes: vec![*bbox] };
        let answer = segmenter.run(&[request]).unwrap().remove(0).remove(0);
        overlaps.push(f64::from(answer.mask.iou(mask)));
    }
    overlaps.iter().sum::<f64>() / overlaps.len() as f64
}

#[test]
fn a_segmenter_learns_and_goes_on_to_the_same_bits_and_becomes_that_of_a_bundle() {
    let given = given();
    let folder = given.folder.path();
    let learning = [("frozen.image_encoder", Value::from(false))];
    let run = |work: &str, watched: &mut Watched| given.training(work, &learning).run(watched);
    let (trained, losses) = trained_twice((folder, "segmenter"), 3, run);
    assert!(falls(&losses), "{losses:?}");
    let bundle = Bundle::open(&folder.join("whole/bundle")).unwrap();
    let record = bundle.segment().unwrap().training.clone().unwrap();
    assert_eq!((record.measure.as_str(), record.steps), ("mIoU", [trained.steps, trained.best_step]));
    let world = World::new(SEED, Split::Train);
    let shown = (0..POSTS[0].1).map(|post| world.sample(post).mentions);
    let shown: Vec<usize> =
        shown.map(|mentions| mentions.iter().map(|mention| mention.objects.len()).sum()).collect();
    assert_eq!(record.posts[0], shown.iter().filter(|&&regions| regions > 0).count());
    assert_eq!((record.regions.unwrap()[0], record.pairs), (shown.iter().sum(), None));

    // At work the bundle has the score that the training found.
    let at_work = engine_score(&bundle, &given);
    assert!((at_work - trained.score).abs() < 1e-3, "{at_work} {}", trained.score);

    // The encoder stays, and encodings that are kept change nothing.
    let once = [("steps.epochs", Value::from(1))];
    let mut kept = Watched::default();
    given.training("kept", &once).run(&mut kept).unwrap();
    let none = [&once[..], &[("frozen.encodings", Value::from(0))]].concat();
    let mut anew = Watched::default();
    given.training("anew", &none).run(&mut anew).unwrap();
    assert_eq!(kept.losses, anew.losses, "to the bit");
    assert!(weights(folder, "kept", "segmenter") == weights(folder, "anew", "segmenter"));
    let of = |work: &str, name: &str| tensor(&folder.join(work).join("segmenter.safetensors"), name);
    for (name, stays) in [
        ("vision_encoder.patch_embed.projection.weight", true),
        ("prompt_encoder.point_embed.2.weight", true),
        ("mask_decoder.mask_tokens.weight", false),
        ("mask_decoder.iou_prediction_head.proj_out.weight", false),
    ] {
        let begun = tensor(&given.bundle.path().join("segment.safetensors"), name);
        assert_eq!(of("kept", name) == begun, stays, "{name}");
        let never_learns = name.starts_with("prompt_encoder.");
        assert_eq!(of("whole", name) == begun, never_learns, "{name}");
    }
}

#[test]
fn a_sam_2_is_trained_through_the_same_steps() {
    let given = given();
    let folder = given.bundle.path();
    let store = VarStore::new(Device::Cpu);
    drop(Sam2::new(&store.root(), &sam2()));
    randomise(&store, 5);
    save_weights(store.variables(), &folder.join("sam2.safetensors"), Kind::Float).unwrap();
    let mut manifest = Bundle::open(folder).unwrap().manifest().clone();
    let segment = manifest.segment.take().unwrap();
    let (network, weights) = (Network::of(&sam2::SEGMENT, &sam2()), Weights::named("sam2.safetensors"));
    manifest.segment = Some(Segment { network, weights, ..segment });
    write_manifest(folder, manifest).unwrap();

    let mut watched = Watched::default();
    let trained = given.training("sam2", &[]).run(&mut watched).unwrap();
    assert!(falls(&watched.losses), "{:?}", watched.losses);
    let bundle = Bundle::open(&given.folder.path().join("sam2/bundle")).unwrap();
    let at_work = engine_score(&bundle, &given);
    assert!((at_work - trained.score).abs() < 1e-3, "{at_work} {}", trained.score);
    let file = given.folder.path().join("sam2/segmenter.safetensors");
    for (name, stays) in [("no_memory_embedding", true), ("mask_decoder.mask_tokens.weight", false)] {
        assert_eq!(tensor(&file, name) == tensor(&folder.join("sam2.safetensors"), name), stays, "{name}");
    }
}

#[test]
fn a_segmenter_learns_in_bf16_nearly_as_in_32_bits() {
    let given = given();
    let run = |precision: &str| {
        let mut watched = Watched::default();
        let keys = [
            ("precision", Value::from(precision)),
            ("steps.epochs", Value::from(1)),
            ("rates.network", Value::from(1e-3)),
            ("frozen.image_encoder", Value::from(false)),
        ];
        given.training(precision, &keys).run(&mut watched).unwrap();
        (watched.losses, given.folder.path().join(precision).join("segmenter.safetensors"))
    };
    let ((exact, _), (rounded, file)) = (run("f32"), run("bf16"));
    is_near(&rounded, &exact, (&file, "vision_encoder.patch_embed.projection.weight"));
}

#[test]
fn a_segmenter_changes_by_adapters_alone_and_its_bundle_has_the_sum() {
    let given = given();
    let keys = [
        ("adapters.rank", Value::from(2)),
        ("adapters.targets", Value::from(vec!["cross_attn_token_to_image.q_proj", "attn.qkv"])),
        ("adapters.whole", Value::from(vec!["mask_tokens"])),
        ("frozen.image_encoder", Value::from(false)),
    ];
    given.training("adapted", &keys).run(&mut Watched::default()).unwrap();
    let read = |file: &Path| -> HashMap<String, Tensor> {
        Tensor::read_safetensors(file).unwrap().into_iter().collect()
    };
    let begun = read(&given.bundle.path().join("segment.safetensors"));
    let trained = read(&given.folder.path().join("adapted/segmenter.safetensors"));
    let mut changed = BTreeSet::new();
    for (name, before) in begun {
        let difference: Tensor = &trained[&name] - before.to_kind(Kind::Float);
        if difference.abs().max().double_value(&[]) == 0.0 {
            continue;
        }
        if name.ends_with("mask_tokens.weight") {
            changed.insert("mask_tokens");
            continue;
        }
        let target = ["cross_attn_token_to_image.q_proj.weight", "attn.qkv.weight"];
        let target = target.into_iter().find(|target| name.ends_with(target));
        changed.insert(target.unwrap_or_else(|| panic!("{name} has changed")));
        let (_, singular, _) = difference.to_kind(Kind::Double).svd(true, false);
        let singular = Vec::<f64>::try_from(singular).unwrap();
        assert!(singular[2] < 1e-4 * singular[0], "{name}: {singular:?}");
    }
    assert_eq!(changed.len(), 3, "{changed:?}");
    let bundle = Bundle::open(&given.folder.path().join("adapted/bundle")).unwrap();
    let record = bundle.segment().unwrap().training.clone().unwrap();
    assert_eq!(record.recipe["adapters"]["rank"].as_integer(), Some(2));

    // A frozen encoder has none.
    let frozen = given.training("frozen", &[keys[0].clone(), keys[1].clone()]);
    let error = format!("{:#}", frozen.run(&mut Watched::default()).unwrap_err());
    assert!(
        error.contains("`adapters.targets` has `attn.qkv`, which is in the name of no matrix"),
        "{error}"
    );
}

/// The regions of a line of `gold.jsonl` that has some.
fn shown(lines: &mut [serde_json::Value]) -> impl Iterator<Item = &mut serde_json::Value> {
    let mentions = lines.iter_mut().flat_map(|line| line["mentions"].as_array_mut().unwrap());
    mentions.filter(|mention| !mention["boxes"].as_array().unwrap().is_empty())
}

#[test]
fn every_damaged_mask_and_picture_is_named_before_anything_is_trained() {
    let given = given();
    // A mask of another size, a box outside of its picture, and half of a picture.
    let mut last = None;
    given.change("gold.jsonl", |lines| {
        let has_regions = |line: &serde_json::Value| {
            let mentions = line["mentions"].as_array().unwrap();
            mentions.iter().any(|mention| !mention["boxes"].as_array().unwrap().is_empty())
        };
        last = lines.iter().rposition(has_regions);
        let mut shown = shown(lines);
        let first = shown.next().unwrap();
        first["masks"][0] = json!({ "size": [2, 3], "counts": [1, 2, 3] });
        shown.next().unwrap()["boxes"][0] = json!([900, 900, 950, 950]);
    });
    let last = last.unwrap();
    given.change("feed.jsonl", |lines| {
        let bytes = &mut lines[last]["media"][0]["bytes"];
        let text = bytes.as_str().unwrap();
        *bytes = text[..text.len() / 8 * 4].into();
    });
    let said = given.refused();
    for part in [
        "the split `train` is damaged",
        "its mask is of 3 x 2, its picture of ",
        "the box 900,900,950,950 lies outside of its picture",
        &format!("post `train-{SEED}-{last:06}`, picture `"),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn regions_that_teach_nothing_are_left_out_and_data_without_masks_is_refused() {
    let given = given();
    let read = || {
        let (data, work) = (given.folder.path().join("data"), given.folder.path().join("work"));
        Regions::read("train", Reading { data: &data, work: &work, decode: &limits() })
            .map_err(|error| error.to_string())
    };
    let before = read().unwrap();
    given.change("gold.jsonl", |lines| {
        let mut shown = shown(lines);
        // A mask without a pixel, and a region that two entities share.
        let first = shown.next().unwrap();
        let size = first["masks"][0]["size"].clone();
        let all = size[0].as_u64().unwrap() * size[1].as_u64().unwrap();
        first["masks"][0] = json!({ "size": size, "counts": [all] });
        let second = shown.next().unwrap();
        for key in ["boxes", "masks"] {
            let same = second[key][0].clone();
            second[key].as_array_mut().unwrap().push(same);
        }
    });
    let after = read().unwrap();
    assert_eq!(after.regions.len(), before.regions.len() - 1);
    assert_ne!(after.hash, before.hash);

    given.change("gold.jsonl", |lines| shown(lines).for_each(|mention| mention["masks"] = json!([])));
    let said = given.refused();
    assert!(
        said.contains("has no mask to learn from: ") && said.contains(" regions have a box alone"),
        "{said}"
    );
}

#[test]
fn only_a_segmenter_with_weights_is_trained_and_pictures_must_stay_as_they_were() {
    let given = given();
    let manifest = given.bundle.path().join("bundle.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut table: Table = text.parse().unwrap();
    table["segment"]["weights"] = Value::Table(Table::from_iter(
        [("random", Value::from(1))].map(|(key, value)| (key.to_owned(), value)),
    ));
    fs::write(&manifest, table.to_string()).unwrap();
    let random = given.refused();
    assert!(random.contains("it has no weights: they are drawn at random"), "{random}");
    table.remove("segment");
    fs::write(&manifest, table.to_string()).unwrap();
    let none = given.refused();
    assert!(none.contains("failed to begin with the segmenter of"), "{none}");

    let (data, work) = (given.folder.path().join("data"), given.folder.path().join("work"));
    let dev = Regions::read("dev", Reading { data: &data, work: &work, decode: &limits() }).unwrap();
    for kept in fs::read_dir(work.join("pictures")).unwrap() {
        fs::write(kept.unwrap().path(), "another").unwrap();
    }
    let error = dev.pictures[0].frame(&limits()).unwrap_err().to_string();
    assert!(error.contains("has changed since it was checked"), "{error}");
}
