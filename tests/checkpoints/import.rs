//! Command `riveg bundle import`: good checkpoints become bundles, bad ones nothing. Through the real binary.

use std::path::Path;

use crate::support::{Finished, riveg};

use super::file;

pub(super) const TAGGER: &str = "vocabulary=40 hidden=16 layers=1 heads=2 ffn=24 max_positions=20 type_vocabulary=1 \
                      layer_norm_eps=1e-5 pad=1 labels=17";
pub(super) const OFA: &str = "vocabulary=40 d_model=16 ffn=16 heads=2 encoder_layers=1 decoder_layers=1 resnet_layers=[1,1,1] \
                   resnet_width=2 token_bucket=8 image_bucket=3 max_positions=16 patch_image_size=48 first_bin=20 \
                   bins=20 answers=[7,8,9]";
/// The types of RiVEG's taggers, which their files do not name.
pub(super) const TYPES: &[&str] = &["--types", "LOC,ORG,OTHER,PER"];
const SAM: &str = "image_size=16 patch_size=4 hidden=8 layers=2 heads=2 mlp_ratio=2.0 window=3 global_layers=[1] \
                   output_channels=8 decoder_layers=2 decoder_heads=2 decoder_mlp=12 multimask=true";

pub(super) fn import(stage: &str, from: &Path, network: &str, out: &Path, more: &[&str]) -> Finished {
    let (from, out) = (from.to_str().unwrap(), out.to_str().unwrap());
    let mut arguments = vec!["bundle", "import", "--stage", stage, "--from", from, "--out", out];
    arguments.extend(network.split_whitespace().flat_map(|value| ["--network", value]));
    arguments.extend(more);
    riveg(&arguments, b"")
}

/// A name with `#` for the part of a hash in it.
fn without_hash(name: &str) -> String {
    match name.split_once('-') {
        Some((stage, rest)) if rest.len() > 12 && rest.is_char_boundary(12) => {
            format!("{stage}-#{}", &rest[12..])
        }
        _ => name.to_owned(),
    }
}

/// All names in a folder; none where there is no folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn each_published_format_becomes_a_stage_of_one_bundle_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    for (stage, from, network) in [
        ("recognise", "adaseq.bin", TAGGER),
        ("entail", "ofa.bin", OFA),
        ("ground", "ofa-fairseq.pt", OFA),
        ("segment", "sam.safetensors", SAM),
        ("segment", "sam.pth", SAM),
    ] {
        let more: &[&str] = match stage {
            "ground" => &["--set", "beam=3", "--set", "bins_only=false", "--store", "bf16"],
            "recognise" => TYPES,
            _ => &[],
        };
        let finished = import(stage, &file(from), network, folder.path(), more);
        assert_eq!(finished.code, Some(0), "{from}: {}", finished.stderr);
        assert!(finished.stdout.starts_with(&format!("{stage}: ")), "{}", finished.stdout);
        assert!(!finished.stdout.contains("warning: "), "{}", finished.stdout);
    }
    // The same network in another format, in the same numbers.
    let twice = import("entail", &file("ofa-fairseq.pt"), OFA, folder.path(), &["--store", "bf16"]);
    assert!(twice.stdout.contains("that the stage `ground` has already"), "{}", twice.stdout);
    let bundle = folder.path().to_str().unwrap();
    let verified = riveg(&["bundle", "verify", bundle], b"");
    assert_eq!((verified.code, verified.stdout.matches(" ok ").count()), (Some(0), 5), "{}", verified.stdout);
    // Of the segmenter that was there first nothing is left; the names of weights carry a part of their hash.
    let names: Vec<_> = names(folder.path()).iter().map(|name| without_hash(name)).collect();
    let files = ["entail", "ground", "recognise", "segment"].map(|name| format!("{name}-#.safetensors"));
    assert_eq!((names[0].as_str(), &names[1..]), ("bundle.toml", files.as_slice()));
    let manifest = std::fs::read_to_string(folder.path().join("bundle.toml")).unwrap();
    assert!(manifest.contains("beam = 3") && manifest.contains("bins_only = false"), "{manifest}");
}

