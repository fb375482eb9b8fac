//! Download of one file: bytes go to the disk and into the hashes as they come; after a cut they go on where they ended.
//!
//! Memory is one chunk of the connection. Writes are short and go to the page cache, so they need no thread of their own.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{CONTENT_RANGE, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};

use super::announced::Announced;
use super::cache::Place;
use super::digest::Hashes;
use super::error::{HubError, is_full};
use super::files::{Fetched, Report, Step, Wanted};
use super::redirects::Failed;
use super::requests::{Requests, passing};
use crate::common::http_util::causes_of;

/// One download.
pub(super) struct Download<'download> {
    pub(super) requests: &'download Requests,
    pub(super) url: &'download Url,
    pub(super) wanted: &'download Wanted,
    pub(super) place: &'download Place,
    pub(super) announced: &'download Announced,
    pub(super) report: Report<'download>,
}

/// The bytes that are there, open at their end.
struct Part<'part> {
    path: &'part Path,
    file: File,
    hashes: Hashes,
}

/// Why an attempt ended.
enum Ended {
    /// Another may succeed, after the wait that the server asks for.
    Passing { cause: String, after: Option<Duration> },
    /// None will.
    For(HubError),
}

impl Download<'_> {
    /// Downloads into the blob, which appears when it is whole and verified.
    pub(super) async fn run(&self, blob: &Path) -> Result<Fetched, HubError> {
        let incomplete = self.place.incomplete(self.announced.tag.as_deref());
        let mut part = self.open(&incomplete)?;
        let there = part.hashes.bytes();
        (self.report)(&self.wanted.origin, Step::Begin { size: self.announced.size, there });
        let mut attempts = 0;
        loop {
            let before = part.hashes.bytes();
            let ended = match self.attempt(&mut part).await {
                Ok(()) => break,
                Err(Ended::For(error)) => {
                    // Bytes of an answer that contradicts itself are not gone on from.
                    if matches!(error, HubError::Contradiction { .. }) {
                        self.forget(&incomplete)?;
                    }
                    return Err(error);
                }
                Err(Ended::Passing { cause, after }) => (cause, after),
            };
            let (cause, after) = ended;
            attempts = if part.hashes.bytes() > before { 1 } else { attempts + 1 };
            let Some(wait) = self.requests.wait(attempts, after) else {
                let bytes = part.hashes.bytes();
                return Err(HubError::Cut { file: self.wanted.origin.to_string(), cause, attempts, bytes });
            };
            (self.report)(&self.wanted.origin, Step::Again { cause, wait });
            tokio::time::sleep(wait).await;
        }
        self.verify(&part).or_else(|error| self.forget(&incomplete).and(Err(error)))?;
        let unwritten = |error| unwritten(self.wanted, (&incomplete, self.announced.size), error);
        part.file.sync_all().map_err(unwritten)?;
        fs::rename(&incomplete, blob).map_err(|error| HubError::cache(blob, error))?;
        Ok(Fetched { file: blob.to_owned(), sha256: part.hashes.sha256(), bytes: part.hashes.bytes() })
    }

    /// Opens what is there from an earlier attempt, and takes it for this process alone.
    fn open<'part>(&self, path: &'part Path) -> Result<Part<'part>, HubError> {
        let unusable = |error| HubError::cache(path, error);
        fs::create_dir_all(&self.place.blobs).map_err(|error| HubError::cache(&self.place.blobs, error))?;
        let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = opened.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HubError::Busy { file: self.wanted.origin.to_string() });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let mut hashes = Hashes::begin(self.announced.size);
        // Without a tag or a hash nothing tells whether the rest belongs to what is there.
        let is_known = self.wanted.pinned.is_some() || self.announced.hash().is_some();
        let may_go_on = is_known || (self.announced.is_strong && self.announced.tag.is_some());
        if may_go_on && file.metadata().map_err(unusable)?.is_file() {
            hashes.update_from(&mut file).map_err(unusable)?;
        }
        let mut part = Part { path, file, hashes };
        if !may_go_on || self.announced.size.is_some_and(|size| part.hashes.bytes() > size) {
            part.restart(self.announced.size).map_err(unusable)?;
        }
        Ok(part)
    }

    /// One request, to the end of its answer.
    async fn attempt(&self, part: &mut Part<'_>) -> Result<(), Ended> {
        let there = part.hashes.bytes();
        if self.announced.size == Some(there) {
            return Ok(());
        }
        let mut headers = HeaderMap::new();
        if there > 0 {
            let range = HeaderValue::try_from(format!("bytes={there}-"));
            headers.extend(range.ok().map(|range| (RANGE, range)));
            // A store of large files has tags of its own, and the hash tells in the end.
            let tag = self.announced.tag.as_ref().filter(|_| self.announced.hash().is_none());
            let tag = tag.and_then(|tag| HeaderValue::try_from(format!("\"{tag}\"")).ok());
            headers.extend(tag.map(|tag| (IF_RANGE, tag)));
        }
        let sent = self.requests.get(self.url, &headers).await;
        let response = sent.map_err(|failed| match failed {
            Failed::Answer(error) => Ended::For(error),
            Failed::Connection(error) => Ended::Passing { cause: causes_of(&error), after: None },
        })?;
        self.begin(part, &response)?;
        self.take(part, response).await
    }

    /// Decides by an answer's head where its bytes belong.
    fn begin(&self, part: &mut Part<'_>, response: &Response) -> Result<(), Ended> {
        let there = part.hashes.bytes();
        let unusable = |error| Ended::For(HubError::cache(part.path, error));
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
                if range.and_then(first_byte) != Some(there) {
                    let range = range.unwrap_or("none").escape_debug().to_string();
                    let what =
                        format!("was asked for the bytes from {there} on, and sends the range `{range}`");
                    return Err(self.contradiction(what));
                }
            }
            // More is there than the file has, or the file is another now.
            StatusCode::RANGE_NOT_SATISFIABLE => {
                part.restart(self.announced.size).map_err(unusable)?;
                let cause = "the server has no such part of it".to_owned();
                return Err(Ended::Passing { cause, after: None });
            }
            status if status.is_success() => {
                if there > 0 {
                    part.restart(self.announced.size).map_err(unusable)?;
                }
            }
            status => {
                if let Some(after) = passing(response) {
                    let cause = format!("the server answered {status}");
                    return Err(Ended::Passing { cause, after: Some(after) });
                }
                self.requests.check(&self.wanted.origin, response).map_err(Ended::For)?;
                return Err(self.contradiction(format!("answered {status}")));
            }
        }
        let length = response.content_length().map(|length| part.hashes.bytes() + length);
        match (self.announced.size, length) {
            (Some(announced), Some(sends)) if announced != sends => {
                Err(self.contradiction(format!("announced {announced} bytes and sends {sends}")))
            }
            _ => Ok(()),
        }
    }

    /// Takes the bytes of an answer.
    async fn take(&self, part: &mut Part<'_>, response: Response) -> Result<(), Ended> {
        let mut size = self.announced.size;
        size = size.or_else(|| response.content_length().map(|length| part.hashes.bytes() + length));
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| Ended::Passing { cause: causes_of(&error), after: None })?;
            if size.is_some_and(|size| part.hashes.bytes() + chunk.len() as u64 > size) {
                let announced = size.unwrap_or_default();
                return Err(self.contradiction(format!("announced {announced} bytes and sends more")));
            }
            let written = part.file.write_all(&chunk);
            written.map_err(|error| Ended::For(unwritten(self.wanted, (part.path, size), error)))?;
            part.hashes.update(&chunk);
            (self.report)(&self.wanted.origin, Step::Grown(part.hashes.bytes()));
        }
        match size {
            Some(size) if part.hashes.bytes() < size => {
                let cause = format!("the connection ended after {} of {size} bytes", part.hashes.bytes());
                Err(Ended::Passing { cause, after: None })
            }
            _ => Ok(()),
        }
    }

    /// Compares all hashes that are known.
    fn verify(&self, part: &Part<'_>) -> Result<(), HubError> {
        if let Some((expected, found)) = self.announced.hash().and_then(|hash| part.hashes.differs(&hash)) {
            let file = self.wanted.origin.to_string();
            return Err(HubError::WrongHash { file, by: "the hub", expected, found });
        }
        check_pinned(self.wanted, &part.hashes)
    }

    /// Removes bytes that are of no use.
    fn forget(&self, incomplete: &Path) -> Result<(), HubError> {
        fs::remove_file(incomplete).map_err(|error| HubError::cache(incomplete, error))
    }

    fn contradiction(&self, what: String) -> Ended {
        Ended::For(HubError::Contradiction { file: self.wanted.origin.to_string(), what })
    }
}

