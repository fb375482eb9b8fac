//! Reader of the format `riveg`: from the JSON of an answer back to the annotation, as any consumer reads it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::super::super::{Annotated, MediaInfo, PostFacts, Provenance};
use super::super::format::AnswerTimes;
use super::post::{SCHEMA, SCHEMA_VERSION};
use super::triple;
use crate::domain::{
    Annotation, BBox, ContentHash, Degradation, DegradedCode, EntityType, GateVerdict, Mask, Mention,
    ModelAnswer, Phrase, PhraseSource, RawJson, Region, Span, Triple,
};

/// An answer that was read.
#[derive(Debug, Clone)]
pub struct ReadAnswer {
    /// The annotation, with what the answer says about its post.
    pub annotated: Annotated,
    /// Engine and bundle.
    pub provenance: Provenance,
    /// When the post was read and the answer written; 1970 where the answer does not say.
    pub times: AnswerTimes,
}

/// Reads an answer. Fields that are not known are passed over.
///
/// # Errors
/// Where the JSON differs from the schema.
pub fn read(json: &[u8]) -> Result<ReadAnswer, String> {
    let wire: Wire = serde_json::from_slice(json).map_err(|error| explained(&error, json))?;
    if wire.schema.as_deref().is_some_and(|schema| schema != SCHEMA) {
        return Err(format!("`schema` is `{}`, not `{SCHEMA}`", wire.schema.unwrap_or_default()));
    }
    if wire.version.is_some_and(|version| version != SCHEMA_VERSION) {
        return Err(format!(
            "`version` is {}, and this program reads {SCHEMA_VERSION}",
            wire.version.unwrap_or_default()
        ));
    }
    let media = wire.media.iter().map(Medium::info).collect::<Result<Vec<MediaInfo>, String>>()?;
    let size = |medium: &MediaInfo| (medium.width, medium.height);
    let pictures: BTreeMap<&str, (u32, u32)> =
        media.iter().map(|medium| (medium.key.as_str(), size(medium))).collect();
    let degraded = wire.provenance.degradations();
    // The answer says that some regions have no mask.
    let may_lack_masks = degraded.iter().any(|what| what.code == DegradedCode::NoMask);
    let triple = |entity: Entity| {
        let name = entity.text.clone();
        entity.triple(&pictures, may_lack_masks).map_err(|fault| format!("entity `{name}`: {fault}"))
    };
    let triples = wire.entities.into_iter().map(triple).collect::<Result<_, String>>()?;
    let raw = |value: Option<Value>| value.map(|value| RawJson::new(value.to_string()));
    let address = |medium: &Medium| Some((medium.key.clone(), medium.url.clone()?));
    let post = PostFacts {
        uri: wire.uri,
        text: wire.text.unwrap_or_default(),
        created_at: raw(wire.created_at),
        lang: raw(wire.lang),
        author: raw(wire.author),
        addresses: wire.media.iter().filter_map(address).collect(),
        ..PostFacts::default()
    };
    let annotation = Annotation { triples, degraded };
    let times = AnswerTimes { ingested: moment(wire.ingested_at)?, published: moment(wire.published_at)? };
    let provenance = Provenance { engine: wire.provenance.engine, bundle: wire.provenance.bundle };
    Ok(ReadAnswer {
        annotated: Annotated { post_id: wire.post_id, key: None, media, annotation, post },
        provenance,
        times,
    })
}

/// Why JSON is no answer; of a record in the other shape, which setting makes answers.
fn explained(error: &serde_json::Error, json: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Named {
        schema: String,
    }
    match serde_json::from_slice(json) {
        Ok(Named { schema }) if schema == triple::SCHEMA => {
            let needed = "from an output with `shape = \"post\"`";
            format!("it is one triple of an answer; this needs whole answers, {needed}")
        }
        _ => error.to_string(),
    }
}

fn moment(text: Option<String>) -> Result<SystemTime, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(UNIX_EPOCH) };
    humantime::parse_rfc3339(&text)
        .map_err(|_| format!("`{text}` is not a time such as 2026-01-31T08:00:00Z"))
}

#[derive(Deserialize)]
struct Wire {
    schema: Option<String>,
    version: Option<u32>,
    post_id: String,
    uri: Option<String>,
    #[serde(default)]
    created_at: Option<Value>,
    #[serde(default)]
    lang: Option<Value>,
    #[serde(default)]
    author: Option<Value>,
    text: Option<String>,
    entities: Vec<Entity>,
    #[serde(default)]
    media: Vec<Medium>,
    provenance: WireProvenance,
    ingested_at: Option<String>,
    published_at: Option<String>,
}

#[derive(Deserialize)]
struct WireProvenance {
    #[serde(default)]
    engine: String,
    #[serde(default)]
    bundle: String,
    degraded: Vec<String>,
    #[serde(default)]
    degraded_codes: Vec<String>,
}

impl WireProvenance {
    fn degradations(&self) -> Vec<Degradation> {
        let mut words = self.degraded_codes.iter();
        let code = |word: Option<&String>| word.and_then(|word| DegradedCode::of_word(word));
        let degradation =
            |detail: &String| code(words.next()).unwrap_or(DegradedCode::Unstated).because(detail.as_str());
        self.degraded.iter().map(degradation).collect()
    }
}

#[derive(Deserialize)]
struct Medium {
    key: String,
    index: usize,
    width: u32,
    height: u32,
    orientation: Option<u8>,
    blake3: String,
    url: Option<String>,
    #[serde(default)]
    preview: bool,
}

#[derive(Deserialize)]
struct Entity {
    text: String,
    r#type: String,
    iri: Option<String>,
    span: WireSpan,
    score: f32,
    expansion: Option<Expansion>,
    phrase: String,
    gate: Option<Gate>,
    regions: Vec<WireRegion>,
}

