//! Errors of downloads: one paragraph for each, with what happened, where, and what can be done.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file is not there.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The hub refuses: the repository is gated or private, or the token is wrong.
    #[error(
        "`{repository}` was refused with {status}: it is gated or private, {token}; open {page} in a browser, accept its \
         conditions if it has any, make a token that may read it, and give it in HF_TOKEN or with `--token \
         '${{file:PATH}}'`"
    )]
    Gated {
        /// The repository.
        repository: String,
        /// What the hub answered.
        status: u16,
        /// What was sent of a token.
        token: &'static str,
        /// The page of the repository.
        page: String,
    },
    /// There is no such repository.
    #[error(
        "`{endpoint}` has no repository `{repository}`, or does not show it without a token: check the name in the \
         recipe, and HF_ENDPOINT if a mirror is used"
    )]
    NoRepository {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
    },
    /// There is no such branch, tag or commit.
    #[error("the repository `{repository}` has no revision `{revision}`: check it in the recipe")]
    NoRevision {
        /// The repository.
        repository: String,
        /// The revision.
        revision: String,
    },
    /// There is no such file.
    #[error("`{file}` is not published there: the server answered 404; check the name in the recipe")]
    NoFile {
        /// The file.
        file: String,
    },
    /// A branch is at another commit than it was when the bundle was made.
    #[error(
        "`{repository}` has moved: `{revision}` was the commit {held} when this bundle was made, and is {found} now; \
         nothing was changed; look at what changed in {page}, then take it with `--update`, or pin the old commit as \
         `revision` in the recipe"
    )]
    Moved {
        /// The repository.
        repository: String,
        /// The branch or tag.
        revision: String,
        /// The commit in the lock.
        held: String,
        /// The commit now.
        found: String,
        /// The page of its commits.
        page: String,
    },
    /// A server answers something else than was asked for.
    #[error("`{url}` cannot be downloaded: the server answered {status}")]
    Status {
        /// Where.
        url: String,
        /// What.
        status: u16,
        /// Whether another attempt may succeed, and after which wait.
        after: Option<std::time::Duration>,
    },
    /// No answer, or an end in the middle, as often as was tried.
    #[error(
        "`{file}` did not come: {cause}, after {attempts} attempts in a row without progress; {bytes} bytes are kept, and \
         the same command goes on from there"
    )]
    Cut {
        /// The file.
        file: String,
        /// The last cause.
        cause: String,
        /// How often it was tried.
        attempts: u32,
        /// What is there of it.
        bytes: u64,
    },
    /// Redirects without an end.
    #[error("`{url}` leads nowhere: more than {most} redirects, the last to `{last}`")]
    Redirects {
        /// Where they began.
        url: String,
        /// How many are followed.
        most: usize,
        /// Where they had led.
        last: String,
    },
    /// A redirect that gives up encryption, or is none.
    #[error("`{url}` redirects to `{to}`, which is not followed: expected an address that is as safe")]
    Unsafe {
        /// From where.
        url: String,
        /// Whereto.
        to: String,
    },
    /// What a server says contradicts itself.
    #[error("`{file}` was refused: the server {what}; nothing of it was kept")]
    Contradiction {
        /// The file.
        file: String,
        /// What it did.
        what: String,
    },
    /// The bytes are not those that were announced.
    #[error(
        "`{file}` is not what {by} says: expected the hash {expected}, found {found}; nothing of it was kept; try again, \
         and if it stays so, the file was replaced or damaged on its way"
    )]
    WrongHash {
        /// The file.
        file: String,
        /// Who gives the hash.
        by: &'static str,
        /// The hash that it should have.
        expected: String,
        /// The hash that it has.
        found: String,
    },
    /// A file of the cache is not what it was.
    #[error(
        "`{}` in the cache is damaged: expected the hash {expected}, found {found}; remove it, and it is downloaded anew",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The hash that it should have.
        expected: String,
        /// The hash that it has.
        found: String,
    },
    /// There is no more room.
    #[error(
        "the disk is full: `{}` could not take all of `{file}`{}; what came is kept; make room, or put the cache on \
         another disk with HF_HOME, and the same command goes on from there",
        at.display(), size.map(|size| format!(", which has {size} bytes")).unwrap_or_default()
    )]
    Full {
        /// The file.
        file: String,
        /// Where it is written.
        at: PathBuf,
        /// Its size.
        size: Option<u64>,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The cache cannot be read or written.
    #[error("cannot use `{}` in the cache of downloads", file.display())]
    Cache {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The network may not be used, and the cache has no such file.
    #[error(
        "`{file}` is not in the cache `{}`, and HF_HUB_OFFLINE or `--offline` forbids to download it",
        cache.display()
    )]
    Offline {
        /// The file.
        file: String,
        /// The folder of the cache.
        cache: PathBuf,
    },
    /// Another process downloads the same file.
    #[error("`{file}` is being downloaded by another process: wait for it")]
    Busy {
        /// The file.
        file: String,
    },
    /// No request can be made at all.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

impl HubError {
    pub(super) fn cache(file: &Path, source: io::Error) -> Self {
        Self::Cache { file: file.to_owned(), source }
    }
}

/// Whether the system says that there is no more room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
