//! What becomes of pictures that the record only points to? They are fetched, side by side, or the post does without.

use bytes::Bytes;
use futures_util::future::join_all;

use crate::domain::{Rejection, RejectionClass};
use crate::fetch::{Degrade, FetchError, FetchErrorKind, Share};

use super::given::{Encoded, Given, Label, encoded};
use super::image::PictureFault;
use super::{Decoder, of_media};

/// The pictures of a post, all at hand.
pub(super) struct Fetched {
    pub(super) pictures: Vec<Encoded>,
    /// What the post has to do without.
    pub(super) degraded: Vec<String>,
    /// The room for what was fetched, if anything was; given back when the pictures are decoded.
    pub(super) _share: Option<Share>,
}

impl Decoder {
    /// Fetches what is not in the record itself, and keeps the order of the post.
    pub(super) async fn fetched(&self, given: Vec<Given>) -> Result<Fetched, Rejection> {
        let elsewhere = given.iter().filter(|picture| matches!(picture, Given::Elsewhere { .. })).count();
        if elsewhere == 0 {
            let here = given.into_iter().filter_map(|picture| match picture {
                Given::Here(picture) => Some(picture),
                Given::Elsewhere { .. } => None,
            });
            return Ok(Fetched { pictures: here.collect(), degraded: Vec::new(), _share: None });
        }
        let fetcher = &self.shared.fetcher;
        let share = fetcher.share(elsewhere);
        // All of them, though one may fail: which fault a post is refused for should not depend on who answers first.
        let arrived = join_all(given.into_iter().map(|picture| async {
            match picture {
                Given::Here(picture) => Arrived::Here(picture),
                Given::Elsewhere { label, address } => match fetcher.fetch(&address, &share).await {
                    Ok(bytes) => Arrived::Fetched(label, bytes),
                    Err(error) => Arrived::Missing(label, error),
                },
            }
        }))
        .await;
        share.is_fetched();
        let (shared, degrade) = (std::sync::Arc::clone(&self.shared), fetcher.degrade());
        self.parse(move || {
            let mut fetched = Fetched { pictures: Vec::new(), degraded: Vec::new(), _share: Some(share) };
            for picture in arrived {
                match picture {
                    Arrived::Here(picture) => fetched.pictures.push(picture),
                    Arrived::Fetched(label, bytes) => {
                        fetched.pictures.push(encoded(label, bytes, &shared.config)?);
                    }
                    Arrived::Missing(label, error) => {
                        fetched.degraded.push(done_without(&label, error, degrade)?);
                    }
                }
            }
            Ok(fetched)
        })
        .await
    }
}

/// A picture after fetching.
enum Arrived {
    Here(Encoded),
    Fetched(Label, Bytes),
    Missing(Label, FetchError),
}

/// What the answer says of a picture that failed to come. What may not be asked for is an attack or a wrong setting, and
/// what is too large is too large wherever it lies: such posts are for people to look at.
fn done_without(label: &Label, error: FetchError, degrade: Degrade) -> Result<String, Rejection> {
    let class = match error.kind {
        FetchErrorKind::Refused => RejectionClass::FetchRefused,
        FetchErrorKind::TooLarge => RejectionClass::TooLarge,
        FetchErrorKind::Lasting
        | FetchErrorKind::Passing { .. }
        | FetchErrorKind::NoAnswer
        | FetchErrorKind::HostIsShut { .. }
        | FetchErrorKind::NoRoom => RejectionClass::FetchFailed,
    };
    let rejection = of_media(&label.key, &PictureFault { class, message: error.message });
    if class == RejectionClass::FetchFailed && degrade == Degrade::PublishWithout {
        return Ok(format!("{class}: {}; the post is answered without it", rejection.message));
    }
    Err(rejection)
}
