//! How does an annotation look to those who read it? One JSON object a post, numbers rounded, fields in a fixed order.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

use super::time::rfc3339;
use crate::domain::{Annotation, ContentHash, Mention, Post, Region, Triple};

/// The name of the output's schema.
pub const SCHEMA: &str = "riveg.annotation";

/// The version of the output's schema: it grows when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// A post's annotation with what its readers need to know of the post.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotated {
    /// Which post.
    pub post_id: String,
    /// The post's pictures, in its order.
    pub media: Vec<MediaInfo>,
    /// What was found.
    pub annotation: Annotation,
}

/// What readers of an annotation are told of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaInfo {
    /// The feed's key.
    pub key: String,
    /// Columns of the picture that boxes and masks refer to.
    pub width: u32,
    /// Its rows.
    pub height: u32,
    /// The hash of its encoded bytes.
    pub hash: ContentHash,
}

/// Who made the annotations: the same for all of an engine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The engine's version.
    pub engine: String,
    /// The hash of the bundle in use.
    pub bundle: String,
}

impl Provenance {
    /// This engine with a bundle of that hash.
    #[must_use]
    pub fn of_bundle(hash: &str) -> Self {
        Self { engine: env!("CARGO_PKG_VERSION").to_owned(), bundle: hash.to_owned() }
    }
}

impl Annotated {
    /// The annotation of that post; its pixels are not kept.
    #[must_use]
    pub fn new(post: &Post, annotation: Annotation) -> Self {
        let media = post.media.iter().map(|media| MediaInfo {
            key: media.key.clone(),
            width: media.frame.width,
            height: media.frame.height,
            hash: media.frame.hash,
        });
        Self { post_id: post.id.clone(), media: media.collect(), annotation }
    }

    /// The record's value: JSON without line breaks.
    #[must_use]
    pub fn to_json(&self, provenance: &Provenance, ingested: SystemTime, published: SystemTime) -> Vec<u8> {
        let event = Event {
            schema: SCHEMA,
            version: SCHEMA_VERSION,
            post_id: &self.post_id,
            entities: self.annotation.triples.iter().map(|triple| entity(&self.post_id, triple)).collect(),
            media: self.media.iter().map(medium).collect(),
            provenance: WireProvenance {
                engine: &provenance.engine,
                bundle: &provenance.bundle,
                degraded: &self.annotation.degraded,
            },
            ingested_at: rfc3339(ingested),
            published_at: rfc3339(published),
        };
        match serde_json::to_vec(&event) {
            Ok(json) => json,
            Err(error) => unreachable!("strings, numbers and lists of them always become JSON: {error}"),
        }
    }
}

#[derive(Serialize)]
struct Event<'a> {
    schema: &'static str,
    version: u32,
    post_id: &'a str,
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
}

#[derive(Serialize)]
struct WireRegion<'a> {
    media_key: &'a str,
    #[serde(rename = "box")]
    bbox: [Rounded<2>; 4],
    box_score: Rounded<4>,
    mask: WireMask,
    mask_score: Rounded<4>,
}

#[derive(Serialize)]
struct WireMask {
    /// Rows, then columns, as COCO has it.
    size: [u32; 2],
    counts: String,
}

#[derive(Serialize)]
struct Medium<'a> {
    key: &'a str,
    width: u32,
    height: u32,
    blake3: String,
}

#[derive(Serialize)]
struct WireProvenance<'a> {
    engine: &'a str,
    bundle: &'a str,
    degraded: &'a [String],
}

/// A number with so many decimals: what lies beyond differs between devices and means nothing.
struct Rounded<const DECIMALS: i32>(f32);

impl<const DECIMALS: i32> Serialize for Rounded<DECIMALS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scale = 10f64.powi(DECIMALS);
        // Adding zero turns a negative zero into a plain one.
        serializer.serialize_f64((f64::from(self.0) * scale).round() / scale + 0.0)
    }
}

