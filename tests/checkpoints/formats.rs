//! Every format and every kind of tensor gives the numbers that torch put into it, and converting keeps them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use riveg::networks::checkpoint::{Checkpoint, Dtype, Float, Format, convert};
use riveg::networks::registry::family_of;
use riveg::networks::sam;
use safetensors::SafeTensors;

use super::{error_of, file, open};

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// A safetensors file as the format's own library reads it.
fn expected(path: &Path) -> Tensors {
    let bytes = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
    let own = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
    };
    tensors.into_iter().map(own).collect()
}

fn found(checkpoint: &Checkpoint) -> Tensors {
    let tensor = |name: &str| {
        let shape = checkpoint.shape(name).unwrap().to_vec();
        (checkpoint.dtype(name).unwrap(), shape, checkpoint.read(name).unwrap())
    };
    checkpoint.names().map(|name| (name.to_owned(), tensor(name))).collect()
}

#[test]
fn every_format_gives_the_numbers_that_were_saved() {
    let expected = expected(&file("mixed.safetensors"));
    assert_eq!(expected.len(), 20);
    let cases = [
        ("mixed-zip.pth", Format::TorchZip),
        ("mixed-zip-5.pth", Format::TorchZip),
        ("mixed-legacy.pth", Format::TorchLegacy),
        ("mixed-legacy-4.pth", Format::TorchLegacy),
        ("mixed.safetensors", Format::Safetensors),
    ];
    for (name, format) in cases {
        let checkpoint = open(name);
        assert_eq!(checkpoint.format(), format, "{name}");
        assert_eq!(checkpoint.place(), None, "{name}");
        assert_eq!(found(&checkpoint), expected, "{name}");
    }
}

#[test]
fn a_file_is_what_its_first_bytes_say_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    for (name, called) in [
        ("mixed-zip.pth", "a.safetensors"),
        ("mixed-legacy.pth", "a.zip"),
        ("mixed.safetensors", "pytorch_model.bin"),
    ] {
        let renamed = folder.path().join(called);
        fs::copy(file(name), &renamed).unwrap();
        assert_eq!(Checkpoint::open(&renamed).unwrap().format(), open(name).format(), "{name}");
    }
}

#[test]
fn a_state_dict_is_found_where_training_programs_put_it() {
    let small = open("in-model.pth");
    for place in ["model", "state_dict", "model_state_dict", "module"] {
        let checkpoint = open(&format!("in-{place}.pth"));
        assert_eq!(checkpoint.place(), Some(place));
        assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a.bias", "a.weight"], "{place}");
        assert_eq!(found(&checkpoint), found(&small), "{place}");
    }
    let nested = open("nested.pth");
    assert_eq!(found(&nested), found(&small));
    assert_eq!(nested.others(), [("version".to_owned(), "a number".to_owned())]);
}

#[test]
fn a_file_without_a_state_dict_says_what_it_has_instead() {
    for (name, part) in [
        ("no-state-dict.pth", "found a dictionary of `epoch`, `weights`"),
        ("only-a-tensor.pth", "found a tensor"),
        ("stranger-inside.pth", "`args`: expected a tensor, found an object made by `argparse.Namespace`"),
    ] {
        let error = error_of(name).to_string();
        assert!(error.contains(name) && error.contains(part), "{error}");
    }
}

#[test]
fn a_file_of_no_known_family_says_what_was_looked_for() {
    let error = family_of(&open("mixed-zip.pth")).unwrap_err().to_string();
    for part in [
        "mixed-zip.pth",
        "`image_encoder.patch_embed.proj.weight` of the original SAM",
        "`bf16`, `bool`",
        "15 more",
    ] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn converting_keeps_every_number_and_the_same_file_makes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    // Nothing is renamed in this family.
    let report = convert(&open("mixed-zip.pth"), &sam::SAM, &first, None).unwrap();
    convert(&open("mixed-legacy.pth"), &sam::SAM, &second, None).unwrap();
    assert_eq!(expected(&first), expected(&file("mixed.safetensors")));
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    assert_eq!((report.kept.len(), report.dropped.len()), (20, 0));
    assert_eq!(report.bytes, fs::metadata(&first).unwrap().len());
}

