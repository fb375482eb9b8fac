//! Media of a post before they are fetched: what is in the record, what is behind a URL, what is faulty.

use bytes::Bytes;

use crate::domain::{BBox, ContentHash, RejectionClass};
use crate::input::MediaFault;
use crate::input::config::Config;
use crate::input::formats::{MediaDraft, MediaSource};
use crate::input::pictures::{Header, content_hash, probe};

use super::declared::{is_no_picture, reclassified};

/// A medium of a record.
#[derive(Debug)]
pub(super) enum Medium {
    Encoded(EncodedPicture),
    Remote {
        label: MediaLabel,
        url: String,
        /// The URL of a picture that stands for it, should it turn out to be no picture.
        preview_url: Option<String>,
    },
    Faulty(MediaLabel, MediaFault),
}

/// What the record says of a medium beside its bytes.
#[derive(Debug, Clone)]
pub(super) struct MediaLabel {
    /// Its place among the media of the record.
    pub(super) index: usize,
    pub(super) key: String,
    /// The type that the feed declares.
    pub(super) declared_type: Option<String>,
    pub(super) alt_text: Option<String>,
    pub(super) candidate_boxes: Vec<BBox>,
    /// The picture stands for a medium that is no picture.
    pub(super) is_preview: bool,
    /// The URL that the bytes were fetched from, if they were.
    pub(super) url: Option<String>,
}

/// A picture's encoded bytes. Its header is within the limits.
#[derive(Debug)]
pub(super) struct EncodedPicture {
    pub(super) label: MediaLabel,
    pub(super) bytes: Bytes,
    pub(super) header: Header,
    pub(super) hash: ContentHash,
}

impl Medium {
    /// The medium of a draft that stands at `index` in the record.
    pub(super) fn new(index: usize, draft: MediaDraft, config: &Config) -> Self {
        let MediaDraft { key, declared_type, source, preview_url, alt_text, candidate_boxes } = draft;
        let label =
            MediaLabel { index, key, declared_type, alt_text, candidate_boxes, is_preview: false, url: None };
        match (source, preview_url) {
            (MediaSource::Inline(bytes), preview_url) => {
                let encoded = bytes.and_then(|bytes| EncodedPicture::new(label.clone(), bytes, config));
                match (encoded.map_err(|fault| reclassified(label.declared(), fault)), preview_url) {
                    (Ok(encoded), _) => Self::Encoded(encoded),
                    (Err(fault), Some(preview_url)) if fault.class == RejectionClass::UnsupportedMedia => {
                        label.preview_at(preview_url)
                    }
                    (Err(fault), _) => Self::Faulty(label, fault),
                }
            }
            // A video is not fetched where there is a picture of it.
            (MediaSource::Url(_), Some(preview_url)) if label.declared().is_some_and(is_no_picture) => {
                label.preview_at(preview_url)
            }
            (MediaSource::Url(url), preview_url) => Self::Remote { label, url, preview_url },
            (MediaSource::Missing, Some(preview_url)) => label.preview_at(preview_url),
            (MediaSource::Missing, None) => label
                .faulty(MediaFault::new(RejectionClass::UnsupportedMedia, "has neither `bytes` nor `url`")),
            (MediaSource::Invalid(fault), _) => label.faulty(fault),
        }
    }
}

impl MediaLabel {
    /// The declared type of the medium whose bytes these are. A preview is a picture, whatever it stands for.
    pub(super) fn declared(&self) -> Option<&str> {
        self.declared_type.as_deref().filter(|_| !self.is_preview)
    }

    /// The medium, as the picture at this URL shows it.
    fn preview_at(self, url: String) -> Medium {
        Medium::Remote { label: Self { is_preview: true, ..self }, url, preview_url: None }
    }

    fn faulty(self, fault: MediaFault) -> Medium {
        let fault = reclassified(self.declared(), fault);
        Medium::Faulty(self, fault)
    }
}

impl EncodedPicture {
    /// Checks a picture's header. All pictures share these limits, wherever they come from.
    pub(super) fn new(label: MediaLabel, bytes: Bytes, config: &Config) -> Result<Self, MediaFault> {
        let header = probe(&bytes, config)?;
        let hash = content_hash(&bytes);
        Ok(Self { label, bytes, header, hash })
    }
}