#[test]
fn what_cannot_be_imported_is_named_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let done = import("segment", &file("sam.pth"), SAM, folder.path(), &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let before = std::fs::read(folder.path().join("bundle.toml")).unwrap();
    let files = names(folder.path());

    let whole = std::fs::read(file("sam.pth")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let cut = elsewhere.path().join("cut.pth");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let wider = SAM.replace("hidden=8", "hidden=16");
    let preset: &[&str] = &["--preset", "sam-vit-x"];
    type Case<'case> = (&'case str, std::path::PathBuf, &'case str, &'case [&'case str], &'case [&'case str]);
    let cases: [Case<'_>; 15] = [
        (
            "recognise",
            file("adaseq.bin"),
            TAGGER,
            &[],
            &["adaseq.bin", "nothing says what they are", "17 rows", "`--types` (LOC,ORG,OTHER,PER for"],
        ),
        (
            "recognise",
            file("adaseq.bin"),
            TAGGER,
            &["--types", "LOC,ORG,PER"],
            &["`linear.weight` has 17 rows", "3 types make 13 labels in BIOES and 7 in BIO"],
        ),
        (
            "recognise",
            file("adaseq.bin"),
            TAGGER,
            &["--labels", "O,B-PER,I-PER"],
            &["`--labels` names 3 labels, but `linear.weight` has 17 rows"],
        ),
        (
            "recognise",
            file("adaseq.bin"),
            TAGGER,
            &["--types", "LOC,ORG,LOC,PER"],
            &["`--types LOC,ORG,LOC,PER` has a type twice"],
        ),
        ("segment", file("sam.pth"), SAM, TYPES, &["`segment`", "it has no labels"]),
        ("segment", cut, SAM, &[], &["cut.pth"]),
        ("segment", file("sam.pth"), &wider, &[], &["does not fit", "expected shape", "found shape"]),
        ("segment", file("sam.pth"), "", preset, &["unknown preset \"sam-vit-x\"", "`sam-vit-b`"]),
        (
            "segment",
            file("adaseq.bin"),
            SAM,
            &[],
            &["adaseq.bin", "cannot serve the stage `segment`", "a SAM"],
        ),
        ("recognise", file("sam.pth"), TAGGER, &[], &["sam.pth", "expected a tagger with its CRF"]),
        (
            "recognise",
            file("xlm-roberta.bin"),
            TAGGER,
            &[],
            &[
                "xlm-roberta.bin",
                "RoBERTa or XLM-R",
                "`linear.weight`",
                "published as `classifier.weight`",
                "fine-tune it",
            ],
        ),
        (
            "recognise",
            file("xlm-roberta.safetensors"),
            TAGGER,
            &[],
            &["xlm-roberta.safetensors", "text encoder", "the encoder alone", "fine-tuned"],
        ),
        ("recognise", file("harm-system.pth"), TAGGER, &[], &["`posix.system`", "nothing was run"]),
        (
            "entail",
            file("albef-pretrained.pth"),
            "",
            &["--preset", "albef-base"],
            &["albef-pretrained.pth", "`cls_head.0.weight`", "found none", "fine-tune it"],
        ),
        ("ground", elsewhere.path().join("none.pt"), OFA, &[], &["none.pt", "No such file"]),
    ];
    for (stage, from, network, more, parts) in cases {
        let refused = import(stage, &from, network, folder.path(), more);
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        for part in parts {
            assert!(refused.stderr.contains(part), "{part} is not in: {}", refused.stderr);
        }
        assert_eq!(std::fs::read(folder.path().join("bundle.toml")).unwrap(), before);
        assert_eq!(names(folder.path()), files);
    }
}

#[test]
fn what_a_killed_import_left_is_removed_by_the_next_one_and_a_refused_one_leaves_no_folder() {
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("new");
    let refused = import("segment", &file("sam.pth"), &SAM.replace("hidden=8", "hidden=16"), &folder, &[]);
    assert_eq!((refused.code, folder.exists()), (Some(1), false), "{}", refused.stderr);

    std::fs::create_dir_all(folder.join(".import1234")).unwrap();
    std::fs::write(folder.join(".import1234").join("segment.safetensors"), "half of it").unwrap();
    std::fs::write(folder.join("segment-0123456789ab.safetensors"), "brought, but never named").unwrap();
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    let done = import("segment", &file("sam.pth"), SAM, &folder, &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let names: Vec<_> = names(&folder).iter().map(|name| without_hash(name)).collect();
    assert_eq!(names, ["bundle.toml", "notes.txt", "segment-#.safetensors"]);
    assert!(!folder.join("segment-0123456789ab.safetensors").exists());
    let again = import("segment", &file("sam.pth"), SAM, &folder, &[]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let bundle = folder.to_str().unwrap();
    assert_eq!(riveg(&["bundle", "verify", bundle], b"").code, Some(0));
}