#[test]
fn converting_casts_what_has_fractions_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (out, before) = (folder.path().join("out"), expected(&file("mixed.safetensors")));
    for (float, dtype, error) in
        [(Float::F32, Dtype::F32, 1e-7), (Float::F16, Dtype::F16, 1e-3), (Float::Bf16, Dtype::BF16, 1e-2)]
    {
        convert(&open("mixed-zip.pth"), &sam::SAM, &out, Some(float)).unwrap();
        for (name, (found, shape, bytes)) in expected(&out) {
            let (stored, stored_shape, stored_bytes) = &before[&name];
            assert_eq!(&shape, stored_shape, "{name}");
            if let Some(stored) = numbers(*stored, stored_bytes) {
                assert_eq!(found, dtype, "{name}");
                for (was, is) in stored.iter().zip(numbers(found, &bytes).unwrap()) {
                    assert!((was - is).abs() <= error * was.abs().max(1e-3), "{name}: {was} became {is}");
                }
            } else {
                assert_eq!((&found, &bytes), (stored, stored_bytes), "{name}");
            }
        }
    }
}

/// Numbers with fractions, read by libtorch.
fn numbers(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f64>> {
    let (kind, width) = match dtype {
        Dtype::F64 => (tch::Kind::Double, 8),
        Dtype::F32 => (tch::Kind::Float, 4),
        Dtype::F16 => (tch::Kind::Half, 2),
        Dtype::BF16 => (tch::Kind::BFloat16, 2),
        _ => return None,
    };
    let tensor = tch::Tensor::from_data_size(bytes, &[(bytes.len() / width) as i64], kind);
    Some(Vec::try_from(tensor.to_kind(tch::Kind::Double)).unwrap())
}

#[test]
fn a_number_beyond_half_precision_is_refused_by_name_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.safetensors");
    fs::write(&out, "as it was").unwrap();
    let error = convert(&open("beyond-half.pth"), &sam::SAM, &out, Some(Float::F16)).unwrap_err().to_string();
    // 65519 is rounded to 65504, the last; 65520 is not.
    let said = "beyond-half.pth` does not fit: `weight`: expected numbers that F16 has a place for, found 6.552e4 as number 2";
    assert!(error.contains(said), "{error}");
    assert_eq!(fs::read(&out).unwrap(), b"as it was");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");
    convert(&open("beyond-half.pth"), &sam::SAM, &out, Some(Float::Bf16)).unwrap();
    assert_eq!(expected(&out)["weight"].0, Dtype::BF16);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("missing").join("out.safetensors");
    let error = convert(&open("in-model.pth"), &sam::SAM, &out, None).unwrap_err().to_string();
    assert!(error.contains("cannot write `") && error.contains("out.safetensors"), "{error}");
    let error = Checkpoint::open(&out).unwrap_err().to_string();
    assert!(error.contains("cannot read `") && error.contains("out.safetensors"), "{error}");
}

#[test]
fn what_fairseq_says_of_itself_is_read_from_its_settings_of_every_age() {
    let cases = [
        ("ofa-task-args.pt", Some(("args.task", "refcoco")), Some("args.patch_image_size")),
        ("ofa-task-cfg.pt", Some(("cfg.task._name", "snli_ve")), Some("cfg.task.patch_image_size")),
        ("ofa-task-omegaconf.pt", Some(("cfg.task._name", "snli_ve")), Some("cfg.task.patch_image_size")),
        ("ofa-fairseq.pt", None, Some("cfg.model.patch_image_size")),
        ("ofa.bin", None, None),
        ("sam.safetensors", None, None),
    ];
    for (name, task, side) in cases {
        let checkpoint = open(name);
        let settings = checkpoint.settings();
        let found = settings.task.as_ref().map(|task| (task.key.as_str(), task.value.as_str()));
        assert_eq!(found, task, "{name}");
        let found = settings.patch_image_size.as_ref().map(|side| (side.key.as_str(), side.value));
        assert_eq!(found, side.map(|key| (key, 48)), "{name}");
    }
}
