//! The format `riveg`: one JSON object for each post, numbers rounded, fields in a fixed order.

use serde::{Serialize, Serializer};

use super::super::{Annotated, Include, MediaInfo, PostFacts, Shape};
use super::format::{AnswerTimes, EncodedRecord, Encoder, EncoderOptions, OutputFormat};
use super::time::rfc3339;
use crate::domain::{Mask, ModelAnswer, Phrase, RawJson, Region, Triple};

pub mod reader;

/// The value of `schema` in each object.
const SCHEMA: &str = "riveg.annotation";

/// The value of `version`. It increases when a field changes its meaning or is removed.
const SCHEMA_VERSION: u32 = 1;

/// One record for each post.
pub(super) const FORMAT: OutputFormat = OutputFormat { name: "riveg", shapes: &[Shape::Post], encoder };

fn encoder(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    Encoder::new(move |annotated, times| {
        vec![EncodedRecord::new("application/json", to_json(annotated, &options, times))]
    })
}

/// The object as JSON without line breaks.
fn to_json(annotated: &Annotated, options: &EncoderOptions, times: AnswerTimes) -> Vec<u8> {
    let EncoderOptions { provenance, include, .. } = options;
    let with_urls = include.contains(&Include::Media);
    let head = Head { schema: SCHEMA, version: SCHEMA_VERSION, post_id: &annotated.post_id };
    let rest = Rest {
        entities: annotated.annotation.triples.iter().map(|triple| entity(annotated, triple)).collect(),
        media: annotated
            .media
            .iter()
            .map(|media| medium(media, with_urls.then_some(&annotated.post)))
            .collect(),
        provenance: WireProvenance {
            engine: &provenance.engine,
            bundle: &provenance.bundle,
            degraded: &annotated.annotation.degraded,
        },
        ingested_at: rfc3339(times.ingested),
        published_at: rfc3339(times.published),
    };
    // The included fields are inserted as they came: parsing and writing JSON again could change it.
    let mut json = Vec::new();
    write(&head, &mut json);
    json.pop();
    for (name, value) in included_fields(&annotated.post, include) {
        json.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
    }
    let joint = json.len();
    write(&rest, &mut json);
    json[joint] = b',';
    json
}

/// Names and JSON of the repeated fields that stand beside the post's id.
fn included_fields(post: &PostFacts, include: &[Include]) -> impl Iterator<Item = (&'static str, String)> {
    let raw = |value: &Option<RawJson>| value.as_ref().map(|value| value.json().to_owned());
    [
        (Include::CreatedAt, "created_at", raw(&post.created_at)),
        (Include::Lang, "lang", raw(&post.lang)),
        (Include::Author, "author", raw(&post.author)),
        (Include::Text, "text", Some(serde_json::Value::from(post.text.as_str()).to_string())),
    ]
    .into_iter()
    .filter(|(field, ..)| include.contains(field))
    .filter_map(|(_, name, value)| Some((name, value?)))
}

fn write(value: &impl Serialize, json: &mut Vec<u8>) {
    if let Err(error) = serde_json::to_writer(json, value) {
        unreachable!("strings, numbers and lists of them can always be written as JSON: {error}");
    }
}

#[derive(Serialize)]
struct Head<'a> {
    schema: &'static str,
    version: u32,
    post_id: &'a str,
}

#[derive(Serialize)]
struct Rest<'a> {
    entities: Vec<Entity<'a>>,
    media: Vec<Medium<'a>>,
    provenance: WireProvenance<'a>,
    ingested_at: String,
    published_at: String,
}

#[derive(Serialize)]
struct Entity<'a> {
    id: String,
    text: &'a str,
    #[serde(rename = "type")]
    entity_type: &'a str,
    /// Only if the lexicon links the name to a real entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    iri: Option<&'a str>,
    span: WireSpan,
    score: Rounded<4>,
    expansion: Option<Expansion<'a>>,
    phrase: &'a str,
    gate: Option<Gate<'a>>,
    regions: Vec<WireRegion<'a>>,
}

#[derive(Serialize)]
struct WireSpan {
    start: usize,
    end: usize,
    unit: &'static str,
    byte_start: usize,
    byte_end: usize,
}

#[derive(Serialize)]
struct Expansion<'a> {
    text: &'a str,
    source: &'static str,
    /// The endpoint of the language model, if the expansion is from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    /// Expansions of further language models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other<'a>>,
}

#[derive(Serialize)]
struct Other<'a> {
    text: &'a str,
    by: Option<&'a str>,
}

#[derive(Serialize)]
struct Gate<'a> {
    decision: &'static str,
    probability: Rounded<4>,
    pictures: Vec<GatePicture<'a>>,
}

