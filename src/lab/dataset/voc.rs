//! Boxes in Pascal-VOC files: one XML file a picture, one object a box, named like the entity that it shows.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;

use super::files::{DatasetError, malformed, read_text};
use crate::domain::BBox;

/// The named regions of one picture.
pub(super) type NamedBoxes = Vec<(String, BBox)>;

#[derive(Deserialize)]
struct VocAnnotation {
    #[serde(default)]
    object: Vec<VocObject>,
}

#[derive(Deserialize)]
struct VocObject {
    name: String,
    bndbox: VocBox,
}

#[derive(Deserialize)]
struct VocBox {
    xmin: f32,
    ymin: f32,
    xmax: f32,
    ymax: f32,
}

/// The named boxes of a picture; none if there is no file, because no file means that nothing is shown.
pub(super) fn read(file: &Path) -> Result<NamedBoxes, DatasetError> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = read_text(file)?;
    let annotation: VocAnnotation = quick_xml::de::from_str(&text).map_err(|error| {
        malformed(file, line_of_fault(&text), format!("not a Pascal-VOC annotation: {error}"))
    })?;
    let checked = |(number, VocObject { name, bndbox }): (usize, VocObject)| {
        let bbox = BBox { x0: bndbox.xmin, y0: bndbox.ymin, x1: bndbox.xmax, y1: bndbox.ymax };
        if !(bbox.x0 < bbox.x1 && bbox.y0 < bbox.y1) {
            let position = text.match_indices("<object").nth(number).map(|(position, _)| position);
            let line = position.map(|position| line_at(&text, position));
            let [x0, y0, x1, y1] = [bbox.x0, bbox.y0, bbox.x1, bbox.y1];
            return Err(malformed(file, line, format!("the box of `{name}` is empty: {x0},{y0},{x1},{y1}")));
        }
        Ok((name, bbox))
    };
    annotation.object.into_iter().enumerate().map(checked).collect()
}

/// The line where the text ceases to be XML; none if it is XML of another content.
fn line_of_fault(text: &str) -> Option<usize> {
    let mut reader = Reader::from_str(text);
    let mut depth = 0_usize;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) => return (depth > 0).then(|| line_at(text, text.trim_end().len())),
            Ok(_) => {}
            Err(_) => return Some(line_at(text, reader.error_position() as usize)),
        }
    }
}

/// The line of a byte, from 1.
fn line_at(text: &str, position: usize) -> usize {
    1 + text.bytes().take(position).filter(|&byte| byte == b'\n').count()
}
