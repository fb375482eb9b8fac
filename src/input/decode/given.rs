//! What does a record hold? A post without its pictures, and the pictures still encoded, their headers found good.

use std::borrow::Cow;

use bytes::Bytes;

use crate::domain::{Carried, ContentHash, Post, Rejection, RejectionClass};

use super::carried::{DEEPEST, carried};
use super::escapes::unescaped;
use super::header::{Header, probe};
use super::image::{PictureFault, content_hash};
use super::json::Raw;
use super::left_out::{is_no_picture, of_declared};
use super::strings::text;
use super::{Config, inline, malformed, wire};

/// A record, read.
pub(super) struct Record {
    /// The post, without its pictures.
    pub(super) post: Post,
    pub(super) media: Vec<Given>,
    /// What of it is not carried to the output, in words for the provenance.
    pub(super) degraded: Vec<String>,
}

/// A medium as the record gives it.
pub(super) enum Given {
    Here(Encoded),
    Elsewhere {
        label: Label,
        address: String,
        /// Where a picture is that stands for it, should it turn out to be none.
        preview: Option<String>,
    },
    Faulty(Label, PictureFault),
}

/// What the record says of a picture beside its bytes.
#[derive(Debug, Clone)]
pub(super) struct Label {
    /// Its place among the media of the record.
    pub(super) index: usize,
    pub(super) key: String,
    /// What the feed calls it.
    pub(super) declared: Option<String>,
    pub(super) alt_text: Option<String>,
    /// It stands for a medium that is no picture.
    pub(super) is_preview: bool,
    /// Where it was fetched, if it was.
    pub(super) address: Option<String>,
}

/// A picture's encoded bytes, its header found good.
pub(super) struct Encoded {
    pub(super) label: Label,
    pub(super) bytes: Bytes,
    pub(super) header: Header,
    pub(super) hash: ContentHash,
}

/// Reads a record: its post without pictures, and its media still encoded.
pub(super) fn read(payload: &[u8], config: &Config) -> Result<Record, Rejection> {
    let json = wire::json(payload, config)?;
    let wire = wire::read(&json, config)?;
    let mut degraded = Vec::new();
    let mut carry = |field: &str, value: Option<Raw<'_>>| -> Option<Carried> {
        let value = value?;
        let carried = carried(value);
        if carried.is_none() {
            degraded.push(format!("`{field}` is nested deeper than {DEEPEST} lists, and is not repeated"));
        }
        carried
    };
    let (created_at, lang, author) =
        (carry("created_at", wire.created_at), carry("lang", wire.lang), carry("author", wire.author));
    let media = wire.media.into_iter().enumerate().map(|(index, medium)| given(index, medium, config));
    let media = media.collect();
    let unescaped = if config.unescape { unescaped(&wire.text) } else { None };
    let post = Post { id: wire.id, text: wire.text, unescaped, created_at, lang, author, media: Vec::new() };
    Ok(Record { post, media, degraded })
}

fn given(index: usize, medium: wire::WireMedia<'_>, config: &Config) -> Given {
    let wire::WireMedia { key, declared, bytes, url, preview, alt_text } = medium;
    let label = Label { index, key, declared, alt_text, is_preview: false, address: None };
    let source = match source(bytes, url) {
        Ok(source) => source,
        Err(fault) => {
            let fault = of_declared(label.declared(), fault);
            return Given::Faulty(label, fault);
        }
    };
    let is_no_picture = label.declared().is_some_and(is_no_picture);
    match (source, preview) {
        (Source::Base64(base64), preview) => {
            let encoded = inline::bytes(&base64, config.max_picture.as_u64())
                .and_then(|bytes| encoded(label.clone(), bytes.into(), config));
            match (encoded.map_err(|fault| of_declared(label.declared(), fault)), preview) {
                (Ok(encoded), _) => Given::Here(encoded),
                (Err(fault), Some(preview)) if fault.class == RejectionClass::UnsupportedMedia => {
                    label.shown_by(preview)
                }
                (Err(fault), _) => Given::Faulty(label, fault),
            }
        }
        // What moves is not asked for where there is a picture of it.
        (Source::Address(_), Some(preview)) if is_no_picture => label.shown_by(preview),
        (Source::Address(address), preview) => Given::Elsewhere { label, address, preview },
        (Source::None, Some(preview)) => label.shown_by(preview),
        (Source::None, None) => {
            let message = "has neither `bytes` nor `url`".to_owned();
            let fault = PictureFault { class: RejectionClass::UnsupportedMedia, message };
            let fault = of_declared(label.declared(), fault);
            Given::Faulty(label, fault)
        }
    }
}

impl Label {
    /// What the feed calls the medium whose bytes these are: a preview is a picture, whatever it stands for.
    pub(super) fn declared(&self) -> Option<&str> {
        self.declared.as_deref().filter(|_| !self.is_preview)
    }

    /// The medium, as the picture at this address shows it.
    fn shown_by(self, preview: String) -> Given {
        Given::Elsewhere { label: Label { is_preview: true, ..self }, address: preview, preview: None }
    }
}

/// Where the bytes of a medium are.
enum Source<'a> {
    Base64(Cow<'a, str>),
    Address(String),
    None,
}

fn source<'a>(bytes: Option<Raw<'a>>, url: Option<Raw<'a>>) -> Result<Source<'a>, PictureFault> {
    let said = |field: &str, value: Raw<'a>| {
        let fault = || malformed(&format!("has {} as `{field}`; a string is expected", value.kind()));
        text(value).ok_or_else(fault)
    };
    match (bytes, url) {
        (Some(bytes), None) => Ok(Source::Base64(said("bytes", bytes)?)),
        (None, Some(url)) => {
            let url = said("url", url)?;
            Ok(if inline::is_data_url(&url) {
                Source::Base64(url)
            } else {
                Source::Address(url.into_owned())
            })
        }
        (Some(_), Some(_)) => Err(malformed("has both `bytes` and `url`; one of them is expected")),
        (None, None) => Ok(Source::None),
    }
}

/// Looks at a picture's header: all pictures share these limits, wherever they come from.
pub(super) fn encoded(label: Label, bytes: Bytes, config: &Config) -> Result<Encoded, PictureFault> {
    let header = probe(&bytes, config)?;
    let hash = content_hash(&bytes);
    Ok(Encoded { label, bytes, header, hash })
}
