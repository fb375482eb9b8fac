//! Format `labelstudio`: a task for each picture, with boxes and outlines as predictions that people correct.
//!
//! Source: Label Studio's documentation of tasks and predictions. Coordinates are percentages of the picture.

use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use super::parts::Parts;
use super::state::Mark;
use super::writer::{MAX_PART_ANSWERS, MAX_PART_BYTES, Writer};
use crate::domain::{Region, Triple};
use crate::kafka::publish::MediaInfo;
use crate::kafka::publish::formats::reader::ReadAnswer;

/// Names of the controls in the labelling configuration, which `docs/formats.md` has.
const BOX: &str = "box";
const OUTLINE: &str = "outline";
const IMAGE: &str = "image";

/// The farthest that an outline may be from the edges of the mask's pixels, in pixels.
const TOLERANCE: f64 = 1.0;

/// A folder of task files.
pub(super) struct Tasks {
    parts: Parts,
    /// The tasks of the part, as JSON separated by commas.
    tasks: String,
    answers: u64,
}

impl Tasks {
    pub(super) fn open(folder: &Path, mark: Mark) -> io::Result<Self> {
        Ok(Self { parts: Parts::open(folder, "json", mark)?, tasks: String::new(), answers: 0 })
    }
}

fn task(answer: &ReadAnswer, picture: &MediaInfo) -> Value {
    let annotated = &answer.annotated;
    let mut result = Vec::new();
    let mut scores = Vec::new();
    for triple in &annotated.annotation.triples {
        for region in triple.regions.iter().filter(|region| region.media_key == picture.key) {
            let id = format!("{}-{}", annotated.entity_id(&triple.mention), picture.index);
            scores.push(region.box_score);
            result.extend(results(&id, triple, region, picture));
        }
    }
    let text = Some(annotated.post.text.as_str()).filter(|text| !text.is_empty());
    let score = scores.iter().copied().reduce(f32::min);
    json!({
        "data": {
            "image": annotated.post.address(&picture.key),
            "text": text,
            "post_id": annotated.post_id,
            "media_key": picture.key,
            "blake3": picture.hash.to_string(),
        },
        "predictions": [{
            "model_version": format!("riveg {} {}", answer.provenance.engine, answer.provenance.bundle),
            "score": score,
            "result": result,
        }],
    })
}

/// The box, and the outlines of the mask.
fn results(id: &str, triple: &Triple, region: &Region, picture: &MediaInfo) -> Vec<Value> {
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let label = triple.mention.entity_type.as_str();
    let result = |id: String, (control, kind): (&str, &str), value: Value| {
        json!({
            "id": id, "type": kind, "from_name": control, "to_name": IMAGE, "score": region.box_score,
            "original_width": picture.width, "original_height": picture.height, "image_rotation": 0,
            "value": value, "meta": { "text": [triple.mention.text] },
        })
    };
    let [x0, y0, x1, y1] = [region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1].map(f64::from);
    let bbox = json!({
        "x": 100.0 * x0 / width, "y": 100.0 * y0 / height, "rotation": 0,
        "width": 100.0 * (x1 - x0) / width, "height": 100.0 * (y1 - y0) / height,
        "rectanglelabels": [label],
    });
    let mut results = vec![result(id.to_owned(), (BOX, "rectanglelabels"), bbox)];
    for (number, outline) in region.mask.outer_outlines(TOLERANCE).iter().enumerate() {
        let percent = |&(x, y): &(u32, u32)| [100.0 * f64::from(x) / width, 100.0 * f64::from(y) / height];
        let points: Vec<[f64; 2]> = outline.iter().map(percent).collect();
        let value = json!({ "points": points, "closed": true, "polygonlabels": [label] });
        results.push(result(format!("{id}-{number}"), (OUTLINE, "polygonlabels"), value));
    }
    results
}

impl Writer for Tasks {
    fn write(&mut self, answer: &ReadAnswer, _: &[u8]) -> io::Result<()> {
        self.answers += 1;
        for picture in &answer.annotated.media {
            if !self.tasks.is_empty() {
                self.tasks.push_str(",\n");
            }
            self.tasks += &task(answer, picture).to_string();
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.answers >= MAX_PART_ANSWERS || self.tasks.len() >= MAX_PART_BYTES
    }

    fn commit(&mut self) -> io::Result<Mark> {
        if self.answers > 0 {
            let tasks = std::mem::take(&mut self.tasks);
            self.parts.add(|part| writeln!(part, "[{tasks}]"))?;
            self.answers = 0;
        }
        Ok(self.parts.mark.clone())
    }
}
