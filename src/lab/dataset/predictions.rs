//! Predictions: reads the engine's output, one JSON object per post, or the lines of RiVEG's authors.

use std::path::Path;

use serde::Deserialize;

use super::files::{DatasetError, malformed, read_lines, read_text};
use super::mentions::{PredictedMention, PredictedRegion, Predictions};
use super::riveg_text;
use super::wire_mask::WireMask;
use crate::domain::{BBox, EntityType};

/// Reads a file of annotations, or of lines that begin with `Imageid:`, whose boxes are in the file `boxes`.
///
/// At-least-once delivery may write a post twice; its last annotation counts.
///
/// # Errors
/// The first fault, with its line.
pub fn read(file: &Path, boxes: Option<&Path>) -> Result<Predictions, DatasetError> {
    let text = read_text(file)?;
    if riveg_text::is_predictions(&text) {
        return riveg_text::read_predictions(file, &text, boxes);
    }
    if boxes.is_some() {
        return Err(malformed(file, 1, "expected `Imageid:`: other answers have their boxes themselves"));
    }
    read_lines(file)?
        .into_iter()
        .map(|line| {
            let (line, event): (usize, WireEvent) = line?;
            let entities = event.entities.into_iter().map(WireEntity::checked).collect::<Result<_, _>>();
            Ok((event.post_id, entities.map_err(|message| malformed(file, line, message))?))
        })
        .collect()
}

/// The judged fields of an output record; other keys are ignored.
#[derive(Deserialize)]
struct WireEvent {
    post_id: String,
    entities: Vec<WireEntity>,
}

#[derive(Deserialize)]
struct WireEntity {
    text: String,
    r#type: String,
    span: WireSpan,
    gate: Option<WireGate>,
    regions: Vec<WireRegion>,
}

#[derive(Deserialize)]
struct WireSpan {
    start: usize,
    end: usize,
}

#[derive(Deserialize)]
struct WireGate {
    decision: String,
}

#[derive(Deserialize)]
struct WireRegion {
    media_key: String,
    r#box: [f32; 4],
    mask: Option<WireMask>,
    mask_score: Option<f32>,
}

impl WireEntity {
    fn checked(self) -> Result<PredictedMention, String> {
        let text = self.text;
        let regions = self.regions.into_iter().map(|region| {
            let [x0, y0, x1, y1] = region.r#box;
            let mask = region.mask.map(WireMask::checked).transpose();
            let mask = mask.map_err(|message| format!("entity `{text}`: {message}"))?;
            let WireRegion { media_key, mask_score, .. } = region;
            Ok(PredictedRegion { media_key, bbox: Some(BBox { x0, y0, x1, y1 }), mask, mask_score })
        });
        let regions = regions.collect::<Result<_, String>>()?;
        Ok(PredictedMention {
            text,
            entity_type: EntityType::new(&self.r#type),
            span: Some((self.span.start, self.span.end)),
            gate: self.gate.map(|gate| gate.decision == "depicted"),
            regions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"schema":"riveg.annotation","version":1,"post_id":"a","entities":[{"id":"x","text":"Ann","type":"PER","span":{"start":2,"end":5,"unit":"codepoint","byte_start":3,"byte_end":6},"score":0.9,"expansion":null,"phrase":"Ann (PER)","gate":null,"regions":[{"media_key":"m","box":[0.0,0.5,2.0,2.0],"box_score":0.8,"mask":{"size":[2,3],"counts":"123"},"mask_score":0.7}]}],"media":[],"ingested_at":"","published_at":""}"#;

    fn read_text(text: &str) -> Result<Predictions, DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.jsonl");
        std::fs::write(&file, text).unwrap();
        read(&file, None)
    }

    #[test]
    fn an_output_record_becomes_its_judged_fields() {
        let read = read_text(EVENT).unwrap();
        let [mention] = read["a"].as_slice() else { panic!("one mention is expected") };
        assert_eq!(
            (mention.text.as_str(), mention.entity_type.as_str(), mention.span),
            ("Ann", "PER", Some((2, 5)))
        );
        let region = &mention.regions[0];
        let mask = region.mask.as_ref().unwrap();
        assert_eq!(
            (region.media_key.as_str(), region.bbox.unwrap().y0, mask.runs.as_slice()),
            ("m", 0.5, &[1, 2, 3][..])
        );
        assert_eq!((region.mask_score, mention.gate), (Some(0.7), None));
    }

    #[test]
    fn of_a_post_delivered_twice_the_last_annotation_counts() {
        let read = read_text(&format!("{EVENT}\n{{\"post_id\":\"a\",\"entities\":[]}}\n")).unwrap();
        assert_eq!((read.len(), read["a"].len()), (1, 0));
    }

    #[test]
    fn a_damaged_record_names_its_line() {
        for (text, expected) in [
            ("{}", "out.jsonl`, line 1: missing field `post_id`"),
            (
                &format!("{EVENT}\n{}", EVENT.replace("\"123\"", "\"12\"")),
                "line 2: entity `Ann`: the runs add up to",
            ),
            (&EVENT.replace("\"123\"", "\"1~\""), "line 1: entity `Ann`: "),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
