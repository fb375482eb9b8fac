//! Lock of a fetched bundle: which commit and which bytes each of its files was, so that the next fetch gives the same or
//! says what changed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::FetchError;
use crate::common::plain_file;

/// Its name in the bundle's folder.
pub const LOCK: &str = "fetch.lock.toml";

/// The lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The recipe's name.
    pub recipe: String,
    /// The hash of its text.
    pub recipe_sha256: String,
    /// The files, in the order of the recipe.
    #[serde(default)]
    pub file: Vec<Locked>,
}

/// A file of the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Repository and path, or an address.
    pub of: String,
    /// The repository and the branch, tag or commit that the recipe names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<(String, String)>,
    /// The commit that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The size in bytes.
    pub bytes: u64,
    /// The hash of its bytes.
    pub sha256: String,
}

impl Lock {
    /// The lock of a bundle's folder; none where no bundle was fetched into it.
    ///
    /// # Errors
    /// It cannot be read, or is no lock.
    pub fn read(folder: &Path) -> Result<Option<Self>, FetchError> {
        let file = folder.join(LOCK);
        if !file.exists() {
            return Ok(None);
        }
        let refused = |file: PathBuf, message: String| FetchError::Lock { file, message };
        let text = plain_file::read_text(&file).map_err(|error| refused(file.clone(), error.to_string()))?;
        let lock = toml::from_str(&text);
        lock.map(Some).map_err(|error| refused(file, error.to_string().trim_end().to_owned()))
    }

    /// The commit that a branch or a tag of a repository was.
    #[must_use]
    pub fn commit(&self, repository: &str, revision: &str) -> Option<&str> {
        let of = |file: &&Locked| {
            file.revision.as_ref().is_some_and(|(known, at)| known == repository && at == revision)
        };
        self.file.iter().find(of)?.commit.as_deref()
    }

    /// The hash of a file, of a repository's at one commit.
    #[must_use]
    pub fn sha256(&self, of: &str, commit: Option<&str>) -> Option<&str> {
        let found = self.file.iter().find(|file| file.of == of && file.commit.as_deref() == commit);
        found.map(|file| file.sha256.as_str())
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        const HEAD: &str = "# Written by `riveg bundle fetch`: what was downloaded. The next fetch holds it against this.\n\n";
        match toml::to_string_pretty(self) {
            Ok(text) => format!("{HEAD}{text}"),
            Err(error) => unreachable!("texts and numbers can be written: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_read_as_it_was_written_and_knows_commits_and_hashes() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(folder.path()).unwrap(), None);
        let (commit, hash) = ("1".repeat(40), "a".repeat(64));
        let of = |of: &str, revision: Option<(&str, &str)>, commit: Option<&String>| Locked {
            of: of.to_owned(),
            revision: revision.map(|(hub, revision)| (hub.to_owned(), revision.to_owned())),
            commit: commit.cloned(),
            bytes: 3,
            sha256: hash.clone(),
        };
        let lock = Lock {
            recipe: "mine".to_owned(),
            recipe_sha256: hash.clone(),
            file: vec![of("a/b/c.bin", Some(("a/b", "main")), Some(&commit)), of("https://x/y", None, None)],
        };
        std::fs::write(folder.path().join(LOCK), lock.text()).unwrap();
        let read = Lock::read(folder.path()).unwrap().unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.commit("a/b", "main"), Some(commit.as_str()));
        assert_eq!(read.commit("a/b", "other"), None);
        assert_eq!(read.sha256("a/b/c.bin", Some(&commit)), Some(hash.as_str()));
        assert_eq!(read.sha256("a/b/c.bin", Some(&"2".repeat(40))), None);
        assert_eq!(read.sha256("https://x/y", None), Some(hash.as_str()));
        std::fs::write(folder.path().join(LOCK), "x = 1").unwrap();
        assert!(Lock::read(folder.path()).unwrap_err().to_string().contains(LOCK));
    }
}
