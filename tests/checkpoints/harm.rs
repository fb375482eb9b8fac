//! Harmful and broken checkpoint files: an error names place and fault, whatever the bytes.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use riveg::networks::checkpoint::{Checkpoint, CheckpointError};

use super::{error_of, file};

#[test]
fn functions_that_a_pickle_calls_are_refused_by_name_at_their_place_in_the_file() {
    let cases = [
        ("harm-system.pth", "posix", "system"),
        ("harm-eval.pth", "__builtin__", "eval"),
        // As protocol 2 says it, by the names of Python 2; a reader in Python takes it for `subprocess`.
        ("harm-popen.pth", "commands", "Popen"),
        ("harm-getattr.pth", "builtins", "getattr"),
        ("harm-whole-network.pth", "torch.nn.modules.linear", "Linear"),
    ];
    for (file_name, expected_module, expected_name) in cases {
        let error = error_of(file_name);
        let said = error.to_string();
        assert!(said.contains(file_name) && said.contains("nothing was run"), "{said}");
        let CheckpointError::Refused { position, module, name, .. } = error else {
            panic!("{file_name}: {said}");
        };
        assert_eq!((module.as_str(), name.as_str()), (expected_module, expected_name), "{file_name}");
        // What stands there: GLOBAL and the two names, or STACK_GLOBAL, whose names came before.
        let bytes = fs::read(file(file_name)).unwrap();
        let there = &bytes[position as usize..];
        let global = format!("c{module}\n{name}\n");
        assert!(there.starts_with(global.as_bytes()) || there[0] == 0x93, "{file_name} at {position}");
    }
}

#[test]
fn what_would_take_memory_or_time_without_end_is_refused_at_once() {
    let cases = [
        ("harm-bomb.pth", "expected at most 8 levels, found a dictionary"),
        ("harm-circle.pth", "expected at most 8 levels, found a dictionary"),
        ("harm-length.pth", "expected text of 1152921504606846976 bytes, found an end after 2 bytes"),
        ("harm-marks.pth", "expected at most 1000 containers inside each other, found more"),
        (
            "harm-repeated.pth",
            "within the 4 numbers of its storage, found offset 0, shape [1099511627776], stride [0]",
        ),
        (
            "harm-overlong.pth",
            "within the 4 numbers of its storage, found offset 1, shape [2, 2], stride [2, 1]",
        ),
        ("harm-overflow.pth", "within the 4 numbers of its storage, found offset 0"),
        ("harm-storage.pth", "`data/0`: expected 1125899906842624 numbers of F32, found 16 bytes"),
        ("harm-cut.pth", "expected 2 numbers of F32, found an end at"),
    ];
    for (name, part) in cases {
        let error = error_of(name).to_string();
        assert!(error.contains(name) && error.contains(part), "{error}");
    }
}

#[test]
fn an_archive_that_torch_did_not_write_is_refused() {
    let cases = [
        ("harm-missing.pth", "`data/../0`: expected an entry of the archive, found none"),
        ("harm-deflated.pth", "`data.pkl`: expected an entry stored as it is, found"),
        ("harm-byteorder.pth", "`byteorder`: expected little, found big"),
        ("harm-other-zip.pth", "as torch writes, found 0 of them, among `word/document.xml`"),
        ("harm-plain-pickle.pth", "is no checkpoint: expected the first bytes of"),
    ];
    for (name, part) in cases {
        let error = error_of(name).to_string();
        assert!(error.contains(name) && error.contains(part), "{error}");
    }
}

/// Opens a file and reads all of it.
fn read_all(path: &Path) -> Result<(), CheckpointError> {
    let checkpoint = Checkpoint::open(path)?;
    let length = fs::metadata(path).unwrap().len();
    for name in checkpoint.names() {
        let read = checkpoint.read(name)?;
        assert!(read.len() as u64 <= 8 * length, "`{name}` is larger than its file");
    }
    Ok(())
}

/// One of each format, small.
const SMALL: [&str; 3] = ["in-model.pth", "mixed-legacy-4.pth", "mixed.safetensors"];

#[test]
fn a_file_that_ends_anywhere_too_early_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for name in SMALL {
        let path = folder.path().join(name);
        let length = fs::copy(file(name), &path).unwrap();
        read_all(&path).unwrap();
        let cut = File::options().write(true).open(&path).unwrap();
        for end in (0..length).rev() {
            cut.set_len(end).unwrap();
            assert!(read_all(&path).is_err(), "{name} was read without its last {} bytes", length - end);
        }
    }
}

#[test]
fn a_file_with_bytes_changed_is_read_or_refused_and_no_worse() {
    let folder = tempfile::tempdir().unwrap();
    let mut draw = ChaCha8Rng::seed_from_u64(11);
    let mut refused = 0;
    for name in SMALL {
        let path = folder.path().join(name);
        let bytes = fs::read(file(name)).unwrap();
        fs::write(&path, &bytes).unwrap();
        // In place: a file that is written anew each time waits for the disk each time.
        let target = File::options().write(true).open(&path).unwrap();
        for _ in 0..2000 {
            let mut changed = bytes.clone();
            for _ in 0..draw.random_range(1..4) {
                let place = draw.random_range(0..changed.len());
                changed[place] = draw.random();
            }
            target.write_all_at(&changed, 0).unwrap();
            refused += usize::from(read_all(&path).is_err());
        }
    }
    assert!(refused > 1000, "only {refused} changes were noticed: nothing was tested");
}
