//! What does a record hold? A post without its pictures, and the pictures still encoded, their headers found good.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use bytes::Bytes;

use crate::domain::{ContentHash, Post, Rejection, RejectionClass};

use super::header::{Header, probe};
use super::image::{PictureFault, content_hash};
use super::{Config, malformed, of_media, wire};

/// A picture as the record gives it.
pub(super) enum Given {
    Here(Encoded),
    Elsewhere { label: Label, address: String },
}

impl Given {
    /// The picture's key, and where it is if it is not here.
    pub(super) fn address(&self) -> Option<(String, String)> {
        match self {
            Self::Here(_) => None,
            Self::Elsewhere { label, address } => Some((label.key.clone(), address.clone())),
        }
    }
}

/// What the record says of a picture beside its bytes.
pub(super) struct Label {
    pub(super) key: String,
    /// What the feed calls it.
    pub(super) declared: Option<String>,
    pub(super) alt_text: Option<String>,
}

/// A picture's encoded bytes, its header found good.
pub(super) struct Encoded {
    pub(super) key: String,
    pub(super) alt_text: Option<String>,
    pub(super) bytes: Bytes,
    pub(super) header: Header,
    pub(super) hash: ContentHash,
}

/// Reads a record: its post without pictures, and the pictures still encoded.
pub(super) fn read(payload: &[u8], config: &Config) -> Result<(Post, Vec<Given>), Rejection> {
    let wire = wire::read(payload, config)?;
    let pictures = wire.media.into_iter().map(|medium| given(medium, config)).collect::<Result<_, _>>()?;
    let post = Post {
        id: wire.id.0,
        text: wire.text.0,
        created_at: wire.created_at.map(|text| text.0),
        lang: wire.lang.map(|text| text.0),
        author: wire.author.map(|text| text.0),
        media: Vec::new(),
    };
    Ok((post, pictures))
}

fn given(medium: wire::WireMedia<'_>, config: &Config) -> Result<Given, Rejection> {
    let label = Label {
        key: medium.key.0,
        declared: medium.declared.map(|text| text.0),
        alt_text: medium.alt_text.map(|text| text.0),
    };
    let refused = |message| Err(of_media(&label.key, &malformed(message)));
    match (medium.bytes, medium.url) {
        (Some(base64), None) => {
            let bytes = inline(&base64, config.max_picture.as_u64());
            let bytes = bytes.map_err(|fault| of_media(&label.key, &fault))?;
            encoded(label, bytes.into(), config).map(Given::Here)
        }
        (None, Some(url)) => Ok(Given::Elsewhere { label, address: url.0 }),
        (Some(_), Some(_)) => refused("has both `bytes` and `url`; one of them is expected"),
        (None, None) => refused("has neither `bytes` nor `url`; one of them is expected"),
    }
}

/// Looks at a picture's header: all pictures share these limits, wherever they come from.
pub(super) fn encoded(label: Label, bytes: Bytes, config: &Config) -> Result<Encoded, Rejection> {
    let Label { key, declared, alt_text } = label;
    let header = probe(&bytes, config).map_err(|mut fault| {
        if let (RejectionClass::UnsupportedMedia, Some(declared)) = (fault.class, declared) {
            fault.message += &format!(" (the record calls it `{}`)", wire::brief(&declared));
        }
        of_media(&key, &fault)
    })?;
    let hash = content_hash(&bytes);
    Ok(Encoded { key, alt_text, bytes, header, hash })
}

/// Standard base64, with or without its padding.
fn inline(base64: &str, limit: u64) -> Result<Vec<u8>, PictureFault> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    // Known before decoding, so that nothing is allocated for a picture that is refused anyway.
    let size = base64.len() as u64 / 4 * 3;
    if size > limit + 3 {
        let message = format!("has about {size} bytes, more than the {limit} of decode.max_picture");
        return Err(PictureFault { class: RejectionClass::TooLarge, message });
    }
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT)
        .decode(base64)
        .map_err(|error| malformed(&format!("has `bytes` that are not base64: {error}")))
}
