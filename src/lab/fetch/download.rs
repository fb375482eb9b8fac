//! Downloads of a fetch: commits first, which must be those of the lock, then all files, a few at a time.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::Order;
use super::error::FetchError;
use super::lock::{Lock, Locked};
use super::plan::{Commits, repositories, wanted};
use super::recipe::Source;
use crate::common::hub::{Fetched, Hub, HubError, Origin, Report, Wanted};

/// Files that are downloaded at a time: enough to fill a line, and few enough for any server.
const AT_A_TIME: usize = 4;

/// What came.
#[derive(Debug)]
pub struct Downloads {
    commits: Commits,
    /// Each file once; none where it may be missing and is.
    files: Vec<(Wanted, Option<Fetched>)>,
    /// What they were.
    pub(super) lock: Lock,
}

impl Order {
    /// Downloads all files, or finds them in the cache.
    ///
    /// # Errors
    /// A stage needs weights of the user, a branch has moved since the lock was written, or a file does not come.
    pub async fn download(&self, hub: &Hub, report: Report<'_>) -> Result<Downloads, FetchError> {
        let old = if self.update { None } else { Lock::read(&self.out)? };
        let sources = self.sources()?;
        let mut commits = Commits::new();
        for ((repository, revision), path) in repositories(&sources) {
            let found = hub.commit(&repository, &revision, path).await?;
            let held = old.as_ref().and_then(|lock| lock.commit(&repository, &revision));
            if let Some(held) = held.filter(|held| *held != found) {
                let (held, page) = (held.to_owned(), format!("{}/commits", hub.page(&repository)));
                return Err(HubError::Moved { repository, revision, held, found, page }.into());
            }
            commits.insert((repository, revision), found);
        }
        let mut all: Vec<Wanted> = Vec::new();
        for (_, source) in &sources {
            for one in wanted(source, &commits, old.as_ref()) {
                if all.iter().all(|known| known.origin != one.origin) {
                    all.push(one);
                }
            }
        }
        let coming = stream::iter(all).map(async |one| {
            let fetched = hub.file(&one, report).await?;
            Ok::<_, HubError>((one, fetched))
        });
        let files: Vec<(Wanted, Option<Fetched>)> = coming.buffered(AT_A_TIME).try_collect().await?;
        for ((repository, revision), commit) in &commits {
            hub.remember(repository, revision, commit)?;
        }
        let lock = self.lock(&commits, &files);
        Ok(Downloads { commits, files, lock })
    }

    fn lock(&self, commits: &Commits, files: &[(Wanted, Option<Fetched>)]) -> Lock {
        let locked = |(wanted, fetched): &(Wanted, Option<Fetched>)| {
            let Fetched { sha256, bytes, .. } = fetched.as_ref()?;
            let (revision, commit) = match &wanted.origin {
                Origin::Hub { repository, commit, .. } => {
                    let mut keys =
                        commits.iter().filter(|((known, _), at)| known == repository && *at == commit);
                    (keys.next().map(|(key, _)| key.clone()), Some(commit.clone()))
                }
                Origin::Address(_) => (None, None),
            };
            let (of, sha256) = (wanted.origin.to_string(), sha256.clone());
            Some(Locked { of, revision, commit, bytes: *bytes, sha256 })
        };
        let file = files.iter().filter_map(locked).collect();
        Lock { recipe: self.name.clone(), recipe_sha256: self.recipe.sha256.clone(), file }
    }
}

impl Downloads {
    /// The files of a source, by the names that they have there.
    pub(super) fn of(&self, source: &Source) -> Vec<(String, &Fetched)> {
        let wanted = wanted(source, &self.commits, None);
        let named = wanted.iter().filter_map(|one| {
            let (_, fetched) = self.files.iter().find(|(known, _)| known.origin == one.origin)?;
            let name = match &one.origin {
                Origin::Hub { path, .. } => path.rsplit('/').next().unwrap_or(path).to_owned(),
                Origin::Address(url) => {
                    let parts = url.path_segments();
                    parts.and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned()
                }
            };
            Some((name, fetched.as_ref()?))
        });
        named.collect()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|(_, fetched)| fetched.as_ref()).map(|fetched| fetched.bytes).sum()
    }
}
