//! Exports of Label Studio as a data set: `labelstudio.json`, one task a picture, whose regions people corrected.
//!
//! The tasks are those of `riveg export --format labelstudio`: the name of an entity is the region's `meta.text`, and an outline
//! has the id of its box and a number. A post's entities are those with a region; its place in the text is the first one
//! with the name. Tasks that nobody has annotated are left out.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::files::{DatasetError, malformed, read_text};
use super::labelme::MAX_SIDE;
use super::mentions::{GoldMention, GoldPost, GoldRegion};
use super::polygons::{Point, bounds, mask};
use super::reading::{Example, Reading};
use crate::domain::{BBox, EntityType};

/// The name of the file in its folder.
pub(super) const FILE: &str = "labelstudio.json";

#[derive(Deserialize)]
struct Task {
    id: Option<Value>,
    data: Data,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Data {
    image: Option<String>,
    #[serde(default)]
    text: Option<String>,
    post_id: Option<String>,
    media_key: Option<String>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    was_cancelled: bool,
    result: Vec<Drawn>,
}

#[derive(Deserialize)]
struct Drawn {
    #[serde(default)]
    id: String,
    r#type: String,
    original_width: u32,
    original_height: u32,
    value: Shape,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize, Default)]
struct Meta {
    #[serde(default)]
    text: Vec<String>,
}

/// Percentages of the picture.
#[derive(Deserialize)]
struct Shape {
    x: Option<f64>,
    y: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
    points: Option<Vec<Point>>,
    rectanglelabels: Option<Vec<String>>,
    polygonlabels: Option<Vec<String>>,
}

/// A region before its outlines are a mask.
struct Found {
    id: String,
    name: String,
    entity_type: EntityType,
    bbox: Option<BBox>,
    outlines: Vec<Vec<Point>>,
    size: (u32, u32),
}

/// Reads `labelstudio.json`; pictures stay where the tasks say.
pub(super) fn read(folder: &Path) -> Result<Reading, DatasetError> {
    let folder =
        fs::canonicalize(folder).map_err(|source| DatasetError::Read { file: folder.to_owned(), source })?;
    let file = folder.join(FILE);
    let text = read_text(&file)?;
    let tasks: Vec<Task> =
        serde_json::from_str(&text).map_err(|error| malformed(&file, error.line(), error.to_string()))?;
    let mut reading = Reading::default();
    let mut open = 0;
    for (number, task) in tasks.into_iter().enumerate() {
        let Some(annotation) = task.annotations.iter().find(|annotation| !annotation.was_cancelled) else {
            open += 1;
            continue;
        };
        let example = task.example(annotation);
        let example = example.map_err(|message| malformed(&file, None, format!("task {number}: {message}")));
        let example = reading.note(example);
        reading.examples.extend(example);
    }
    if open > 0 {
        reading.remarks.push(format!("{open} tasks have no annotation"));
    }
    Ok(reading)
}

impl Task {
    fn example(&self, annotation: &Annotation) -> Result<Example, String> {
        let Data { image, text, post_id, media_key } = &self.data;
        let number = || self.id.as_ref().map(Value::to_string);
        let id = post_id.clone().or_else(number).ok_or("neither `data.post_id` nor `id`")?;
        let media_key = media_key.clone().unwrap_or_else(|| id.clone());
        let text = text.clone().unwrap_or_default();
        let mut mentions: Vec<GoldMention> = Vec::new();
        for found in regions(&annotation.result)? {
            let (name, entity_type) = (found.name.clone(), found.entity_type.clone());
            let region = found.region(&media_key)?;
            let known =
                |mention: &&mut GoldMention| mention.text == name && mention.entity_type == entity_type;
            match mentions.iter_mut().find(known) {
                Some(mention) => mention.regions.push(region),
                None => {
                    let span = place(&text, &name);
                    mentions.push(GoldMention { text: name, entity_type, span, regions: vec![region] });
                }
            }
        }
        mentions.sort_by_key(|mention| mention.span);
        let record = json!({
            "id": id, "text": text, "media": [{ "key": media_key, "type": "photo", "url": image }],
        });
        let gold = GoldPost { id, text, mentions, grounded: true };
        Ok(Example { record: record.to_string().into_bytes(), gold, knowledge: None })
    }
}

/// The first place of a name in a text, in code points.
fn place(text: &str, name: &str) -> Option<(usize, usize)> {
    let start = text[..text.find(name)?].chars().count();
    Some((start, start + name.chars().count()))
}

/// The boxes with their outlines; an outline without a box is a region too.
fn regions(drawn: &[Drawn]) -> Result<Vec<Found>, String> {
    let mut regions: Vec<Found> = Vec::new();
    for (number, drawn) in drawn.iter().enumerate() {
        let found = drawn.found().map_err(|message| format!("result {number}: {message}"))?;
        let whole = found.id.rsplit_once('-').map_or("", |(whole, _)| whole);
        let of_box = regions.iter_mut().find(|region| !whole.is_empty() && region.id == whole);
        match of_box {
            Some(region) if found.bbox.is_none() => region.outlines.extend(found.outlines),
            _ => regions.push(found),
        }
    }
    Ok(regions)
}