fn entity<'a>(post_id: &str, triple: &'a Triple) -> Entity<'a> {
    let Triple { mention, phrase, verdicts, regions } = triple;
    let expansion = phrase.expansion.as_deref();
    Entity {
        id: entity_id(post_id, mention),
        text: &mention.text,
        entity_type: mention.entity_type.as_str(),
        span: WireSpan {
            start: mention.span.start,
            end: mention.span.end,
            unit: "codepoint",
            byte_start: mention.span.byte_start,
            byte_end: mention.span.byte_end,
        },
        score: Rounded(mention.score),
        expansion: expansion.map(|text| Expansion { text, source: phrase.source.as_str() }),
        phrase: &phrase.text,
        gate: gate(triple, verdicts.iter().map(|verdict| verdict.probability).reduce(f32::max)),
        regions: regions.iter().map(region).collect(),
    }
}

/// The same post always names the same entity by the same id, whatever is said of it.
fn entity_id(post_id: &str, mention: &Mention) -> String {
    let mut hasher = blake3::Hasher::new();
    // Lengths before texts: no two posts can be told apart only by where one part ends and the next begins.
    hasher.update(&(post_id.len() as u64).to_le_bytes()).update(post_id.as_bytes());
    hasher.update(&(mention.span.byte_start as u64).to_le_bytes());
    hasher.update(&(mention.span.byte_end as u64).to_le_bytes());
    hasher.update(mention.entity_type.as_str().as_bytes());
    hasher.finalize().to_hex()[..16].to_owned()
}

/// The gate's answer over all pictures: shown where one shows it. None: there was no picture to ask about.
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
        mask: WireMask { size: [mask.height, mask.width], counts: mask.to_coco_counts() },
        mask_score: Rounded(*mask_score),
    }
}

