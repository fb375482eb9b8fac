//! File entries of a manifest: name and hash; or, for weights, a seed in place of a file.

use serde::{Deserialize, Serialize};

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name, in the bundle's folder.
    pub file: String,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

impl FileEntry {
    /// A file whose hash is not known yet: [`write_manifest`](crate::networks::bundle::write_manifest) fills it in.
    #[must_use]
    pub fn named(file: &str) -> Self {
        Self { file: file.to_owned(), sha256: String::new() }
    }
}

/// Where a network's weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Weights {
    /// A safetensors file of the bundle.
    File {
        /// The file.
        entry: FileEntry,
        /// Tensors of the file that the network has no place for and that are left out knowingly.
        ignored: Vec<String>,
    },
    /// Drawn at random, to measure loading and speed at sizes whose weights are not at hand.
    Random {
        /// Decides them.
        seed: u64,
    },
}

impl Weights {
    /// Weights in a file all of whose tensors are used.
    #[must_use]
    pub fn named(file: &str) -> Self {
        Self::File { entry: FileEntry::named(file), ignored: Vec::new() }
    }

    /// The file, where there is one.
    #[must_use]
    pub fn entry(&self) -> Option<&FileEntry> {
        match self {
            Self::File { entry, .. } => Some(entry),
            Self::Random { .. } => None,
        }
    }

    pub(in crate::networks) fn entry_mut(&mut self) -> Option<&mut FileEntry> {
        match self {
            Self::File { entry, .. } => Some(entry),
            Self::Random { .. } => None,
        }
    }
}

/// Weights as they stand in a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    random: Option<u64>,
}

impl TryFrom<Written> for Weights {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written { file: Some(file), sha256: Some(sha256), ignored, random: None } => {
                Ok(Self::File { entry: FileEntry { file, sha256 }, ignored })
            }
            Written { file: None, sha256: None, ignored, random: Some(seed) } if ignored.is_empty() => {
                Ok(Self::Random { seed })
            }
            _ => Err("weights have either a `file` with its `sha256` or a seed under `random`"),
        }
    }
}

impl From<Weights> for Written {
    fn from(weights: Weights) -> Self {
        match weights {
            Weights::File { entry, ignored } => {
                Self { file: Some(entry.file), sha256: Some(entry.sha256), ignored, random: None }
            }
            Weights::Random { seed } => {
                Self { file: None, sha256: None, ignored: Vec::new(), random: Some(seed) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_a_file_or_a_seed() {
        for text in [
            "file = \"a\"\nsha256 = \"b\"\n",
            "file = \"a\"\nsha256 = \"b\"\nignored = [\"c\"]\n",
            "random = 7\n",
        ] {
            let weights: Weights = toml::from_str(text).unwrap();
            assert_eq!(toml::to_string(&weights).unwrap(), text);
        }
        for text in
            ["", "file = \"a\"", "random = 7\nfile = \"a\"\nsha256 = \"b\"", "random = 7\nignored = [\"c\"]"]
        {
            let error = toml::from_str::<Weights>(text).unwrap_err().to_string();
            assert!(error.contains("either a `file` with its `sha256` or a seed"), "{text}: {error}");
        }
    }
}
