//! Client of a hub: which commit a revision is, and files of it, each from the cache or downloaded.

use std::fs;

use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};

use super::access::Access;
use super::announced::{Announced, error_code, is_commit};
use super::cache::{self, Place, is_inside, place};
use super::digest::{Expected, Hashes};
use super::download::{Download, check_pinned};
use super::error::HubError;
use super::files::{Fetched, Origin, Report, Step, Wanted};
use super::requests::Requests;

/// A hub, with its cache.
#[derive(Debug, Clone)]
pub struct Hub {
    requests: Requests,
}

impl Hub {
    /// A client with the proxies of the environment.
    ///
    /// # Errors
    /// The system has no usable certificates, or a proxy's address is wrong.
    pub fn new(access: Access) -> Result<Self, HubError> {
        Ok(Self { requests: Requests::new(access)? })
    }

    /// The commit that a branch, a tag or a commit is; a file of the repository is asked for, since mirrors have files and
    /// often nothing else.
    ///
    /// # Errors
    /// There is no such repository or revision, it is gated, or no answer comes.
    pub async fn commit(&self, repository: &str, revision: &str, path: &str) -> Result<String, HubError> {
        if is_commit(revision) {
            return Ok(revision.to_owned());
        }
        if self.requests.access.offline {
            let known = cache::commit_of(&self.requests.access.cache, repository, revision);
            let file = format!("the commit of {repository}@{revision}");
            return known
                .ok_or_else(|| HubError::Offline { file, cache: self.requests.access.cache.clone() });
        }
        let origin = Origin::Hub {
            repository: repository.to_owned(),
            commit: revision.to_owned(),
            path: path.to_owned(),
        };
        let url = self.url(&origin)?;
        let response = self.requests.head(&origin, &url).await?;
        if response.status() == StatusCode::NOT_FOUND && error_code(response.headers()) == "EntryNotFound" {
            // The revision is there, the file is not: its own download says so.
        } else {
            self.requests.check(&origin, &response)?;
        }
        let what = "does not say at which commit it is".to_owned();
        let file = origin.to_string();
        Announced::read(response.headers()).commit.ok_or(HubError::Contradiction { file, what })
    }

    /// Writes down the commit of a revision, for work without a network.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn remember(&self, repository: &str, revision: &str, commit: &str) -> Result<(), HubError> {
        if is_commit(revision) {
            return Ok(());
        }
        cache::remember(&self.requests.access.cache, repository, revision, commit)
    }

    /// The page of a repository, for people.
    #[must_use]
    pub fn page(&self, repository: &str) -> String {
        self.requests.page(repository)
    }

    /// A file, from the cache or downloaded; none if it is not published and may be missing.
    ///
    /// # Errors
    /// [`HubError`]. What came of a file that was cut is kept in the cache; a file by its name is always whole.
    pub async fn file(&self, wanted: &Wanted, report: Report<'_>) -> Result<Option<Fetched>, HubError> {
        let origin = &wanted.origin;
        let url = self.url(origin)?;
        let place = place(&self.requests.access.cache, origin);
        if place.file.exists() {
            return self.cached(wanted, &place, report).map(Some);
        }
        if self.requests.access.offline {
            if wanted.optional {
                report(origin, Step::Missing);
                return Ok(None);
            }
            let cache = self.requests.access.cache.clone();
            return Err(HubError::Offline { file: origin.to_string(), cache });
        }
        let response = self.requests.head(origin, &url).await?;
        let is_missing = response.status() == StatusCode::NOT_FOUND
            && (matches!(origin, Origin::Address(_)) || error_code(response.headers()) == "EntryNotFound");
        if is_missing && wanted.optional {
            report(origin, Step::Missing);
            return Ok(None);
        }
        // Some stores answer no question about headers; their file may come all the same.
        let headers = if matches!(origin, Origin::Address(_)) && is_no_head(response.status()) {
            HeaderMap::new()
        } else {
            self.requests.check(origin, &response)?;
            response.headers().clone()
        };
        let announced = Announced::read(&headers);
        let blob = place.blob(announced.tag.as_deref());
        if place.linked && blob.exists() {
            place.link(&blob)?;
            return self.cached(wanted, &place, report).map(Some);
        }
        let download = Download {
            requests: &self.requests,
            url: &url,
            wanted,
            place: &place,
            announced: &announced,
            report,
        };
        let fetched = download.run(&blob).await?;
        place.link(&blob)?;
        report(origin, Step::Downloaded(fetched.bytes));
        Ok(Some(Fetched { file: place.file, ..fetched }))
    }

    /// A file of the cache, verified again: disks err, and others write there too.
    fn cached(&self, wanted: &Wanted, place: &Place, report: Report<'_>) -> Result<Fetched, HubError> {
        let file = &place.file;
        let hashes = Hashes::of(file).map_err(|error| HubError::cache(file, error))?;
        let blob = fs::canonicalize(file).map_err(|error| HubError::cache(file, error))?;
        let named = if place.linked { blob.file_name().and_then(|name| name.to_str()) } else { None };
        let by_name = named.and_then(Expected::of_tag);
        if let Some((expected, found)) = by_name.and_then(|expected| hashes.differs(&expected)) {
            return Err(HubError::Damaged { file: blob, expected, found });
        }
        check_pinned(wanted, &hashes)?;
        report(&wanted.origin, Step::Cached(hashes.bytes()));
        Ok(Fetched { file: file.clone(), sha256: hashes.sha256(), bytes: hashes.bytes() })
    }

    /// Where a file is.
    fn url(&self, origin: &Origin) -> Result<Url, HubError> {
        let refused = |what: &str| HubError::Contradiction {
            file: origin.to_string(),
            what: format!("cannot be asked: {what}"),
        };
        match origin {
            Origin::Address(url) => Ok(url.clone()),
            Origin::Hub { repository, commit, path } => {
                if ![repository, commit, path].into_iter().all(|part| is_inside(part)) {
                    return Err(refused("the name leads out of the repository"));
                }
                let base = self.requests.access.endpoint.as_str().trim_end_matches('/');
                // A branch may have slashes in its name, which are not those of the path.
                let revision = commit.replace('/', "%2F");
                Url::parse(&format!("{base}/{repository}/resolve/{revision}/{path}"))
                    .map_err(|_| refused("its name makes no address"))
            }
        }
    }
}

/// Whether a store answers no question about headers.
fn is_no_head(status: StatusCode) -> bool {
    [StatusCode::METHOD_NOT_ALLOWED, StatusCode::FORBIDDEN, StatusCode::NOT_IMPLEMENTED].contains(&status)
}
