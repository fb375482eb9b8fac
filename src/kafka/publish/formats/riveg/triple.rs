//! The shape `triple`: one flat object for each entity with one of its regions, or with none.
//!
//! All records of a post have its key, so that they keep its order and its partition. `triple_id` is for upserts;
//! `triple` and `triples` tell a reader that replaces the rows of a post when it has all of them. A post that names
//! nothing has one record without an entity, so that such a reader drops the rows of an earlier edition.

use serde::Serialize;

use super::super::super::{Annotated, Include};
use super::super::format::{AnswerTimes, EncoderOptions};
use super::super::time::rfc3339;
use super::mask::WireMask;
use super::wire::{Included, Rounded, WireBox, degraded_codes};
use crate::domain::{Region, Triple};

/// The value of `schema` in each object.
pub(super) const SCHEMA: &str = "riveg.triple";

/// The value of `version`. It increases when a field changes its meaning or is removed.
const SCHEMA_VERSION: u32 = 1;

/// The objects of a post, at least one; `write` makes each of its first fields, the repeated fields of the post, and the
/// others.
pub(super) fn written<T>(
    annotated: &Annotated,
    options: &EncoderOptions,
    times: AnswerTimes,
    write: impl Fn(&Head<'_>, Included<'_>, &Rest<'_>) -> T,
) -> Vec<T> {
    let rows = rows(annotated);
    let triples = rows.iter().filter(|(triple, _)| triple.is_some()).count();
    let encode = |(index, (triple, region)): (usize, &Row<'_>)| {
        let head = Head {
            schema: SCHEMA,
            version: SCHEMA_VERSION,
            post_id: &annotated.post_id,
            triple: index,
            triples,
        };
        let rest = rest(annotated, (*triple, *region), options, times);
        write(&head, Included { post: &annotated.post, include: &options.include, prefix: "post_" }, &rest)
    };
    rows.iter().enumerate().map(encode).collect()
}

/// An entity with one of its regions; no entity: the post names nothing.
type Row<'a> = (Option<&'a Triple>, Option<&'a Region>);

fn rows(annotated: &Annotated) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for triple in &annotated.annotation.triples {
        rows.extend(triple.regions.iter().map(|region| (Some(triple), Some(region))));
        if triple.regions.is_empty() {
            rows.push((Some(triple), None));
        }
    }
    if rows.is_empty() {
        rows.push((None, None));
    }
    rows
}

#[derive(Serialize)]
pub(super) struct Head<'a> {
    schema: &'static str,
    version: u32,
    post_id: &'a str,
    /// The place of this record among those of its post, from 0.
    triple: usize,
    /// How many triples the post has.
    triples: usize,
}

/// What has no value is absent.
#[derive(Default, Serialize)]
pub(super) struct Rest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    triple_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Only if its plain spelling, without HTML, is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    surface: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    entity_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iri: Option<&'a str>,
    /// Code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_start: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_end: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Rounded<4>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expansion: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expansion_source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phrase: Option<&'a str>,
    /// Whether one of the pictures shows it; absent if there was no picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    depicted: Option<bool>,
    /// Of the picture with the region, or of the most probable one.
    #[serde(skip_serializing_if = "Option::is_none")]
    depicted_probability: Option<Rounded<4>>,
    #[serde(flatten)]
    place: Place<'a>,
    engine: &'a str,
    bundle: &'a str,
    degraded: Vec<&'a str>,
    degraded_codes: Vec<&'static str>,
    ingested_at: String,
    published_at: String,
}

/// The picture and the region in it.
#[derive(Default, Serialize)]
struct Place<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    media_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_orientation: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_blake3: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_url: Option<&'a str>,
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    bbox: Option<[Rounded<2>; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relative_box: Option<[Rounded<6>; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    box_score: Option<Rounded<4>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<WireMask<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask_score: Option<Rounded<4>>,
}

fn rest<'a>(
    annotated: &'a Annotated,
    (triple, region): Row<'a>,
    options: &'a EncoderOptions,
    times: AnswerTimes,
) -> Rest<'a> {
    let rest = Rest {
        place: region.map(|region| place(annotated, region, options)).unwrap_or_default(),
        engine: &options.provenance.engine,
        bundle: &options.provenance.bundle,
        degraded: annotated.annotation.missing(),
        degraded_codes: degraded_codes(&annotated.annotation),
        ingested_at: rfc3339(times.ingested),
        published_at: rfc3339(times.published),
        ..Rest::default()
    };
    let Some(Triple { mention, iri, phrase, verdicts, .. }) = triple else { return rest };
    let entity_id = annotated.entity_id(mention);
    let judged =
        verdicts.iter().filter(|verdict| region.is_none_or(|region| region.media_key == verdict.media_key));
    let probability = judged.map(|verdict| verdict.probability).reduce(f32::max);
    let is_depicted = verdicts.iter().any(|verdict| verdict.depicted);
    Rest {
        triple_id: Some(triple_id(&entity_id, region.map(|region| region.media_key.as_str()))),
        entity_id: Some(entity_id),
        text: Some(&mention.text),
        surface: Some(annotated.post.surface(mention)).filter(|surface| *surface != mention.text),
        entity_type: Some(mention.entity_type.as_str()),
        iri: iri.as_deref(),
        start: Some(mention.span.start),
        end: Some(mention.span.end),
        byte_start: Some(mention.span.byte_start),
        byte_end: Some(mention.span.byte_end),
        score: Some(Rounded(mention.score)),
        expansion: phrase.expansion.as_deref(),
        expansion_source: phrase.expansion.as_ref().map(|_| phrase.source.as_str()),
        phrase: Some(&phrase.text),
        depicted: Some(is_depicted).filter(|_| !verdicts.is_empty()),
        depicted_probability: probability.map(Rounded),
        ..rest
    }
}

fn place<'a>(annotated: &'a Annotated, region: &'a Region, options: &EncoderOptions) -> Place<'a> {
    let media = annotated.media.iter().find(|media| media.key == region.media_key);
    let (bbox, relative_box) = WireBox::of(region, options.boxes).split();
    let with_urls = options.include.contains(&Include::Media);
    Place {
        media_key: Some(&region.media_key),
        media_index: media.map(|media| media.index),
        media_width: Some(region.mask.width),
        media_height: Some(region.mask.height),
        media_orientation: media.map(|media| media.orientation).filter(|&orientation| orientation != 1),
        media_blake3: media.map(|media| media.hash.to_string()),
        media_url: annotated.post.address(&region.media_key).filter(|_| with_urls),
        bbox,
        relative_box,
        box_score: Some(Rounded(region.box_score)),
        mask: WireMask::of(&region.mask, options.masks),
        mask_score: Some(Rounded(region.mask_score)),
    }
}

/// The id of a triple: it depends on its entity's id and the key of its picture alone.
fn triple_id(entity_id: &str, media_key: Option<&str>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(entity_id.as_bytes());
    if let Some(key) = media_key {
        hasher.update(b"/").update(key.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