#[derive(Deserialize)]
struct WireSpan {
    start: usize,
    end: usize,
    byte_start: usize,
    byte_end: usize,
}

#[derive(Deserialize)]
struct Expansion {
    text: String,
    source: String,
    by: Option<String>,
    #[serde(default)]
    others: Vec<Other>,
}

#[derive(Deserialize)]
struct Other {
    text: String,
    by: Option<String>,
}

#[derive(Deserialize)]
struct Gate {
    pictures: Vec<GatePicture>,
}

#[derive(Deserialize)]
struct GatePicture {
    media_key: String,
    decision: String,
    probability: f32,
    dropped_box_score: Option<f32>,
}

#[derive(Deserialize)]
struct WireRegion {
    media_key: String,
    #[serde(default, deserialize_with = "edges")]
    r#box: Option<[f32; 4]>,
    #[serde(default, deserialize_with = "edges")]
    relative_box: Option<[f32; 4]>,
    box_score: f32,
    mask: Option<WireMask>,
    mask_score: f32,
}

/// The edges of a box. Formats whose lists cannot be absent, such as Avro, write a list without elements.
fn edges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[f32; 4]>, D::Error> {
    let edges = Option::<Vec<f32>>::deserialize(deserializer)?.unwrap_or_default();
    match edges[..] {
        [] => Ok(None),
        [x0, y0, x1, y1] => Ok(Some([x0, y0, x1, y1])),
        _ => Err(D::Error::invalid_length(edges.len(), &"four edges")),
    }
}

#[derive(Deserialize)]
struct WireMask {
    size: [u32; 2],
    counts: Option<String>,
}

impl Medium {
    fn info(&self) -> Result<MediaInfo, String> {
        let hash = blake3::Hash::from_hex(&self.blake3)
            .map_err(|error| format!("picture `{}`: `blake3` is no hash: {error}", self.key))?;
        Ok(MediaInfo {
            key: self.key.clone(),
            width: self.width,
            height: self.height,
            orientation: self.orientation.unwrap_or(1),
            hash: ContentHash(*hash.as_bytes()),
            index: self.index,
            is_preview: self.preview,
        })
    }
}

impl Entity {
    fn triple(self, pictures: &BTreeMap<&str, (u32, u32)>, may_lack_masks: bool) -> Result<Triple, String> {
        let WireSpan { start, end, byte_start, byte_end } = self.span;
        let phrase = phrase(self.phrase, self.expansion)?;
        let verdicts = self.gate.into_iter().flat_map(|gate| gate.pictures).map(|picture| GateVerdict {
            media_key: picture.media_key,
            depicted: picture.decision == "depicted",
            probability: picture.probability,
            dropped_box_score: picture.dropped_box_score,
        });
        let region = |region: WireRegion| {
            let Some(&size) = pictures.get(region.media_key.as_str()) else {
                return Err(format!(
                    "a region is in the picture `{}`, which `media` does not have",
                    region.media_key
                ));
            };
            region.region(size, may_lack_masks)
        };
        Ok(Triple {
            mention: Mention {
                text: self.text,
                entity_type: EntityType::new(&self.r#type),
                span: Span { start, end, byte_start, byte_end },
                score: self.score,
            },
            iri: self.iri.map(Into::into),
            phrase,
            verdicts: verdicts.collect(),
            regions: self.regions.into_iter().map(region).collect::<Result<_, _>>()?,
        })
    }
}

fn phrase(text: String, expansion: Option<Expansion>) -> Result<Phrase, String> {
    let Some(Expansion { text: expansion, source, by, others }) = expansion else {
        return Ok(Phrase { text, expansion: None, source: PhraseSource::NameOnly, answers: Vec::new() });
    };
    let source = PhraseSource::ALL
        .into_iter()
        .find(|known| known.as_str() == source)
        .ok_or_else(|| format!("`{source}` is no source of expansions"))?;
    let mut answers = Vec::new();
    if source == PhraseSource::Llm {
        answers.push(ModelAnswer { endpoint: by, text: expansion.clone() });
        answers.extend(others.into_iter().map(|other| ModelAnswer { endpoint: other.by, text: other.text }));
    }
    Ok(Phrase { text, expansion: Some(expansion), source, answers })
}

impl WireRegion {
    /// The region in a picture of this width and height.
    fn region(self, (width, height): (u32, u32), may_lack_mask: bool) -> Result<Region, String> {
        let scaled = |[x0, y0, x1, y1]: [f32; 4]| {
            let (width, height) = (width as f32, height as f32);
            [x0 * width, y0 * height, x1 * width, y1 * height]
        };
        let bbox = self.r#box.or(self.relative_box.map(scaled));
        let [x0, y0, x1, y1] = bbox.ok_or("a region has neither `box` nor `relative_box`")?;
        let mask = match self.mask {
            Some(WireMask { size: [rows, columns], counts: Some(counts) }) => {
                Mask::from_coco_counts(columns, rows, &counts).map_err(|fault| fault.to_string())?
            }
            None if may_lack_mask => Mask::without_pixels(width, height),
            Some(_) | None => return Err(NO_RUN_LENGTHS.to_owned()),
        };
        Ok(Region {
            media_key: self.media_key,
            bbox: BBox { x0, y0, x1, y1 },
            box_score: self.box_score,
            mask: mask.into(),
            mask_score: self.mask_score,
        })
    }
}

/// The masks of other forms are not read back: polygons have lost pixels, and `none` all.
const NO_RUN_LENGTHS: &str =
    "a region has no mask as COCO run lengths; this needs answers of an output with `masks = \"coco\"`";

#[cfg(test)]
mod tests;
