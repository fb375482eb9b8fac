//! The shape `post`: one object for each post with all its entities.

use serde::Serialize;

use super::super::super::{Annotated, Include, MediaInfo, PostFacts};
use super::super::format::{AnswerTimes, EncoderOptions};
use super::super::time::rfc3339;
use super::mask::WireMask;
use super::wire::{Included, Rounded, WireBox, degraded_codes};
use crate::domain::{ModelAnswer, Phrase, Region, Triple};

/// The value of `schema` in each object.
pub(super) const SCHEMA: &str = "riveg.annotation";

/// The value of `version`. It increases when a field changes its meaning or is removed.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The object, which `write` makes of its first fields, the repeated fields of the post, and the others.
pub(super) fn written<T>(
    annotated: &Annotated,
    options: &EncoderOptions,
    times: AnswerTimes,
    write: impl Fn(&Head<'_>, Included<'_>, &Rest<'_>) -> T,
) -> T {
    let EncoderOptions { provenance, include, .. } = options;
    let with_urls = include.contains(&Include::Media);
    let head = Head { schema: SCHEMA, version: SCHEMA_VERSION, post_id: &annotated.post_id };
    let rest = Rest {
        entities: annotated
            .annotation
            .triples
            .iter()
            .map(|triple| entity(annotated, triple, options))
            .collect(),
        media: annotated
            .media
            .iter()
            .map(|media| medium(media, with_urls.then_some(&annotated.post)))
            .collect(),
        provenance: WireProvenance {
            engine: &provenance.engine,
            bundle: &provenance.bundle,
            degraded: annotated.annotation.missing(),
            degraded_codes: degraded_codes(&annotated.annotation),
        },
        ingested_at: rfc3339(times.ingested),
        published_at: rfc3339(times.published),
    };
    write(&head, Included { post: &annotated.post, include, prefix: "" }, &rest)
}

#[derive(Serialize)]
pub(super) struct Head<'a> {
    schema: &'static str,
    version: u32,
    post_id: &'a str,
}

#[derive(Serialize)]
pub(super) struct Rest<'a> {
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
    /// Only if its plain spelling, without HTML, is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    surface: Option<&'a str>,
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
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    bbox: Option<[Rounded<2>; 4]>,
    /// In place of `box` if boxes are relative.
    #[serde(skip_serializing_if = "Option::is_none")]
    relative_box: Option<[Rounded<6>; 4]>,
    box_score: Rounded<4>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<WireMask<'a>>,
    mask_score: Rounded<4>,
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
    /// What the answer lacks, in words.
    degraded: Vec<&'a str>,
    /// The kind of each.
    degraded_codes: Vec<&'static str>,
}

fn entity<'a>(annotated: &'a Annotated, triple: &'a Triple, options: &EncoderOptions) -> Entity<'a> {
    let Triple { mention, iri, phrase, verdicts, regions } = triple;
    Entity {
        id: annotated.entity_id(mention),
        text: &mention.text,
        surface: Some(annotated.post.surface(mention)).filter(|surface| *surface != mention.text),
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
        regions: regions.iter().map(|found| region(found, options)).collect(),
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

fn region<'a>(region: &'a Region, options: &EncoderOptions) -> WireRegion<'a> {
    let Region { media_key, box_score, mask, mask_score, .. } = region;
    let (bbox, relative_box) = WireBox::of(region, options.boxes).split();
    WireRegion {
        media_key,
        bbox,
        relative_box,
        box_score: Rounded(*box_score),
        mask: WireMask::of(mask, options.masks),
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
