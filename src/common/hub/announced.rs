//! Announcement of a file: what a hub says of it before it sends it, commit, hash and size, in headers.

use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap};

use super::digest::{Expected, is_hexadecimal};

/// The commit of the repository.
const COMMIT: &str = "x-repo-commit";
/// The hash of a large file, which lies in a store elsewhere whose own tag says nothing.
const LINKED_TAG: &str = "x-linked-etag";
/// Its size.
const LINKED_SIZE: &str = "x-linked-size";
/// Why the hub refuses, in one word.
const ERROR_CODE: &str = "x-error-code";

/// What is said of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) commit: Option<String>,
    /// The entity tag without its quotes.
    pub(super) tag: Option<String>,
    /// Whether the tag stands for the very bytes, so that a download may go on where it was cut.
    pub(super) is_strong: bool,
    pub(super) size: Option<u64>,
}

impl Announced {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let linked = text(headers, LINKED_TAG);
        let given = linked.or_else(|| text(headers, ETAG.as_str()));
        let size = text(headers, LINKED_SIZE).or_else(|| {
            // The length of a redirect's own text is not the file's.
            linked.is_none().then(|| text(headers, CONTENT_LENGTH.as_str())).flatten()
        });
        let commit = text(headers, COMMIT).filter(|commit| is_commit(commit));
        Self {
            commit: commit.map(str::to_owned),
            tag: given.map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_owned()),
            is_strong: given.is_some_and(|tag| !tag.starts_with("W/")),
            size: size.and_then(|size| size.parse().ok()),
        }
    }

    /// The hash that the tag is.
    pub(super) fn hash(&self) -> Option<Expected> {
        self.tag.as_deref().and_then(Expected::of_tag)
    }
}

/// Whether headers say something of a file of a hub, so that there is no need to follow a redirect.
pub(super) fn is_of_a_hub(headers: &HeaderMap) -> bool {
    headers.contains_key(COMMIT)
}

/// Why the hub refuses, in its own word, such as `GatedRepo`.
pub(super) fn error_code(headers: &HeaderMap) -> &str {
    text(headers, ERROR_CODE).unwrap_or_default()
}

/// Whether a text is a commit of git.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_hexadecimal(text)
}

fn text<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Announced {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Announced::read(&HeaderMap::from_iter(headers))
    }

    #[test]
    fn a_large_file_has_the_linked_headers_and_a_small_one_its_own() {
        let (commit, git, sha256) = ("0".repeat(40), "a".repeat(40), "b".repeat(64));
        let large = [
            ("x-repo-commit", commit.as_str()),
            ("x-linked-etag", &format!("\"{sha256}\"")),
            ("x-linked-size", "433000000"),
            ("etag", "\"other\""),
            ("content-length", "1200"),
        ];
        let large = read(&large);
        assert_eq!((large.size, large.hash()), (Some(433_000_000), Some(Expected::Sha256(sha256))));
        assert_eq!(large.commit.as_deref(), Some(commit.as_str()));
        let small = read(&[("etag", &format!("W/\"{git}\"")), ("content-length", "570")]);
        assert_eq!((small.size, small.hash(), small.commit), (Some(570), Some(Expected::GitBlob(git)), None));
        assert!(!small.is_strong && large.is_strong);
    }

    #[test]
    fn what_would_lead_out_of_the_cache_is_no_commit() {
        assert_eq!(read(&[("x-repo-commit", "../../etc")]).commit, None);
        assert_eq!(read(&[]), Announced::default());
        // A redirect without a size of the file says nothing of it.
        assert_eq!(read(&[("x-linked-etag", "\"x\""), ("content-length", "1200")]).size, None);
    }
}
