//! Files that are wanted of a hub or of an address, what is found, and what is reported on the way.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

/// Where a file is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In a repository of the hub, at a commit.
    Hub {
        /// The repository: `owner/name`.
        repository: String,
        /// The commit, 40 hexadecimal digits.
        commit: String,
        /// The file's path in it.
        path: String,
    },
    /// At an address of its own.
    Address(Url),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub { repository, path, .. } => write!(formatter, "{repository}/{path}"),
            Self::Address(url) => formatter.write_str(&shown(url)),
        }
    }
}

/// A file that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is published.
    pub origin: Origin,
    /// The SHA-256 that it must have, in hexadecimal, and who says so, such as `the recipe`.
    pub pinned: Option<(String, &'static str)>,
    /// Whether it may be missing.
    pub optional: bool,
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it lies, perhaps a link.
    pub file: PathBuf,
    /// Its SHA-256 in hexadecimal, computed from its bytes.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Its download begins, of a size that may be known, behind bytes that are there from before.
    Begin {
        /// Its size.
        size: Option<u64>,
        /// Bytes of an earlier attempt.
        there: u64,
    },
    /// The bytes on the disk now.
    Grown(u64),
    /// The connection failed for this reason; another attempt follows after a wait.
    Again {
        /// Why.
        cause: String,
        /// How long.
        wait: Duration,
    },
    /// It was downloaded and verified.
    Downloaded(u64),
    /// It was in the cache, and verified.
    Cached(u64),
    /// It is not published, and may be missing.
    Missing,
}

/// Takes what happens, with the file's name.
pub type Report<'report> = &'report (dyn Fn(&Origin, Step) + Sync);

/// An address without its query and its password, which may be secrets.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_what_may_be_secret() {
        let url = Url::parse("https://me:canary@store.example:8443/a/b.bin?X-Signature=canary").unwrap();
        assert_eq!(shown(&url), "https://store.example:8443/a/b.bin");
        assert_eq!(Origin::Address(url).to_string(), "https://store.example:8443/a/b.bin");
    }
}
