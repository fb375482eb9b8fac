//! Masks in labelme's JSON, as in Twitter-SMNER: one file a picture, one shape a part of an object, labelled with its entity.
//!
//! Source: labelme's annotation format. Shapes with one label and one `group_id` are parts of one object; without a
//! `group_id` each shape is an object.

use std::path::Path;

use serde::Deserialize;

use super::files::{DatasetError, malformed, read_text};
use super::polygons::{Point, bounds, mask};
use crate::domain::{BBox, Mask};

/// The widest and highest picture that is read: a mask of it takes 64 MB of pixels.
pub(super) const MAX_SIDE: u32 = 8_000;

/// One object: the label, the box around it, its pixels.
pub(super) type Object = (String, BBox, Mask);

/// Label and group of a shape.
type Name = (String, Option<i64>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    shapes: Vec<Shape>,
    image_height: u32,
    image_width: u32,
}

#[derive(Deserialize)]
struct Shape {
    label: String,
    points: Vec<Point>,
    #[serde(default = "polygon")]
    shape_type: String,
    #[serde(default)]
    group_id: Option<i64>,
}

fn polygon() -> String {
    "polygon".to_owned()
}

/// The objects of a picture; none if there is no file.
pub(super) fn read(file: &Path) -> Result<Vec<Object>, DatasetError> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = read_text(file)?;
    let read: File =
        serde_json::from_str(&text).map_err(|error| malformed(file, error.line(), error.to_string()))?;
    let size = (read.image_width, read.image_height);
    if !(1..=MAX_SIDE).contains(&size.0) || !(1..=MAX_SIDE).contains(&size.1) {
        let message = format!("a picture of {}x{}; sides of 1 to {MAX_SIDE} pixels are read", size.0, size.1);
        return Err(malformed(file, None, message));
    }
    let mut objects: Vec<(Name, Vec<Vec<Point>>)> = Vec::new();
    for (number, shape) in read.shapes.into_iter().enumerate() {
        let outline = shape
            .outline()
            .map_err(|message| malformed(file, None, format!("shapes[{number}]: {message}")))?;
        let key = (shape.label.trim().to_owned(), shape.group_id);
        match objects.iter_mut().find(|(known, _)| key.1.is_some() && *known == key) {
            Some((_, parts)) => parts.push(outline),
            None => objects.push((key, vec![outline])),
        }
    }
    let object = |((label, _), parts): (Name, Vec<Vec<Point>>)| {
        let bbox = bounds(&parts)
            .ok_or_else(|| malformed(file, None, format!("an object `{label}` has no area")))?;
        Ok((label, bbox, mask(&parts, size)))
    };
    objects.into_iter().map(object).collect()
}

impl Shape {
    /// The corners; a rectangle is given by two opposite ones.
    fn outline(&self) -> Result<Vec<Point>, String> {
        match (self.shape_type.as_str(), self.points.as_slice()) {
            ("polygon", [_, _, _, ..]) => Ok(self.points.clone()),
            ("rectangle", &[[x0, y0], [x1, y1]]) => Ok(vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]]),
            ("polygon" | "rectangle", points) => {
                Err(format!("a {} of {} points", self.shape_type, points.len()))
            }
            (other, _) => Err(format!("expected a `polygon` or a `rectangle`, found `{other}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_shapes(shapes: &str) -> Result<Vec<Object>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("7.json");
        let text = format!(
            "{{\"version\":\"5.3\",\"flags\":{{}},\"shapes\":[{shapes}],\"imagePath\":\"7.jpg\",\"imageHeight\":4,\"imageWidth\":6}}"
        );
        std::fs::write(&file, text).unwrap();
        read(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn shapes_of_one_group_are_one_object() {
        let part = |label: &str, x: u32, group: &str| {
            format!(
                "{{\"label\":\"{label}\",\"points\":[[{x},0],[{},0],[{},4],[{x},4]],\"group_id\":{group},\
                 \"shape_type\":\"polygon\",\"flags\":{{}}}}",
                x + 1,
                x + 1
            )
        };
        let shapes = [part("Ann Lee", 0, "1"), part("Ann Lee", 2, "1"), part("Ann Lee", 5, "null")];
        let objects = read_shapes(&shapes.join(",")).unwrap();
        let seen: Vec<_> =
            objects.iter().map(|(label, bbox, mask)| (label.as_str(), bbox.x1, mask.area())).collect();
        assert_eq!(seen, [("Ann Lee", 3.0, 8), ("Ann Lee", 6.0, 4)]);
    }

    #[test]
    fn damaged_shapes_say_which() {
        for (shapes, expected) in [
            ("{\"label\":\"A\",\"points\":[[0,0],[1,1]]}", "shapes[0]: a polygon of 2 points"),
            ("{\"label\":\"A\",\"points\":[[0,0]],\"shape_type\":\"circle\"}", "found `circle`"),
            ("{\"points\":[]}", "7.json`, line 1: missing field `label`"),
            ("{\"label\":\"A\",\"points\":[[0,0],[2,0],[3,0]]}", "an object `A` has no area"),
        ] {
            let error = read_shapes(shapes).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
