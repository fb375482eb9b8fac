//! Shards of a checkpoint: an index says which file has which tensor, and the files must have what it says, no more and
//! no less.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::opened::{Format, Opened, open_one};
use super::tensor::Contents;
use super::{CheckpointError, Settings};
use crate::common::plain_file;

/// How Hugging Face calls an index: `model.safetensors.index.json`, `pytorch_model.bin.index.json`.
const SUFFIX: &str = ".index.json";
/// The largest index that is read; that of a network of 400 billion parameters has less than a hundredth of it.
const LARGEST_INDEX: u64 = 64 << 20;
/// The most files of one network: the largest published ones have fewer than 200.
const MOST_FILES: usize = 1000;

/// The files of an index, open, with what they hold together.
pub(super) struct Shards {
    pub(super) files: Vec<Opened>,
    /// Which of the files has a tensor.
    pub(super) places: BTreeMap<String, usize>,
    pub(super) format: Format,
    pub(super) contents: Contents,
}

/// An index. Its `metadata` counts bytes, with tied tensors once or twice as the program that wrote it pleased, so it
/// proves nothing.
#[derive(Deserialize)]
struct Index {
    weight_map: Pairs,
}

/// Whether a file is an index, by its name: it is JSON as much as the header of a safetensors file is.
pub(super) fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SUFFIX))
}

/// Opens the files of an index, which lie beside it.
pub(super) fn open(path: &Path) -> Result<Shards, CheckpointError> {
    let by_file = read(path)?;
    let mut files: Vec<Opened> = Vec::new();
    let mut places = BTreeMap::new();
    let mut format = Format::Safetensors;
    let mut all =
        Contents { place: None, tensors: BTreeMap::new(), others: Vec::new(), settings: Settings::default() };
    for (name, tensors) in &by_file {
        let shard = path.with_file_name(name);
        let (opened, of_shard, mut contents) = open_one(&shard).map_err(|error| match error {
            CheckpointError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
                let expected = format!("the file beside it, with {} tensors", tensors.len());
                CheckpointError::unfit(path, name, expected, "none")
            }
            error => error,
        })?;
        if let Some(missing) = tensors.iter().find(|tensor| !contents.tensors.contains_key(*tensor)) {
            let expected = format!("the tensor in `{name}`, as the index says");
            return Err(CheckpointError::unfit(path, missing, expected, "none there"));
        }
        if let Some(other) = contents.tensors.keys().find(|tensor| !tensors.contains(*tensor)) {
            let mut homes = by_file.iter().filter(|(_, tensors)| tensors.contains(other));
            let found = homes.next().map_or_else(
                || "one that the index does not name".to_owned(),
                |(home, _)| format!("one that the index has in `{home}`"),
            );
            return Err(CheckpointError::unfit(&shard, other, "only tensors that the index has here", found));
        }
        places.extend(tensors.iter().map(|tensor| (tensor.clone(), files.len())));
        all.tensors.append(&mut contents.tensors);
        all.others.append(&mut contents.others);
        all.place = all.place.or(contents.place);
        (format, all.settings) = (of_shard, contents.settings);
        files.push(opened);
    }
    Ok(Shards { files, places, format, contents: all })
}

/// The tensors of each file.
fn read(path: &Path) -> Result<BTreeMap<String, BTreeSet<String>>, CheckpointError> {
    let unreadable = |error| CheckpointError::read(path, error);
    let bytes = plain_file::open(path).and_then(|file| file.metadata()).map_err(unreadable)?.len();
    if bytes > LARGEST_INDEX {
        let what = "bytes in an index";
        return Err(CheckpointError::TooMuch {
            file: path.to_owned(),
            position: 0,
            most: LARGEST_INDEX,
            what,
        });
    }
    let text = plain_file::read_text(path).map_err(unreadable)?;
    // What the fault quotes must not steer the terminal that shows it.
    let quoted = |error: serde_json::Error| error.to_string().escape_debug().to_string();
    let index: Index = serde_json::from_str(&text).map_err(|error| {
        CheckpointError::damaged(path, 0, "an index of Hugging Face with its `weight_map`", quoted(error))
    })?;
    let mut by_file: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (tensor, file) in index.weight_map.0 {
        // One folder, and nothing outside it.
        if file.is_empty() || file.starts_with('.') || file.contains(['/', '\\']) || file.ends_with(SUFFIX) {
            let found = format!("`{}`", file.escape_debug());
            return Err(CheckpointError::unfit(path, &tensor, "the name of a file beside the index", found));
        }
        let tensors = by_file.entry(file.clone()).or_default();
        if !tensors.insert(tensor.clone()) {
            return Err(CheckpointError::unfit(path, &tensor, "one place", format!("`{file}` twice")));
        }
    }
    let mut named: BTreeSet<&str> = BTreeSet::new();
    if let Some(twice) = by_file.values().flatten().find(|tensor| !named.insert(tensor)) {
        return Err(CheckpointError::unfit(path, twice, "one place", "two files"));
    }
    if by_file.is_empty() || by_file.len() > MOST_FILES {
        let expected = format!("tensors in 1 to {MOST_FILES} files");
        return Err(CheckpointError::unfit(path, "weight_map", expected, format!("{} files", by_file.len())));
    }
    Ok(by_file)
}

