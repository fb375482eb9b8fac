//! Torch's files from before its zip archives: four pickles, then each storage's length and numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{contents, size};
use crate::networks::checkpoint::CheckpointError;
use crate::networks::checkpoint::input::Input;
use crate::networks::checkpoint::pickle::{self, Foreign, Pickled, Storage, Value};
use crate::networks::checkpoint::tensor::Contents;

/// The number that torch begins its files with, lowest byte first.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The only version of the layout there has been.
const VERSION: i64 = 1001;

/// How long the pickle of the magic number is that a file begins with, if it does.
pub(crate) fn magic_length(head: &[u8]) -> Option<u64> {
    // The protocol, from 4 on a frame, then the number as a LONG1 of ten bytes, and the end.
    let frame = head.get(2) == Some(&0x95);
    let number = if frame { 11 } else { 2 };
    let end = number + 2 + MAGIC.len();
    let is_magic = head.first() == Some(&0x80)
        && head.get(number..number + 2) == Some(&[0x8a, MAGIC.len() as u8])
        && head.get(number + 2..end) == Some(&MAGIC)
        && head.get(end) == Some(&b'.');
    is_magic.then_some(end as u64 + 1)
}

/// Finds the tensors of a file of so many bytes; `position` is where the magic number ends.
pub(crate) fn open(
    path: &Path,
    file: &File,
    length: u64,
    position: u64,
) -> Result<Contents, CheckpointError> {
    let mut pickles = Pickles { path, reader: BufReader::new(file), position, length };
    pickles.reader.seek(SeekFrom::Start(position)).map_err(|error| CheckpointError::read(path, error))?;

    let version = pickles.next(Foreign::Refused)?;
    if version.root != Value::Int(VERSION) {
        let found = version.describe(version.root);
        return Err(CheckpointError::damaged(
            path,
            position,
            format!("version {VERSION} of the layout"),
            found,
        ));
    }
    let system = pickles.next(Foreign::Refused)?;
    if system.get(system.root, "little_endian") != Some(Value::Bool(true)) {
        let key = "little_endian";
        return Err(CheckpointError::unfit(path, key, "numbers with the lowest byte first", "another order"));
    }
    let pickled = pickles.next(Foreign::Opaque)?;
    let keys = pickles.next(Foreign::Refused)?;
    let starts = starts(&pickles, file, &pickled, &keys)?;
    contents(path, &pickled, |storage| {
        let missing = || CheckpointError::unfit(path, &storage.key, "a storage in the file", "none");
        starts.get(&storage.key).copied().ok_or_else(missing)
    })
}

/// Pickles that follow each other.
struct Pickles<'file> {
    path: &'file Path,
    reader: BufReader<&'file File>,
    position: u64,
    length: u64,
}

impl Pickles<'_> {
    fn next(&mut self, foreign: Foreign) -> Result<Pickled, CheckpointError> {
        let left = (self.length - self.position).min(pickle::LONGEST);
        let mut input = Input::new(self.path, &mut self.reader, self.position, left);
        let pickled = pickle::read(&mut input, foreign)?;
        self.position = input.position();
        Ok(pickled)
    }
}

/// Where the numbers of each storage begin, by its key. Storages follow the last pickle in the order of `keys`.
fn starts(
    pickles: &Pickles<'_>,
    file: &File,
    pickled: &Pickled,
    keys: &Pickled,
) -> Result<HashMap<String, u64>, CheckpointError> {
    let (path, length) = (pickles.path, pickles.length);
    let storages: HashMap<&str, &Storage> =
        pickled.storages.iter().map(|storage| (storage.key.as_str(), storage)).collect();
    let mut position = pickles.position;
    let mut starts = HashMap::new();
    let listed = keys.list(keys.root).ok_or_else(|| {
        CheckpointError::damaged(path, position, "a list of storages", keys.describe(keys.root))
    })?;
    for key in listed {
        let storage = keys.text(*key).and_then(|key| storages.get(key).copied()).ok_or_else(|| {
            CheckpointError::damaged(path, position, "the key of a storage", keys.describe(*key))
        })?;
        let mut numel = [0; 8];
        let ends = |end: u64| end > length;
        if ends(position.saturating_add(8)) {
            return Err(CheckpointError::damaged(
                path,
                position,
                "the length of a storage",
                "the end of the file",
            ));
        }
        file.read_exact_at(&mut numel, position).map_err(|error| CheckpointError::read(path, error))?;
        let numel = u64::from_le_bytes(numel);
        if numel != storage.numel {
            let expected = format!("a storage of {} numbers", storage.numel);
            return Err(CheckpointError::damaged(path, position, expected, format!("{numel}")));
        }
        let start = position + 8;
        let end = size(storage).and_then(|size| start.checked_add(size)).filter(|&end| !ends(end));
        let Some(end) = end else {
            let expected = format!("{numel} numbers of {:?}", storage.dtype);
            return Err(CheckpointError::damaged(path, start, expected, format!("an end at {length}")));
        };
        starts.insert(storage.key.clone(), start);
        position = end;
    }
    Ok(starts)
}