impl Drawn {
    fn found(&self) -> Result<Found, String> {
        let size = (self.original_width, self.original_height);
        if !(1..=MAX_SIDE).contains(&size.0) || !(1..=MAX_SIDE).contains(&size.1) {
            return Err(format!(
                "a picture of {}x{}; sides of 1 to {MAX_SIDE} pixels are read",
                size.0, size.1
            ));
        }
        let pixels = |[x, y]: Point| [x / 100.0 * f64::from(size.0), y / 100.0 * f64::from(size.1)];
        let Shape { x, y, width, height, points, rectanglelabels, polygonlabels } = &self.value;
        let (labels, bbox, outlines) = match (self.r#type.as_str(), (x, y, width, height), points) {
            ("rectanglelabels", (Some(x), Some(y), Some(width), Some(height)), _) => {
                let ([x0, y0], [x1, y1]) = (pixels([*x, *y]), pixels([x + width, y + height]));
                let bbox = BBox { x0: x0 as f32, y0: y0 as f32, x1: x1 as f32, y1: y1 as f32 };
                (rectanglelabels, Some(bbox), Vec::new())
            }
            ("polygonlabels", _, Some(points)) => {
                (polygonlabels, None, vec![points.iter().copied().map(pixels).collect()])
            }
            (other, ..) => return Err(format!("expected a whole rectangle or polygon, found `{other}`")),
        };
        let label = labels.as_ref().and_then(|labels| labels.first()).ok_or("a region without a label")?;
        let name = self.meta.text.first().ok_or("`meta.text`, the entity's name, is missing")?;
        Ok(Found {
            id: self.id.clone(),
            name: name.clone(),
            entity_type: EntityType::new(label),
            bbox,
            outlines,
            size,
        })
    }
}

impl Found {
    fn region(self, media_key: &str) -> Result<GoldRegion, String> {
        let bbox = self.bbox.or_else(|| bounds(&self.outlines));
        let bbox = bbox
            .filter(|bbox| bbox.x0 < bbox.x1 && bbox.y0 < bbox.y1)
            .ok_or_else(|| format!("a region of `{}` has no area", self.name))?;
        let mask = (!self.outlines.is_empty()).then(|| mask(&self.outlines, self.size));
        Ok(GoldRegion { media_key: media_key.to_owned(), bbox, mask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::dataset::read_all;

    const BOX: &str = r#"{"id":"a","type":"rectanglelabels","original_width":200,"original_height":100,
"value":{"x":10,"y":20,"width":50,"height":40,"rotation":0,"rectanglelabels":["PER"]},"meta":{"text":["Ann Lee"]}}"#;
    const OUTLINE: &str = r#"{"id":"a-0","type":"polygonlabels","original_width":200,"original_height":100,
"value":{"points":[[10,20],[60,20],[60,60],[10,60]],"polygonlabels":["PER"]},"meta":{"text":["Ann Lee"]}}"#;

    fn read_results(results: &str) -> Reading {
        let folder = tempfile::tempdir().unwrap();
        let data =
            r#"{"image":"https://a.example/7.jpg","text":"met Ann Lee","post_id":"7","media_key":"m"}"#;
        let tasks = format!(
            "[{{\"id\":1,\"data\":{data},\"annotations\":[{{\"result\":[{results}]}}]}},{{\"id\":2,\"data\":{data}}}]"
        );
        fs::write(folder.path().join(FILE), tasks).unwrap();
        read_all(folder.path(), "test").unwrap()
    }

    #[test]
    fn a_box_and_its_outline_are_one_region() {
        let reading = read_results(&format!("{BOX},{OUTLINE}"));
        assert!(reading.faults.is_empty(), "{:?}", reading.faults);
        assert_eq!(reading.remarks, ["1 tasks have no annotation"]);
        let [mention] = reading.examples[0].gold.mentions.as_slice() else {
            panic!("one mention is expected")
        };
        assert_eq!(
            (mention.text.as_str(), mention.span, mention.regions.len()),
            ("Ann Lee", Some((4, 11)), 1)
        );
        assert_eq!(mention.regions[0].bbox, BBox { x0: 20.0, y0: 20.0, x1: 120.0, y1: 60.0 });
        assert_eq!(mention.regions[0].mask.as_ref().unwrap().area(), 100 * 40);
    }

    #[test]
    fn every_fault_names_its_task_and_region() {
        for (results, expected) in [
            (BOX.replace("[\"Ann Lee\"]", "[]"), "task 0: result 0: `meta.text`"),
            (BOX.replace("[\"PER\"]", "[]"), "task 0: result 0: a region without a label"),
            (BOX.replace("\"width\":50", "\"width\":0"), "task 0: a region of `Ann Lee` has no area"),
            (BOX.replace("rectanglelabels\",\"o", "brushlabels\",\"o"), "found `brushlabels`"),
            (BOX.replace(":200", ":0"), "a picture of 0x100"),
        ] {
            let faults = read_results(&results).faults;
            assert!(
                faults.iter().any(|fault| fault.to_string().contains(expected)),
                "{expected}: {faults:?}"
            );
        }
    }
}
