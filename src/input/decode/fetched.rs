//! Pictures behind URLs: they are fetched side by side, in the order of the post, or the post does without them.

use bytes::Bytes;
use futures_util::future::join_all;

use crate::domain::{Rejection, RejectionClass};
use crate::input::MediaFault;
use crate::input::config::Config;
use crate::input::fetch::{FetchError, FetchErrorKind, Fetcher, PostShare};
use crate::input::pictures::is_decoded;

use super::declared::reclassified;
use super::media::{EncodedPicture, MediaLabel, Medium};
use super::omitted::{OmissionRules, OmittedMedia};

/// The pictures of a post, all present.
pub(super) struct Fetched {
    pub(super) pictures: Vec<EncodedPicture>,
    pub(super) omitted: Vec<OmittedMedia>,
    /// The memory for what was fetched, if anything was; given back when the pictures are decoded.
    pub(super) _share: Option<PostShare>,
}

/// The media of a post after fetching.
pub(super) struct Arrivals {
    media: Vec<Arrival>,
    share: Option<PostShare>,
}

enum Arrival {
    Encoded(EncodedPicture),
    Fetched(MediaLabel, Bytes),
    Faulty(MediaLabel, MediaFault),
}

/// Fetches what is not in the record itself.
pub(super) async fn fetch(media: Vec<Medium>, fetcher: &Fetcher) -> Arrivals {
    let remote = media.iter().filter(|medium| matches!(medium, Medium::Remote { .. })).count();
    let share = fetcher.share(remote);
    // All of them, though one may fail: the fault that a post is rejected for must not depend on which server answers
    // first.
    let media = join_all(media.into_iter().map(|medium| arrival(medium, fetcher, &share))).await;
    if remote == 0 {
        return Arrivals { media, share: None };
    }
    share.is_fetched();
    Arrivals { media, share: Some(share) }
}

impl Arrivals {
    /// Whether there are fetched bytes to be looked at.
    pub(super) fn has_fetched(&self) -> bool {
        self.share.is_some()
    }

    /// Checks the headers of fetched pictures, and decides what becomes of faulty media.
    pub(super) fn check(self, rules: OmissionRules, config: &Config) -> Result<Fetched, Rejection> {
        let mut fetched = Fetched { pictures: Vec::new(), omitted: Vec::new(), _share: self.share };
        for medium in self.media {
            let (label, fault) = match medium {
                Arrival::Encoded(picture) => {
                    fetched.pictures.push(picture);
                    continue;
                }
                Arrival::Fetched(label, bytes) => match EncodedPicture::new(label.clone(), bytes, config) {
                    Ok(picture) => {
                        fetched.pictures.push(picture);
                        continue;
                    }
                    Err(fault) => {
                        let fault = reclassified(label.declared(), fault);
                        (label, fault)
                    }
                },
                Arrival::Faulty(label, fault) => (label, fault),
            };
            fetched.omitted.push(rules.omit(&label, &fault)?);
        }
        Ok(fetched)
    }
}

/// Fetches a medium that is not in the record; where it turns out to be no picture, its preview.
async fn arrival(medium: Medium, fetcher: &Fetcher, share: &PostShare) -> Arrival {
    let (mut label, mut url, preview_url) = match medium {
        Medium::Encoded(picture) => return Arrival::Encoded(picture),
        Medium::Faulty(label, fault) => return Arrival::Faulty(label, fault),
        Medium::Remote { label, url, preview_url } => (label, url, preview_url),
    };
    let mut fetched = fetcher.fetch(&url, share).await;
    if let (Ok(bytes), Some(preview_url)) = (&fetched, preview_url)
        && !is_decoded(bytes)
    {
        label.is_preview = true;
        fetched = fetcher.fetch(&preview_url, share).await;
        url = preview_url;
    }
    label.url = Some(url);
    match fetched {
        Ok(bytes) => Arrival::Fetched(label, bytes),
        Err(error) => {
            let fault = reclassified(label.declared(), fetch_fault(error));
            Arrival::Faulty(label, fault)
        }
    }
}

/// A picture that is too large gets the same class wherever it comes from.
fn fetch_fault(error: FetchError) -> MediaFault {
    let class = match error.kind {
        FetchErrorKind::Refused => RejectionClass::FetchRefused,
        FetchErrorKind::TooLarge => RejectionClass::TooLarge,
        FetchErrorKind::Permanent
        | FetchErrorKind::Transient { .. }
        | FetchErrorKind::NoAnswer
        | FetchErrorKind::HostSuspended { .. }
        | FetchErrorKind::OutOfMemory => RejectionClass::FetchFailed,
    };
    MediaFault::new(class, error.message)
}