impl Part<'_> {
    /// Begins anew.
    fn restart(&mut self, size: Option<u64>) -> io::Result<()> {
        self.file.set_len(0)?;
        self.hashes = Hashes::begin(size);
        Ok(())
    }
}

/// The first byte of a range such as `bytes 5-9/10`.
fn first_byte(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// Compares a file with the hash that it must have.
pub(super) fn check_pinned(wanted: &Wanted, hashes: &Hashes) -> Result<(), HubError> {
    let Some((expected, by)) = &wanted.pinned else { return Ok(()) };
    let found = hashes.sha256();
    if *expected == found {
        return Ok(());
    }
    Err(HubError::WrongHash { file: wanted.origin.to_string(), by, expected: expected.clone(), found })
}

/// The error of writing a part of a file.
fn unwritten(wanted: &Wanted, (at, size): (&Path, Option<u64>), source: io::Error) -> HubError {
    if is_full(&source) {
        let file = wanted.origin.to_string();
        return HubError::Full { file, at: at.to_owned(), size, source };
    }
    HubError::cache(at, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_where_it_begins() {
        for (range, expected) in
            [("bytes 5-9/10", Some(5)), ("bytes 0-9/*", Some(0)), ("bytes */10", None), ("5-9/10", None)]
        {
            assert_eq!(first_byte(range), expected, "{range}");
        }
    }
}