/// The pairs of a JSON object, of which a map would keep the last of a name.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of tensors and their files")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        const MOST: usize = 1 << 20; // tensors; the largest networks have a hundredth of it
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            if pairs.len() == MOST {
                return Err(A::Error::custom(format!("more than {MOST} tensors")));
            }
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tch::{Device, Kind, Tensor};

    use super::super::Checkpoint;
    use super::*;

    /// Writes files of tensors of two numbers, and an index.
    fn folder(files: &[(&str, &[&str])], index: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, names) in files {
            let tensors: Vec<_> =
                names.iter().map(|name| (*name, Tensor::ones([2], (Kind::Float, Device::Cpu)))).collect();
            Tensor::write_safetensors(&tensors, folder.path().join(file)).unwrap();
        }
        let index = format!("{{\"metadata\": {{\"total_size\": 1}}, \"weight_map\": {{{index}}}}}");
        fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
        folder
    }

    fn open(folder: &tempfile::TempDir) -> Result<Checkpoint, String> {
        let index = folder.path().join("model.safetensors.index.json");
        Checkpoint::open(&index).map_err(|error| error.to_string())
    }

    const TWO: [(&str, &[&str]); 2] = [("1.safetensors", &["a", "b"]), ("2.safetensors", &["c"])];

    #[test]
    fn the_files_of_an_index_are_one_checkpoint() {
        let index = r#""a": "1.safetensors", "c": "2.safetensors", "b": "1.safetensors""#;
        let checkpoint = open(&folder(&TWO, index)).unwrap();
        assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        for name in ["a", "b", "c"] {
            assert_eq!(checkpoint.read(name).unwrap(), [0, 0, 128, 63, 0, 0, 128, 63], "{name}");
        }
        assert_eq!(checkpoint.format(), Format::Safetensors);
    }

    #[test]
    fn an_index_that_its_files_do_not_fit_is_refused_with_the_tensor() {
        for (index, expected) in [
            (
                r#""a": "1.safetensors", "b": "1.safetensors""#.to_owned() + r#", "c": "3.safetensors""#,
                "`3.safetensors`: expected the file beside it, with 1 tensors, found none",
            ),
            (
                r#""a": "1.safetensors", "b": "2.safetensors", "c": "2.safetensors""#.to_owned(),
                "`b`: expected only tensors that the index has here, found one that the index has in `2.safetensors`",
            ),
            (
                r#""a": "1.safetensors", "c": "2.safetensors""#.to_owned(),
                "`b`: expected only tensors that the index has here, found one that the index does not name",
            ),
            (
                r#""a": "1.safetensors", "b": "1.safetensors", "d": "1.safetensors""#.to_owned(),
                "`d`: expected the tensor in `1.safetensors`, as the index says, found none there",
            ),
            (
                r#""a": "1.safetensors", "a": "2.safetensors""#.to_owned(),
                "`a`: expected one place, found two files",
            ),
            (r#""a": "1.safetensors", "a": "1.safetensors""#.to_owned(), "`a`: expected one place"),
            (
                r#""a": "../1.safetensors""#.to_owned(),
                "expected the name of a file beside the index, found `../1",
            ),
            (String::new(), "`weight_map`: expected tensors in 1 to 1000 files, found 0 files"),
            (r#""a": 1"#.to_owned(), "expected an index of Hugging Face with its `weight_map`"),
        ] {
            let error = open(&folder(&TWO, &index)).unwrap_err();
            assert!(error.contains(expected), "{index}: {error}");
        }
        // A tensor that two files have is in the wrong one of them, whatever the index says.
        let twice = [("1.safetensors", &["a", "b"][..]), ("2.safetensors", &["b", "c"][..])];
        let index = r#""a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors""#;
        let error = open(&folder(&twice, index)).unwrap_err();
        assert!(error.contains("2.safetensors` does not fit: `b`"), "{error}");
    }
}
