//! Example index: the vectors of a set of examples by one encoder, in a file beside the examples.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};

use super::atomic_file;
use super::vectors::{Neighbour, Vectors};
use crate::common::plain_file;

/// The one tensor of the file, `[examples, width]` of F32.
const FEATURES: &str = "features";
/// The key of [`Header`] in the file's metadata, as JSON.
const HEADER: &str = "riveg.knowledge";

/// The vectors of a set of examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    ids: Vec<String>,
    vectors: Vectors,
}

/// What the vectors were computed from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    encoder: String,
    examples: String,
    ids: Vec<String>,
}

/// What an index was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexSource {
    /// The encoder: its weights, its dimensions or its vocabulary.
    Encoder,
    /// The file of examples.
    Examples,
}

/// The index cannot be read, used or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It is missing or unreadable.
    #[error("failed to read the index of examples `{}`", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
    /// It is not an index, or damaged.
    #[error("`{}` is not an index of examples: {message}", path.display())]
    Format {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        message: String,
    },
    /// It is from another encoder or other examples.
    #[error(
        "the index `{}` was made of {} with the hash {stored}, not of the present one with the hash {current}: make it \
         anew with `riveg knowledge index`", path.display(), what.as_str()
    )]
    Outdated {
        /// Where.
        path: PathBuf,
        /// What has changed.
        what: IndexSource,
        /// The hash in the index.
        stored: String,
        /// The current hash.
        current: String,
    },
    /// It cannot be written.
    #[error("failed to write the index of examples `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
}

impl IndexSource {
    fn as_str(self) -> &'static str {
        match self {
            Self::Encoder => "an encoder",
            Self::Examples => "a file of examples",
        }
    }
}

impl IndexError {
    /// Whether computing the index again helps: it is outdated, damaged or missing.
    #[must_use]
    pub fn can_be_rebuilt(&self) -> bool {
        match self {
            Self::Outdated { .. } | Self::Format { .. } => true,
            Self::Read { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Write { .. } => false,
        }
    }
}

impl Index {
    /// An index of these ids and vectors; none if their numbers differ.
    #[must_use]
    pub fn new(ids: Vec<String>, vectors: Vectors) -> Option<Self> {
        (ids.len() == vectors.rows()).then_some(Self { ids, vectors })
    }

    /// The path of the index of a file of examples: beside it.
    #[must_use]
    pub fn path(examples: &Path) -> PathBuf {
        examples.with_extension("features.safetensors")
    }

    /// Writes the vectors with the hashes of the encoder and the examples, atomically.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, path: &Path, encoder: &str, examples: &str) -> Result<(), IndexError> {
        let unwritable = |source| IndexError::Write { path: path.to_owned(), source };
        let write = || {
            let about =
                Header { encoder: encoder.to_owned(), examples: examples.to_owned(), ids: self.ids.clone() };
            let header = HashMap::from([(HEADER.to_owned(), serde_json::to_string(&about)?)]);
            let bytes: Vec<u8> = self.vectors.values().iter().flat_map(|value| value.to_le_bytes()).collect();
            let shape = vec![self.vectors.rows(), self.vectors.width()];
            let features = TensorView::new(Dtype::F32, shape, &bytes).map_err(io::Error::other)?;
            let serialised = serialize([(FEATURES, features)], Some(header)).map_err(io::Error::other)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let mut file = atomic_file(folder.unwrap_or(Path::new(".")))?;
            file.write_all(&serialised)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(unwritable)
    }

    /// Reads an index, which must be from the encoder and the examples with these hashes.
    ///
    /// # Errors
    /// [`IndexError::Outdated`] for other hashes; [`IndexError::can_be_rebuilt`] says whether computing it again helps.
    pub fn load(path: &Path, encoder: &str, examples: &str) -> Result<Self, IndexError> {
        let bytes =
            plain_file::read(path).map_err(|source| IndexError::Read { path: path.to_owned(), source })?;
        let (about, vectors) =
            parsed(&bytes).map_err(|message| IndexError::Format { path: path.to_owned(), message })?;
        for (what, stored, current) in [
            (IndexSource::Encoder, &about.encoder, encoder),
            (IndexSource::Examples, &about.examples, examples),
        ] {
            if stored != current {
                let (stored, current) = (stored.clone(), current.to_owned());
                return Err(IndexError::Outdated { path: path.to_owned(), what, stored, current });
            }
        }
        Self::new(about.ids, vectors).ok_or_else(|| IndexError::Format {
            path: path.to_owned(),
            message: "there are not as many vectors as ids".to_owned(),
        })
    }

