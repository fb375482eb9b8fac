//! Checkpoint target: an error with file and place, or tensors no larger than their file.

use std::io::Write;
use std::path::Path;

use riveg::networks::checkpoint::{Checkpoint, CheckpointError};

/// A file of any supported format.
pub fn checkpoint(input: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("temporary files can be made");
    file.write_all(input).expect("temporary files can be written");
    match Checkpoint::open(file.path()) {
        Ok(checkpoint) => read_whole(&checkpoint, input.len()),
        Err(error) => names_its_place(&error, file.path(), input.len()),
    }
}

/// The pickle of a legacy torch file, with its frame.
pub fn pickle(input: &[u8]) {
    // Torch's magic number, the version 1001, and {"little_endian": True}.
    const BEFORE: &[u8] =
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\r\0\0\0little_endian\x88s.";
    // No storage follows.
    const AFTER: &[u8] = b"\x80\x02].";
    checkpoint(&[BEFORE, input, AFTER].concat());
}

fn read_whole(checkpoint: &Checkpoint, length: usize) {
    for name in checkpoint.names() {
        let (shape, dtype) = (checkpoint.shape(name), checkpoint.dtype(name));
        let (Some(shape), Some(dtype)) = (shape, dtype) else { panic!("`{name}` has no shape or no type") };
        match checkpoint.read(name) {
            Ok(bytes) => {
                assert_eq!(bytes.len(), shape.iter().product::<usize>() * dtype.bitsize() / 8);
                assert!(bytes.len() <= length, "`{name}` is larger than its file");
            }
            Err(error) => panic!("`{name}` was found and cannot be read: {error}"),
        }
    }
}

fn names_its_place(error: &CheckpointError, file: &Path, length: usize) {
    let said = error.to_string();
    super::assert_sayable(&said);
    assert!(said.contains(&file.display().to_string()), "no file: {said}");
    match error {
        // A directory may point beyond the end, which is an error.
        CheckpointError::Damaged { position, .. }
        | CheckpointError::Refused { position, .. }
        | CheckpointError::TooMuch { position, .. } => {
            assert!(*position <= length as u64 || said.contains("the end of the file"), "{said}");
        }
        CheckpointError::Read { source, .. } => panic!("a file that is there was not read: {source}"),
        _ => {}
    }
}
