//! Shown post: an answer joined to its post, as the page gets it.

use serde_json::{Value, json};

use super::source_post::{PictureSource, SourcePost};
use crate::domain::DegradedCode;
use crate::kafka::publish::formats::reader::ReadAnswer;
use crate::kafka::publish::formats::{DEFAULT_FORMAT, EncoderOptions};
use crate::kafka::publish::{Annotated, Include, MaskForm};

/// The most bytes of a post's JSON. Real ones have some kilobytes; masks of 50 megapixels have some hundred.
const MAX_JSON: usize = 1 << 20;

/// What is kept of a text that alone is longer than that, in characters.
const MAX_TEXT: usize = 10_000;

/// What is kept of the entities of such a post.
const MAX_ENTITIES: usize = 100;

/// What a post takes beside its JSON and pictures: an entry of the window, keys of pictures.
const OVERHEAD: u64 = 512;

/// A post in the window.
#[derive(Debug)]
pub(super) struct ShownPost {
    pub(super) id: String,
    /// A JSON object without its number, which the window gives.
    pub(super) json: String,
    /// Where the pictures of the answer are, in its order.
    pub(super) pictures: Vec<PictureSource>,
}

impl ShownPost {
    /// The answer with what is known of its post. `place`: where the answer is, in words.
    pub(super) fn new(mut answer: ReadAnswer, source: Option<&SourcePost>, place: &str) -> Self {
        if let Some(source) = source {
            source.complete(&mut answer.annotated);
        }
        let pictures: Vec<(String, PictureSource, Option<String>)> = answer
            .annotated
            .media
            .iter()
            .map(|medium| {
                let found = source.and_then(|source| source.picture(&medium.key, medium.is_preview));
                let address = || answer.annotated.post.address(&medium.key).map(str::to_owned);
                let found = found.or_else(|| address().map(|url| (PictureSource::Url(url), None)));
                let (source, alt) = found.unwrap_or((PictureSource::Missing(NO_POST), None));
                (medium.key.clone(), source, alt)
            })
            .collect();
        let listed: Vec<Value> = pictures
            .iter()
            .map(|(key, source, alt)| {
                json!({ "key": key, "there": source.is_there(), "why": source.why(), "alt": alt })
            })
            .collect();
        let mut written = written(&answer, MaskForm::Coco);
        if written.len() > MAX_JSON {
            shorten(&mut answer.annotated);
            written = self::written(&answer, MaskForm::None);
        }
        let (place, listed) = (Value::from(place), Value::from(listed));
        let json = format!("{{\"place\":{place},\"pictures\":{listed},\"answer\":{written}}}");
        let pictures = pictures.into_iter().map(|(_, source, _)| source).collect();
        Self { id: answer.annotated.post_id, json, pictures }
    }

    /// What it takes in the window.
    pub(super) fn bytes(&self) -> u64 {
        let inline = |source: &PictureSource| match source {
            PictureSource::Inline(bytes) => bytes.len() as u64,
            PictureSource::Url(_) | PictureSource::Missing(_) => 0,
        };
        self.json.len() as u64 + self.pictures.iter().map(inline).sum::<u64>() + OVERHEAD
    }

    /// The JSON with its number.
    pub(super) fn numbered(&self, number: u64) -> String {
        format!("{{\"seq\":{number},{}", self.json.get(1..).unwrap_or("}"))
    }

    /// The picture at a place among those of the answer.
    pub(super) fn picture(&self, place: usize) -> Option<&PictureSource> {
        self.pictures.get(place)
    }
}

const NO_POST: &str = "The post itself was not read: its topic or file is not read, or no longer has it.";

/// The answer as the format `riveg` writes it, with all that is known of its post, boxes in pixels and masks as COCO's run
/// lengths, whatever its own form was.
fn written(answer: &ReadAnswer, masks: MaskForm) -> String {
    let include = vec![Include::CreatedAt, Include::Lang, Include::Author, Include::Text, Include::Media];
    let options = EncoderOptions { include, masks, ..EncoderOptions::plain(answer.provenance.clone()) };
    let records = (DEFAULT_FORMAT.encoder)(&options).encode(&answer.annotated, answer.times);
    let record = records.first().map(|record| String::from_utf8_lossy(&record.value).into_owned());
    // The shape `post` has one record, which is JSON.
    record.unwrap_or_else(|| "null".to_owned())
}

/// Cuts a post that is too large for the page to what fits.
fn shorten(annotated: &mut Annotated) {
    annotated.annotation.triples.truncate(MAX_ENTITIES);
    if annotated.post.text.len() > MAX_TEXT {
        annotated.post.text = annotated.post.text.chars().take(MAX_TEXT).collect();
    }
    let what =
        "the page leaves out masks, and the end of long texts, because the answer is longer than 1 MiB";
    let code = DegradedCode::Unstated;
    annotated.annotation.degraded.truncate(MAX_ENTITIES);
    annotated.annotation.degraded.push(code.because(what));
}
