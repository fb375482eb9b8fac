//! Embeds of a Bluesky post: its pictures, videos and previews of links, whose bytes are blobs of the author's account.

use std::borrow::Cow;

use crate::domain::Rejection;
use crate::input::MediaFault;
use crate::input::escape::shortened;

use super::super::draft::{MediaDraft, MediaSource};
use super::super::format::ReadContext;
use super::super::json::{JsonValue, Kind, expect_kind, field, joined, required, text_field};
use super::super::lists::each_medium;

/// The address of a video's preview. The host of videos wants the colons of an account escaped.
const VIDEO_PREVIEW: &str = "https://video.bsky.app/watch/{did}/{cid}/thumbnail.jpg";

/// Longer than any address of a blob: 36 bytes of hash in base 32 take 59 letters.
const MAX_CID_BYTES: usize = 256;

/// Reads the embeds of one post.
pub(super) struct Embeds<'a> {
    pub(super) did: &'a str,
    pub(super) context: &'a ReadContext<'a>,
    /// What cannot be read, for the answer's provenance.
    pub(super) degraded: &'a mut Vec<String>,
}

impl Embeds<'_> {
    /// The media of an embed.
    ///
    /// # Errors
    /// `malformed` with the JSON path; `too-large` where there are more than `decode.max_media`.
    pub(super) fn read(&mut self, embed: JsonValue<'_>, path: &str) -> Result<Vec<MediaDraft>, Rejection> {
        expect_kind(embed, Kind::Object, path)?;
        if text_field(embed, "$type").as_deref() != Some("app.bsky.embed.recordWithMedia") {
            return self.read_media(embed, path);
        }
        // A quoted post beside media: the quoted post is another post.
        let path = joined(path, "media");
        let media = required(field(embed, "media"), &path, "media")?;
        expect_kind(media, Kind::Object, &path)?;
        self.read_media(media, &path)
    }

    fn read_media(&mut self, embed: JsonValue<'_>, path: &str) -> Result<Vec<MediaDraft>, Rejection> {
        let kind = text_field(embed, "$type").unwrap_or_default();
        let list = match &*kind {
            "app.bsky.embed.images" => "images",
            // Up to ten pictures in one post.
            "app.bsky.embed.gallery" => "items",
            "app.bsky.embed.external" => return Ok(self.link_preview(embed, path)),
            "app.bsky.embed.video" => return Ok(vec![self.video(embed, path)]),
            "app.bsky.embed.record" => return Ok(Vec::new()),
            other => {
                let other = shortened(other);
                self.degraded.push(format!("`{path}` is of the type `{other}`, whose media are not known"));
                return Ok(Vec::new());
            }
        };
        let Some(images) = field(embed, list) else { return Ok(Vec::new()) };
        each_medium(images, &joined(path, list), self.context.limits, |image, path| {
            expect_kind(image, Kind::Object, path)?;
            let alt_text = text_field(image, "alt").map(Cow::into_owned);
            Ok(Some(self.picture(field(image, "image"), &joined(path, "image"), alt_text)))
        })
    }

    /// The picture of a link that the post shows; none where it has none.
    fn link_preview(&self, embed: JsonValue<'_>, path: &str) -> Vec<MediaDraft> {
        let thumb = field(embed, "external").and_then(|external| field(external, "thumb"));
        let picture = thumb.map(|thumb| self.picture(Some(thumb), &joined(path, "external.thumb"), None));
        picture.into_iter().collect()
    }

    fn video(&self, embed: JsonValue<'_>, path: &str) -> MediaDraft {
        let alt_text = text_field(embed, "alt").map(Cow::into_owned);
        let path = joined(path, "video");
        let mut medium = self.picture(field(embed, "video"), &path, alt_text);
        if let MediaSource::Url(_) = medium.source {
            let did = self.did.replace(':', "%3A");
            medium.preview_url = Some(VIDEO_PREVIEW.replace("{did}", &did).replace("{cid}", &medium.key));
            medium.source = MediaSource::Missing;
        }
        medium
    }

    /// A blob as a picture, under its content identifier.
    fn picture(&self, blob: Option<JsonValue<'_>>, path: &str, alt_text: Option<String>) -> MediaDraft {
        let declared_type = blob.and_then(|blob| text_field(blob, "mimeType")).map(Cow::into_owned);
        let (key, source) = match blob.and_then(content_identifier) {
            Some(cid) => {
                let address = self.context.bluesky_pictures.replace("{did}", self.did).replace("{cid}", &cid);
                (cid, MediaSource::Url(address))
            }
            None => {
                let fault =
                    MediaFault::malformed("is a blob without a content identifier (`ref.$link` or `cid`)");
                (path.to_owned(), MediaSource::Invalid(fault))
            }
        };
        MediaDraft { key, declared_type, source, preview_url: None, alt_text, candidate_boxes: Vec::new() }
    }
}

/// The content identifier of a blob: in `ref.$link`, or in `cid` as records of 2022 have it.
fn content_identifier(blob: JsonValue<'_>) -> Option<String> {
    let link = field(blob, "ref").and_then(|reference| text_field(reference, "$link"));
    let cid = link.or_else(|| text_field(blob, "cid"))?;
    // It becomes part of an address.
    let is_identifier =
        (1..=MAX_CID_BYTES).contains(&cid.len()) && cid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_identifier.then(|| cid.into_owned())
}
