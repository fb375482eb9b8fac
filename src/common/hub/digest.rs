//! Hashes of downloaded files: SHA-256, which the hub gives for large files, and git's of a blob, which it gives for small
//! ones.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A hash that the hub gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// Of the bytes.
    Sha256(String),
    /// Git's, of the bytes behind a header with their number (SHA-1).
    GitBlob(String),
}

impl Expected {
    /// The hash that an entity tag is, if it is one: the hub's tags are 64 or 40 hexadecimal digits.
    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        match tag.len() {
            64 if is_hexadecimal(tag) => Some(Self::Sha256(tag.to_owned())),
            40 if is_hexadecimal(tag) => Some(Self::GitBlob(tag.to_owned())),
            _ => None,
        }
    }
}

/// Whether a text is lower-case hexadecimal digits.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Both hashes of bytes as they come.
#[derive(Clone)]
pub(super) struct Hashes {
    sha256: Sha256,
    /// Git's needs the number of bytes first.
    git: Option<Sha1>,
    bytes: u64,
}

impl Hashes {
    /// Of a file of this size, if it is known.
    pub(super) fn begin(size: Option<u64>) -> Self {
        let git = size.map(|size| Sha1::new().chain_update(format!("blob {size}\0")));
        Self { sha256: Sha256::new(), git, bytes: 0 }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(git) = &mut self.git {
            git.update(bytes);
        }
        self.bytes += bytes.len() as u64;
    }

    /// Takes the bytes of a file, from where it stands to its end.
    pub(super) fn update_from(&mut self, file: &mut File) -> io::Result<()> {
        const AT_ONCE: usize = 1 << 20; // enough that the disk is the limit
        let mut bytes = vec![0; AT_ONCE];
        loop {
            match file.read(&mut bytes)? {
                0 => return Ok(()),
                read => self.update(&bytes[..read]),
            }
        }
    }

    /// Of a whole file.
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        let mut file = File::open(file)?;
        let mut hashes = Self::begin(Some(file.metadata()?.len()));
        hashes.update_from(&mut file)?;
        Ok(hashes)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn sha256(&self) -> String {
        hexadecimal(&self.sha256.clone().finalize())
    }

    /// The hash of the kind that is expected, where it is another.
    pub(super) fn differs(&self, expected: &Expected) -> Option<(String, String)> {
        let (expected, found) = match (expected, &self.git) {
            (Expected::Sha256(expected), _) => (expected, self.sha256()),
            (Expected::GitBlob(expected), Some(git)) => (expected, hexadecimal(&git.clone().finalize())),
            (Expected::GitBlob(expected), None) => (expected, "none, since its size is not known".to_owned()),
        };
        (*expected != found).then(|| (expected.clone(), found))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hashes_are_those_of_the_known_programs() {
        let mut hashes = Hashes::begin(Some(6));
        hashes.update(b"hel");
        hashes.update(b"lo\n");
        // `sha256sum` and `git hash-object` of the same six bytes.
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        assert_eq!((hashes.sha256().as_str(), hashes.bytes()), (sha256, 6));
        for tag in [sha256, git] {
            assert_eq!(hashes.differs(&Expected::of_tag(tag).unwrap()), None);
        }
        let other = git.replace("ce01", "ce02");
        assert_eq!(hashes.differs(&Expected::of_tag(&other).unwrap()), Some((other, git.to_owned())));
        for tag in ["", "abc", &sha256.to_uppercase(), &"g".repeat(40)] {
            assert_eq!(Expected::of_tag(tag), None, "{tag}");
        }
    }
}