fn medium(media: &MediaInfo) -> Medium<'_> {
    Medium { key: &media.key, width: media.width, height: media.height, blake3: media.hash.to_string() }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use expect_test::expect;

    use super::*;
    use crate::domain::{BBox, EntityType, GateVerdict, Mask, Phrase, PhraseSource, Span};

    fn mention(text: &str, entity_type: &str, span: [usize; 4]) -> Mention {
        let [start, end, byte_start, byte_end] = span;
        Mention {
            text: text.to_owned(),
            entity_type: EntityType::new(entity_type),
            span: Span { start, end, byte_start, byte_end },
            score: 0.987_654_3,
        }
    }

    fn verdict(media_key: &str, depicted: bool, probability: f32) -> GateVerdict {
        GateVerdict { media_key: media_key.to_owned(), depicted, probability }
    }

    /// "🏀 CP3 in Zürich": one entity in one of two pictures, one in none.
    fn annotated() -> Annotated {
        let shown = Triple {
            mention: mention("CP3", "PER", [2, 5, 5, 8]),
            phrase: Phrase {
                text: "CP3 (PER) - a basketball player in a purple jersey".to_owned(),
                expansion: Some("a basketball player in a purple jersey".to_owned()),
                source: PhraseSource::Lexicon,
            },
            verdicts: vec![verdict("a", true, 0.912_34), verdict("b", false, 0.000_04)],
            regions: vec![Region {
                media_key: "a".to_owned(),
                bbox: BBox { x0: -0.001, y0: 1.005, x1: 2.996, y1: 4.0 },
                box_score: 0.75,
                mask: Mask { width: 3, height: 4, runs: vec![5, 2, 2, 2, 1] },
                mask_score: 1.0,
            }],
        };
        let absent = Triple {
            mention: mention("Zürich", "LOC", [9, 15, 12, 19]),
            phrase: Phrase {
                text: "Zürich (LOC)".to_owned(),
                expansion: None,
                source: PhraseSource::NameOnly,
            },
            verdicts: vec![verdict("a", false, 0.1), verdict("b", false, 0.25)],
            regions: vec![],
        };
        let media = |key: &str, byte| MediaInfo {
            key: key.to_owned(),
            width: 3,
            height: 4,
            hash: ContentHash([byte; 32]),
        };
        Annotated {
            post_id: "post-1".to_owned(),
            media: vec![media("a", 0xab), media("b", 0)],
            annotation: Annotation { triples: vec![shown, absent], degraded: vec![] },
        }
    }

    fn json(annotated: &Annotated) -> serde_json::Value {
        let provenance = Provenance { engine: "0.1.0".to_owned(), bundle: "c0ffee".to_owned() };
        let ingested = UNIX_EPOCH + Duration::from_millis(1_750_000_000_123);
        let published = ingested + Duration::from_millis(877);
        let bytes = annotated.to_json(&provenance, ingested, published);
        assert!(!bytes.contains(&b'\n'), "one record is one line");
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn an_annotation_looks_like_this() {
        let provenance = Provenance { engine: "0.1.0".to_owned(), bundle: "c0ffee".to_owned() };
        let ingested = UNIX_EPOCH + Duration::from_millis(1_750_000_000_123);
        let published = ingested + Duration::from_millis(877);
        let line = String::from_utf8(annotated().to_json(&provenance, ingested, published)).unwrap();
        expect![[r#"
            {"schema":"riveg.annotation",
            "version":1,
            "post_id":"post-1",
            "entities":[{"id":"b0af0aacb419f8d4",
            "text":"CP3",
            "type":"PER",
            "span":{"start":2,
            "end":5,
            "unit":"codepoint",
            "byte_start":5,
            "byte_end":8},
            "score":0.9877,
            "expansion":{"text":"a basketball player in a purple jersey",
            "source":"lexicon"},
            "phrase":"CP3 (PER) - a basketball player in a purple jersey",
            "gate":{"decision":"depicted",
            "probability":0.9123,
            "pictures":[{"media_key":"a",
            "decision":"depicted",
            "probability":0.9123},{"media_key":"b",
            "decision":"absent",
            "probability":0.0}]},
            "regions":[{"media_key":"a",
            "box":[0.0,1.0,3.0,4.0],
            "box_score":0.75,
            "mask":{"size":[4,3],
            "counts":"5220O"},
            "mask_score":1.0}]},{"id":"1bb63fdd97c81081",
            "text":"Zürich",
            "type":"LOC",
            "span":{"start":9,
            "end":15,
            "unit":"codepoint",
            "byte_start":12,
            "byte_end":19},
            "score":0.9877,
            "expansion":null,
            "phrase":"Zürich (LOC)",
            "gate":{"decision":"absent",
            "probability":0.25,
            "pictures":[{"media_key":"a",
            "decision":"absent",
            "probability":0.1},{"media_key":"b",
            "decision":"absent",
            "probability":0.25}]},
            "regions":[]}],
            "media":[{"key":"a",
            "width":3,
            "height":4,
            "blake3":"abababababababababababababababababababababababababababababababab"},{"key":"b",
            "width":3,
            "height":4,
            "blake3":"0000000000000000000000000000000000000000000000000000000000000000"}],
            "provenance":{"engine":"0.1.0",
            "bundle":"c0ffee",
            "degraded":[]},
            "ingested_at":"2025-06-15T15:06:40.123Z",
            "published_at":"2025-06-15T15:06:41.000Z"}"#]]
        .assert_eq(&line.replace(",\"", ",\n\""));
    }

    #[test]
    fn an_entity_without_pictures_to_ask_has_no_gate() {
        let mut annotated = annotated();
        annotated.media.clear();
        for triple in &mut annotated.annotation.triples {
            triple.verdicts.clear();
            triple.regions.clear();
        }
        let json = json(&annotated);
        assert_eq!(json["entities"][0]["gate"], serde_json::Value::Null);
        assert_eq!(json["entities"][0]["regions"], serde_json::json!([]));
        assert_eq!(json["media"], serde_json::json!([]));
    }

    #[test]
    fn ids_depend_on_post_span_and_type_alone() {
        let base = annotated();
        let ids = |annotated: &Annotated| -> Vec<String> {
            let json = json(annotated);
            let entities = json["entities"].as_array().unwrap();
            entities.iter().map(|entity| entity["id"].as_str().unwrap().to_owned()).collect()
        };
        let first = &ids(&base)[0];
        let mut other_words = base.clone();
        other_words.annotation.triples[0].phrase.text = "something else".to_owned();
        assert_eq!(&ids(&other_words)[0], first);
        let mut other_post = base.clone();
        other_post.post_id = "post-2".to_owned();
        assert_ne!(&ids(&other_post)[0], first);
        let mut other_type = base.clone();
        other_type.annotation.triples[0].mention.entity_type = EntityType::new("ORG");
        assert_ne!(&ids(&other_type)[0], first);
        let mut other_place = base.clone();
        other_place.annotation.triples[0].mention.span.byte_end += 1;
        assert_ne!(&ids(&other_place)[0], first);
    }
}