#[derive(Serialize)]
struct GatePicture<'a> {
    media_key: &'a str,
    decision: &'static str,
    probability: Rounded<4>,
    /// Only if the grounder's box was dropped for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_box_score: Option<Rounded<4>>,
}

#[derive(Serialize)]
struct WireRegion<'a> {
    media_key: &'a str,
    #[serde(rename = "box")]
    bbox: [Rounded<2>; 4],
    box_score: Rounded<4>,
    mask: WireMask<'a>,
    mask_score: Rounded<4>,
}

#[derive(Serialize)]
struct WireMask<'a> {
    /// Rows, then columns, as in COCO.
    size: [u32; 2],
    counts: Counts<'a>,
}

/// Encoded while it is written, so that the encoded masks of a post are in memory only once.
struct Counts<'a>(&'a Mask);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_coco_counts())
    }
}

#[derive(Serialize)]
struct Medium<'a> {
    key: &'a str,
    index: usize,
    width: u32,
    height: u32,
    /// Only if the stored picture is not upright.
    #[serde(skip_serializing_if = "Option::is_none")]
    orientation: Option<u8>,
    blake3: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    /// Only if it is true.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    preview: bool,
}

#[derive(Serialize)]
struct WireProvenance<'a> {
    engine: &'a str,
    bundle: &'a str,
    degraded: &'a [String],
}

/// A number that is rounded to `DECIMALS`. Further digits differ between devices and have no meaning.
struct Rounded<const DECIMALS: i32>(f32);

impl<const DECIMALS: i32> Serialize for Rounded<DECIMALS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scale = 10f64.powi(DECIMALS);
        // Adding zero turns a negative zero into a positive one.
        serializer.serialize_f64((f64::from(self.0) * scale).round() / scale + 0.0)
    }
}

fn entity<'a>(annotated: &Annotated, triple: &'a Triple) -> Entity<'a> {
    let Triple { mention, iri, phrase, verdicts, regions } = triple;
    Entity {
        id: annotated.entity_id(mention),
        text: &mention.text,
        entity_type: mention.entity_type.as_str(),
        iri: iri.as_deref(),
        span: WireSpan {
            start: mention.span.start,
            end: mention.span.end,
            unit: "codepoint",
            byte_start: mention.span.byte_start,
            byte_end: mention.span.byte_end,
        },
        score: Rounded(mention.score),
        expansion: phrase.expansion.as_deref().map(|text| expansion(text, phrase)),
        phrase: &phrase.text,
        gate: gate(triple, verdicts.iter().map(|verdict| verdict.probability).reduce(f32::max)),
        regions: regions.iter().map(region).collect(),
    }
}

fn expansion<'a>(text: &'a str, phrase: &'a Phrase) -> Expansion<'a> {
    let other = |told: &'a ModelAnswer| Other { text: &told.text, by: told.endpoint.as_deref() };
    Expansion {
        text,
        source: phrase.source.as_str(),
        by: phrase.answers.first().and_then(|told| told.endpoint.as_deref()),
        others: phrase.answers.iter().skip(1).map(other).collect(),
    }
}

/// The gate's decision over all pictures: depicted if one picture depicts it. None if there was no picture.
fn gate(triple: &Triple, most_probable: Option<f32>) -> Option<Gate<'_>> {
    let decision = |depicted: bool| if depicted { "depicted" } else { "absent" };
    Some(Gate {
        decision: decision(triple.verdicts.iter().any(|verdict| verdict.depicted)),
        probability: Rounded(most_probable?),
        pictures: triple
            .verdicts
            .iter()
            .map(|verdict| GatePicture {
                media_key: &verdict.media_key,
                decision: decision(verdict.depicted),
                probability: Rounded(verdict.probability),
                dropped_box_score: verdict.dropped_box_score.map(Rounded),
            })
            .collect(),
    })
}

fn region(region: &Region) -> WireRegion<'_> {
    let Region { media_key, bbox, box_score, mask, mask_score } = region;
    WireRegion {
        media_key,
        bbox: [bbox.x0, bbox.y0, bbox.x1, bbox.y1].map(Rounded),
        box_score: Rounded(*box_score),
        mask: WireMask { size: [mask.height, mask.width], counts: Counts(mask) },
        mask_score: Rounded(*mask_score),
    }
}

/// `post`: the URL of the picture is repeated.
fn medium<'a>(media: &'a MediaInfo, post: Option<&'a PostFacts>) -> Medium<'a> {
    Medium {
        key: &media.key,
        index: media.index,
        width: media.width,
        height: media.height,
        orientation: (media.orientation != 1).then_some(media.orientation),
        blake3: media.hash.to_string(),
        url: post.and_then(|post| post.address(&media.key)),
        preview: media.is_preview,
    }
}

#[cfg(test)]
mod tests;
