//! Predictions: reads the engine's output, one JSON object per post, the lines of RiVEG's authors, or the output of H-Index.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::files::{DatasetError, malformed, read_lines, read_text};
use super::h_index::{self, HIndexOutput};
use super::mentions::{GoldPost, PredictedMention, PredictedRegion, Predictions};
use super::riveg_text;
use super::wire_mask::WireMask;
use crate::domain::{BBox, DegradedCode, EntityType, Mask};

/// The files of some answers.
#[derive(Debug, Clone, Copy)]
pub struct AnswerFiles<'a> {
    /// The answers.
    pub answers: &'a Path,
    /// The boxes of RiVEG's grounder.
    pub boxes: Option<&'a Path>,
    /// The number of candidate boxes of H-Index.
    pub candidates: usize,
}

/// Reads answers to the posts of a data set, in any of the forms.
///
/// # Errors
/// The first fault, with its line.
pub fn read_about(
    files: AnswerFiles<'_>,
    gold: impl FnOnce() -> Vec<GoldPost>,
) -> Result<Predictions, DatasetError> {
    let AnswerFiles { answers, boxes, candidates } = files;
    let text = read_text(answers)?;
    if !h_index::is_output(&text) {
        return read(answers, boxes);
    }
    if boxes.is_some() {
        return Err(malformed(
            answers,
            1,
            "expected `Imageid:`: the output of H-Index has candidates, not boxes",
        ));
    }
    HIndexOutput::read(answers, &text, candidates)?.answers(&gold()).map_err(|unknown| {
        let message = "posts have words that no post of the data has; this output has no ids, so posts are found by their words";
        malformed(answers, None, format!("{unknown} {message}"))
    })
}

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
            let lacking = event.lacking_masks();
            let mentions = event.entities.into_iter().map(|entity| entity.checked(&lacking));
            let mentions = mentions.collect::<Result<_, _>>();
            let mentions = mentions.map_err(|message| malformed(file, line, message))?;
            Ok((event.post_id, mentions))
        })
        .collect()
}

/// The judged fields of an output record; other keys are ignored.
#[derive(Deserialize)]
struct WireEvent {
    post_id: String,
    entities: Vec<WireEntity>,
    #[serde(default)]
    media: Vec<WireMedium>,
    #[serde(default)]
    provenance: WireProvenance,
}

#[derive(Deserialize)]
struct WireMedium {
    key: String,
    width: u32,
    height: u32,
}

#[derive(Default, Deserialize)]
struct WireProvenance {
    #[serde(default)]
    degraded_codes: Vec<String>,
}

impl WireEvent {
    /// For each picture the mask of regions that have none: no pixels. Empty unless the answer says that it lacks masks.
    fn lacking_masks(&self) -> HashMap<String, Mask> {
        let is_said = self.provenance.degraded_codes.iter().any(|code| code == DegradedCode::NoMask.as_str());
        let mask = |medium: &WireMedium| Mask::without_pixels(medium.width, medium.height);
        let media = self.media.iter().filter(|_| is_said);
        media.map(|medium| (medium.key.clone(), mask(medium))).collect()
    }
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
    fn checked(self, lacking: &HashMap<String, Mask>) -> Result<PredictedMention, String> {
        let text = self.text;
        let regions = self.regions.into_iter().map(|region| {
            let [x0, y0, x1, y1] = region.r#box;
            let mask = region.mask.map(WireMask::checked).transpose();
            let mask = mask.map_err(|message| format!("entity `{text}`: {message}"))?;
            let WireRegion { media_key, mask_score, .. } = region;
            let mask = mask.or_else(|| lacking.get(&media_key).cloned());
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
    fn a_mask_that_the_answer_says_to_lack_has_no_pixels_and_another_one_is_unknown() {
        let without = EVENT.replace(r#""mask":{"size":[2,3],"counts":"123"},"#, "");
        let mask = |event: &str| read_text(event).unwrap()["a"][0].regions[0].mask.clone();
        assert_eq!(mask(&without), None, "as of outputs without masks");
        let media =
            r#""media":[{"key":"m","width":3,"height":2}],"provenance":{"degraded_codes":["no-mask"]}"#;
        let said = without.replace(r#""media":[]"#, media);
        assert_eq!(mask(&said), Some(Mask { width: 3, height: 2, runs: vec![6] }));
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