    /// The ids of the examples, by row.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The `count` examples nearest to a vector of the same encoder, without the one with the id `own`: a question must not
    /// show its own answer.
    #[must_use]
    pub fn nearest(&self, query: &[f32], count: usize, own: Option<&str>) -> Vec<Neighbour> {
        let own = own.and_then(|own| self.ids.iter().position(|id| id == own));
        self.vectors.nearest(query, count, own)
    }
}

fn parsed(bytes: &[u8]) -> Result<(Header, Vectors), String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let about = header.metadata().as_ref().and_then(|entries| entries.get(HEADER));
    let about = about.ok_or_else(|| format!("its header has no `{HEADER}`"))?;
    let about = serde_json::from_str(about).map_err(|error| format!("`{HEADER}` in its header: {error}"))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let features = tensors.tensor(FEATURES).map_err(|error| error.to_string())?;
    let (dtype, shape) = (features.dtype(), features.shape());
    let &[_, width] = shape else { return Err(format!("`{FEATURES}` has shape {shape:?}")) };
    if dtype != Dtype::F32 {
        return Err(format!("`{FEATURES}` is of {dtype:?}, not of F32"));
    }
    let values = features.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
    let vectors = Vectors::new(width, values.collect());
    Ok((about, vectors.ok_or_else(|| format!("`{FEATURES}` of shape {shape:?} has no numbers in rows"))?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn index() -> Index {
        let vectors = Vectors::new(2, vec![1.0, 0.0, 0.0, 1.0, 0.6, 0.8]).unwrap();
        Index::new(["a", "b", "c"].map(str::to_owned).to_vec(), vectors).unwrap()
    }

    #[test]
    fn an_index_is_read_as_it_was_written_and_writing_is_deterministic() {
        let folder = tempfile::tempdir().unwrap();
        let path = Index::path(&folder.path().join("examples.jsonl"));
        assert_eq!(path.file_name().unwrap(), "examples.features.safetensors");
        index().save(&path, "e1", "x1").unwrap();
        let first = fs::read(&path).unwrap();
        index().save(&path, "e1", "x1").unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        let read = Index::load(&path, "e1", "x1").unwrap();
        assert_eq!(read, index());
        let rows = |own| read.nearest(&[0.0, 1.0], 2, own).iter().map(|near| near.row).collect::<Vec<_>>();
        assert_eq!(rows(None), [1, 2]);
        assert_eq!(rows(Some("b")), [2, 0]);
        assert_eq!(rows(Some("of nobody")), [1, 2]);
    }

    #[test]
    fn an_index_of_another_encoder_or_other_examples_is_refused_with_both_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.safetensors");
        index().save(&path, "e1", "x1").unwrap();
        for (encoder, examples, expected) in [
            ("e2", "x1", "made of an encoder with the hash e1, not of the present one with the hash e2"),
            (
                "e1",
                "x2",
                "made of a file of examples with the hash x1, not of the present one with the hash x2",
            ),
        ] {
            let error = Index::load(&path, encoder, examples).unwrap_err();
            assert!(matches!(error, IndexError::Outdated { .. }) && error.can_be_rebuilt());
            let message = error.to_string();
            assert!(message.contains(expected) && message.contains("index.safetensors"), "{message}");
        }
    }

    #[test]
    fn a_missing_or_damaged_index_is_named_and_can_be_rebuilt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.safetensors");
        let message = || {
            let error = Index::load(&path, "e1", "x1").unwrap_err();
            assert!(error.can_be_rebuilt(), "{error}");
            error.to_string()
        };
        assert!(message().starts_with("failed to read the index of examples `"));
        fs::write(&path, "vectors").unwrap();
        assert!(message().contains("is not an index of examples"));
        index().save(&path, "e1", "x1").unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(message().contains("is not an index of examples"));
        let bytes = [0; 8];
        let tensor = |dtype, shape| TensorView::new(dtype, shape, &bytes).unwrap();
        let header = |ids: &[&str]| {
            let about = serde_json::json!({"encoder": "e1", "examples": "x1", "ids": ids});
            Some(HashMap::from([(HEADER.to_owned(), about.to_string())]))
        };
        for (tensor, header, expected) in [
            (tensor(Dtype::F32, vec![1, 2]), None, "its header has no `riveg.knowledge`"),
            (tensor(Dtype::F32, vec![2]), header(&["a"]), "`features` has shape [2]"),
            (tensor(Dtype::F16, vec![2, 2]), header(&["a", "b"]), "`features` is of F16, not of F32"),
            (tensor(Dtype::F32, vec![1, 2]), header(&["a", "b"]), "not as many vectors as ids"),
        ] {
            fs::write(&path, serialize([(FEATURES, tensor)], header).unwrap()).unwrap();
            assert!(message().contains(expected), "{}", message());
        }
    }
}
