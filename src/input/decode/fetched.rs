//! What becomes of pictures that the record only points to? They are fetched, side by side, or the post does without.

use bytes::Bytes;
use futures_util::future::join_all;

use crate::domain::{Rejection, RejectionClass};
use crate::input::fetch::{FetchError, FetchErrorKind, Fetcher, Share};

use super::Decoder;
use super::given::{Encoded, Given, Label, encoded};
use super::header::is_decoded;
use super::image::PictureFault;
use super::left_out::{LeftOut, of_declared};

/// The pictures of a post, all at hand.
pub(super) struct Fetched {
    pub(super) pictures: Vec<Encoded>,
    /// What the post has to do without.
    pub(super) left_out: Vec<LeftOut>,
    /// The room for what was fetched, if anything was; given back when the pictures are decoded.
    pub(super) _share: Option<Share>,
}

impl Decoder {
    /// Fetches what is not in the record itself, and keeps the order of the post.
    pub(super) async fn fetched(&self, given: Vec<Given>) -> Result<Fetched, Rejection> {
        let rules = self.rules();
        let elsewhere = given.iter().filter(|picture| matches!(picture, Given::Elsewhere { .. })).count();
        let mut fetched = Fetched { pictures: Vec::new(), left_out: Vec::new(), _share: None };
        if elsewhere == 0 {
            for picture in given {
                match picture {
                    Given::Here(picture) => fetched.pictures.push(picture),
                    Given::Faulty(label, fault) => fetched.left_out.push(rules.without(&label, &fault)?),
                    Given::Elsewhere { .. } => {}
                }
            }
            return Ok(fetched);
        }
        let fetcher = &self.shared.fetcher;
        let share = fetcher.share(elsewhere);
        // All of them, though one may fail: which fault a post is refused for should not depend on who answers first.
        let arrived = join_all(given.into_iter().map(|picture| arrived(picture, fetcher, &share))).await;
        share.is_fetched();
        let shared = std::sync::Arc::clone(&self.shared);
        self.parse(move || {
            fetched._share = Some(share);
            for picture in arrived {
                let (label, fault) = match picture {
                    Arrived::Here(picture) => {
                        fetched.pictures.push(picture);
                        continue;
                    }
                    Arrived::Fetched(label, bytes) => match encoded(label.clone(), bytes, &shared.config) {
                        Ok(picture) => {
                            fetched.pictures.push(picture);
                            continue;
                        }
                        Err(fault) => {
                            let fault = of_declared(label.declared(), fault);
                            (label, fault)
                        }
                    },
                    Arrived::Missing(label, fault) => (label, fault),
                };
                fetched.left_out.push(rules.without(&label, &fault)?);
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
    Missing(Label, PictureFault),
}

/// Fetches a picture that is not here; where there turns out to be none, the one that stands for it.
async fn arrived(given: Given, fetcher: &Fetcher, share: &Share) -> Arrived {
    let (mut label, mut address, preview) = match given {
        Given::Here(picture) => return Arrived::Here(picture),
        Given::Faulty(label, fault) => return Arrived::Missing(label, fault),
        Given::Elsewhere { label, address, preview } => (label, address, preview),
    };
    let mut fetched = fetcher.fetch(&address, share).await;
    if let (Ok(bytes), Some(preview)) = (&fetched, preview)
        && !is_decoded(bytes)
    {
        label.is_preview = true;
        fetched = fetcher.fetch(&preview, share).await;
        address = preview;
    }
    label.address = Some(address);
    match fetched {
        Ok(bytes) => Arrived::Fetched(label, bytes),
        Err(error) => {
            let fault = of_declared(label.declared(), failed(error));
            Arrived::Missing(label, fault)
        }
    }
}

/// What is too large is too large wherever it lies.
fn failed(error: FetchError) -> PictureFault {
    let class = match error.kind {
        FetchErrorKind::Refused => RejectionClass::FetchRefused,
        FetchErrorKind::TooLarge => RejectionClass::TooLarge,
        FetchErrorKind::Lasting
        | FetchErrorKind::Passing { .. }
        | FetchErrorKind::NoAnswer
        | FetchErrorKind::HostIsShut { .. }
        | FetchErrorKind::NoRoom => RejectionClass::FetchFailed,
    };
    PictureFault { class, message: error.message }
}
