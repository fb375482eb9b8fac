//! Predictions: reads the engine's output, one JSON object per post.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use crate::domain::{BBox, EntityType};

use super::files::{DatasetError, malformed, read_lines};
use super::wire_mask::WireMask;
use super::{PredictedMention, PredictedRegion};

/// Reads a file of annotations; returns the mentions of each post by the post's id.
///
/// At-least-once delivery may write a post twice; its last annotation counts.
///
/// # Errors
/// The first fault, with its line.
pub fn read(file: &Path) -> Result<HashMap<String, Vec<PredictedMention>>, DatasetError> {
    read_lines(file)?
        .into_iter()
        .map(|(line, event): (usize, WireEvent)| {
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
    regions: Vec<WireRegion>,
}

#[derive(Deserialize)]
struct WireSpan {
    start: usize,
    end: usize,
}

#[derive(Deserialize)]
struct WireRegion {
    media_key: String,
    r#box: [f32; 4],
    mask: WireMask,
}

impl WireEntity {
    fn checked(self) -> Result<PredictedMention, String> {
        let text = self.text;
        let regions = self.regions.into_iter().map(|region| {
            let [x0, y0, x1, y1] = region.r#box;
            let mask = region.mask.checked().map_err(|message| format!("entity `{text}`: {message}"))?;
            Ok(PredictedRegion { media_key: region.media_key, bbox: BBox { x0, y0, x1, y1 }, mask })
        });
        let regions = regions.collect::<Result<_, String>>()?;
        let entity_type = EntityType::new(&self.r#type);
        Ok(PredictedMention { text, entity_type, span: (self.span.start, self.span.end), regions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"schema":"riveg.annotation","version":1,"post_id":"a","entities":[{"id":"x","text":"Ann","type":"PER","span":{"start":2,"end":5,"unit":"codepoint","byte_start":3,"byte_end":6},"score":0.9,"expansion":null,"phrase":"Ann (PER)","gate":null,"regions":[{"media_key":"m","box":[0.0,0.5,2.0,2.0],"box_score":0.8,"mask":{"size":[2,3],"counts":"123"},"mask_score":0.7}]}],"media":[],"ingested_at":"","published_at":""}"#;

    fn read_text(text: &str) -> Result<HashMap<String, Vec<PredictedMention>>, DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.jsonl");
        std::fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn an_output_record_becomes_its_judged_fields() {
        let read = read_text(EVENT).unwrap();
        let [mention] = read["a"].as_slice() else { panic!("one mention is expected") };
        assert_eq!(
            (mention.text.as_str(), mention.entity_type.as_str(), mention.span),
            ("Ann", "PER", (2, 5))
        );
        let region = &mention.regions[0];
        assert_eq!(
            (region.media_key.as_str(), region.bbox.y0, region.mask.runs.as_slice()),
            ("m", 0.5, &[1, 2, 3][..])
        );
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
