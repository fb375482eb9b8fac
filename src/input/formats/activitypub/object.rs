//! Objects of ActivityStreams that are posts: text, language, attachments, addresses.

use std::borrow::Cow;

use crate::domain::{RawJson, Rejection};
use crate::input::escape::shortened;

use super::super::draft::{MediaDraft, MediaSource, PostDraft, TextForm};
use super::super::format::{Event, ReadContext};
use super::super::html;
use super::super::json::{
    JsonValue, Kind, field, joined, repeated, string_at, text, text_field, within_max_text,
};
use super::super::lists::each_medium;
use super::values::{address, id_of, types};

/// Objects that are read as posts. A `Question` is a poll with a text, a `Page` a post of a forum.
const POSTS: &[&str] = &["Note", "Article", "Question", "Page"];

/// Attachments that are media. Others are links or data.
const MEDIA: &[&str] = &["Document", "Image", "Video", "Audio"];

/// The most addresses of one attachment that are looked at: a video has one for each of its sizes.
const MAX_ADDRESSES: usize = 32;

pub(super) fn is_post_type(name: &str) -> bool {
    POSTS.contains(&name)
}

/// Whether an object has its text with it.
pub(super) fn has_text(object: JsonValue<'_>) -> bool {
    ["content", "contentMap", "name"].iter().any(|name| field(object, name).is_some())
}

/// Reads a post, with the activity that brings it. A content warning or an abstract (`summary`) is no part of the text.
///
/// # Errors
/// `malformed` with the JSON path; `too-large` with the limit.
pub(super) fn read(
    object: JsonValue<'_>,
    path: &str,
    activity: Option<JsonValue<'_>>,
    context: &ReadContext<'_>,
) -> Result<Event, Rejection> {
    let id = id_of(object, path)?;
    let Content { text, place, lang } = content(object);
    let text_path = joined(path, &place);
    let text = match text {
        Some(text) => string_at(text, &text_path)?,
        None => String::new(),
    };
    within_max_text(&text, &text_path, context.limits)?;
    let is_html = place != "name" && text_field(object, "mediaType").is_none_or(|kind| kind == "text/html");
    let text_form = if is_html { TextForm::Converted(html::visible_text(&text)) } else { TextForm::Plain };
    let media = attachments(object, path, context)?;
    let mut degraded = Vec::new();
    let mut repeat = |name, value| repeated(name, value, &mut degraded);
    let created_at = repeat("published", field(object, "published"));
    let author = field(object, "attributedTo").and_then(address);
    let author = author.or_else(|| field(activity?, "actor").and_then(address));
    let author = repeat("attributedTo", author);
    let uri = Some(id.clone());
    Ok(Event::Post(Box::new(PostDraft {
        id,
        key: None,
        uri,
        text,
        text_form,
        created_at,
        lang,
        author,
        media,
        degraded,
    })))
}

/// The text of a post, where it lies in the object, and its language.
struct Content<'a> {
    text: Option<JsonValue<'a>>,
    place: String,
    lang: Option<RawJson>,
}

/// The text in `content`, or else the first of `contentMap`, or else the title.
fn content(object: JsonValue<'_>) -> Content<'_> {
    let map = field(object, "contentMap");
    let translations = || map.into_iter().flat_map(JsonValue::members);
    if let Some(text) = field(object, "content") {
        let of_the_text = translations().find(|(_, translation)| translation.text() == text.text());
        let lang = of_the_text.and_then(|(lang, _)| language(&lang));
        return Content { text: Some(text), place: "content".to_owned(), lang };
    }
    if let Some((lang, text)) = translations().next() {
        return Content {
            text: Some(text),
            place: format!("contentMap.{}", shortened(&lang)),
            lang: language(&lang),
        };
    }
    Content { text: field(object, "name"), place: "name".to_owned(), lang: None }
}

/// A language tag as a JSON string; none where it is longer than any such tag.
fn language(tag: &str) -> Option<RawJson> {
    const LONGEST: usize = 64; // bytes; RFC 5646 recommends room for 35
    let json = serde_json::to_string(tag).ok().filter(|_| (1..=LONGEST).contains(&tag.len()));
    json.map(RawJson::new)
}

/// The media among the attachments, which are one object or a list. They have no keys: their places stand for these.
fn attachments(
    object: JsonValue<'_>,
    path: &str,
    context: &ReadContext<'_>,
) -> Result<Vec<MediaDraft>, Rejection> {
    let path = joined(path, "attachment");
    let Some(attachment) = field(object, "attachment") else { return Ok(Vec::new()) };
    if attachment.kind() == Kind::Object {
        return Ok(read_medium(attachment, "attachment".to_owned()).into_iter().collect());
    }
    let mut place = 0..;
    each_medium(attachment, &path, context.limits, |attachment, _| {
        Ok(read_medium(attachment, format!("attachment[{}]", place.next().unwrap_or_default())))
    })
}

/// A medium under this key; none where the attachment is none.
fn read_medium(attachment: JsonValue<'_>, key: String) -> Option<MediaDraft> {
    let kind = types(attachment).find(|name| MEDIA.contains(&&**name))?.into_owned();
    let link = field(attachment, "url").and_then(best_link);
    let media_type = text_field(attachment, "mediaType").or_else(|| text_field(link?, "mediaType"));
    // A document may be anything; the other types say what they are.
    let declared_type =
        media_type.map(Cow::into_owned).or_else(|| (kind != "Document").then(|| kind.to_lowercase()));
    let source = link.and_then(href).map_or(MediaSource::Missing, |url| MediaSource::Url(url.into_owned()));
    let preview = ["icon", "preview", "image"].iter().find_map(|name| picture(field(attachment, name)?));
    let alt_text = text_field(attachment, "name").map(Cow::into_owned);
    Some(MediaDraft {
        key,
        declared_type,
        source,
        preview_url: preview,
        alt_text,
        candidate_boxes: Vec::new(),
    })
}

/// The address of a picture that is given as an object, or as an address.
fn picture(value: JsonValue<'_>) -> Option<String> {
    let one = value.elements().next().unwrap_or(value);
    let link = field(one, "url").and_then(best_link).unwrap_or(one);
    href(link).map(Cow::into_owned)
}

/// The address of an attachment: a string, a link, or the first of a list that is an image, or the first.
fn best_link(url: JsonValue<'_>) -> Option<JsonValue<'_>> {
    if url.kind() != Kind::Array {
        return Some(url);
    }
    let is_image =
        |link: &JsonValue<'_>| text_field(*link, "mediaType").is_some_and(|kind| kind.starts_with("image/"));
    let mut links = url.elements().take(MAX_ADDRESSES);
    links.find(is_image).or_else(|| url.elements().next())
}

fn href(link: JsonValue<'_>) -> Option<Cow<'_, str>> {
    text(link).or_else(|| text_field(link, "href"))
}
