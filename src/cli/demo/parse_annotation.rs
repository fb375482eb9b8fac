//! Parser of output records: from their JSON to an annotation, as in any other consumer.

use serde::Deserialize;

use crate::domain::{
    Annotation, BBox, EntityType, GateVerdict, Mask, Mention, Phrase, PhraseSource, Region, Span, Triple,
};

/// Parses the value of an output record into post id and annotation.
///
/// # Errors
/// Where the record differs from the schema.
pub(super) fn parse(value: &[u8]) -> Result<(String, Annotation), String> {
    let event: Event = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    let triples = event.entities.into_iter().map(Entity::triple).collect::<Result<_, _>>()?;
    Ok((event.post_id, Annotation { triples, degraded: event.provenance.degraded }))
}

#[derive(Deserialize)]
struct Event {
    post_id: String,
    entities: Vec<Entity>,
    provenance: Provenance,
}

#[derive(Deserialize)]
struct Provenance {
    degraded: Vec<String>,
}

#[derive(Deserialize)]
struct Entity {
    text: String,
    r#type: String,
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
    r#box: [f32; 4],
    box_score: f32,
    mask: WireMask,
    mask_score: f32,
}

#[derive(Deserialize)]
struct WireMask {
    size: [u32; 2],
    counts: String,
}

impl Entity {
    fn triple(self) -> Result<Triple, String> {
        let WireSpan { start, end, byte_start, byte_end } = self.span;
        let source = match &self.expansion {
            None => PhraseSource::NameOnly,
            Some(expansion) => PhraseSource::ALL
                .into_iter()
                .find(|source| source.as_str() == expansion.source)
                .ok_or_else(|| format!("`{}` is no source of expansions", expansion.source))?,
        };
        let verdicts = self.gate.into_iter().flat_map(|gate| gate.pictures).map(|picture| GateVerdict {
            media_key: picture.media_key,
            depicted: picture.decision == "depicted",
            probability: picture.probability,
            dropped_box_score: picture.dropped_box_score,
        });
        Ok(Triple {
            mention: Mention {
                text: self.text,
                entity_type: EntityType::new(&self.r#type),
                span: Span { start, end, byte_start, byte_end },
                score: self.score,
            },
            iri: None,
            phrase: Phrase {
                text: self.phrase,
                expansion: self.expansion.map(|expansion| expansion.text),
                source,
                answers: Vec::new(),
            },
            verdicts: verdicts.collect(),
            regions: self.regions.into_iter().map(WireRegion::region).collect::<Result<_, _>>()?,
        })
    }
}

impl WireRegion {
    fn region(self) -> Result<Region, String> {
        let [x0, y0, x1, y1] = self.r#box;
        let [height, width] = self.mask.size;
        Ok(Region {
            media_key: self.media_key,
            bbox: BBox { x0, y0, x1, y1 },
            box_score: self.box_score,
            mask: Mask::from_coco_counts(width, height, &self.mask.counts)
                .map_err(|error| error.to_string())?
                .into(),
            mask_score: self.mask_score,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::kafka::publish::formats::{AnswerTimes, DEFAULT_FORMAT, EncoderOptions};
    use crate::kafka::publish::{Annotated, PostFacts, Provenance};

    fn annotation() -> Annotation {
        let triple = |text: &str, expansion: Option<&str>, regions: Vec<Region>| Triple {
            mention: Mention {
                text: text.to_owned(),
                entity_type: EntityType::new("PER"),
                span: Span { start: 2, end: 5, byte_start: 3, byte_end: 6 },
                score: 0.5,
            },
            iri: None,
            phrase: Phrase {
                text: format!("{text} (PER)"),
                expansion: expansion.map(str::to_owned),
                source: if expansion.is_some() { PhraseSource::Lexicon } else { PhraseSource::NameOnly },
                answers: Vec::new(),
            },
            verdicts: vec![GateVerdict {
                media_key: "m".to_owned(),
                depicted: !regions.is_empty(),
                probability: 0.25,
                dropped_box_score: None,
            }],
            regions,
        };
        let region = Region {
            media_key: "m".to_owned(),
            bbox: BBox { x0: 0.5, y0: 0.0, x1: 2.25, y1: 3.0 },
            box_score: 0.75,
            mask: Mask { width: 3, height: 4, runs: vec![5, 2, 2, 2, 1] }.into(),
            mask_score: 1.0,
        };
        let triples = vec![triple("Ann", Some("a woman"), vec![region]), triple("Bob", None, Vec::new())];
        Annotation { triples, degraded: vec!["no expansions".to_owned()] }
    }

    #[test]
    fn what_the_engine_writes_is_read_again() {
        let annotated = Annotated {
            post_id: "p".to_owned(),
            key: None,
            media: Vec::new(),
            annotation: annotation(),
            post: PostFacts::default(),
        };
        let times = AnswerTimes { ingested: UNIX_EPOCH, published: UNIX_EPOCH };
        let records = (DEFAULT_FORMAT.encoder)(&EncoderOptions::plain(Provenance::of_bundle("b")))
            .encode(&annotated, times);
        assert_eq!(parse(&records[0].value), Ok(("p".to_owned(), annotation())));
    }

    #[test]
    fn a_record_that_breaks_the_schema_is_told_as_such() {
        let error = parse(b"{\"post_id\":\"p\"}").unwrap_err();
        assert!(error.contains("missing field `entities`"), "{error}");
    }
}
