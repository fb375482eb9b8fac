//! Wire values that both shapes of the format share: rounded numbers, repeated fields, boxes.

use serde::{Serialize, Serializer};

use super::super::super::{BoxUnit, Include, PostFacts};
use crate::domain::{Annotation, RawJson, Region};

/// Names and JSON of the repeated fields that stand beside the post's id.
fn included_fields(post: &PostFacts, include: &[Include]) -> impl Iterator<Item = (&'static str, String)> {
    let raw = |value: &Option<RawJson>| value.as_ref().map(|value| value.json().to_owned());
    [
        (Include::CreatedAt, "created_at", raw(&post.created_at)),
        (Include::Lang, "lang", raw(&post.lang)),
        (Include::Author, "author", raw(&post.author)),
        (Include::Text, "text", Some(serde_json::Value::from(post.text.as_str()).to_string())),
    ]
    .into_iter()
    .filter(move |(field, ..)| include.contains(field))
    .filter_map(|(_, name, value)| Some((name, value?)))
}

/// One object of the fields of `head`, the repeated fields of the post under a prefix, and the fields of `rest`. The
/// repeated fields are inserted as they came: parsing and writing JSON again could change it.
pub(super) fn object(
    head: &impl Serialize,
    (post, include, prefix): (&PostFacts, &[Include], &str),
    rest: &impl Serialize,
) -> Vec<u8> {
    let mut json = Vec::new();
    write(head, &mut json);
    json.pop();
    for (name, value) in included_fields(post, include) {
        json.extend_from_slice(format!(",\"{prefix}{name}\":{value}").as_bytes());
    }
    let joint = json.len();
    write(rest, &mut json);
    json[joint] = b',';
    json
}

fn write(value: &impl Serialize, json: &mut Vec<u8>) {
    if let Err(error) = serde_json::to_writer(json, value) {
        unreachable!("strings, numbers and lists of them can always be written as JSON: {error}");
    }
}

/// The kind of each thing that an answer lacks.
pub(super) fn degraded_codes(annotation: &Annotation) -> Vec<&'static str> {
    annotation.degraded.iter().map(|what| what.code.as_str()).collect()
}

/// A number that is rounded to `DECIMALS`. Further digits differ between devices and have no meaning.
pub(super) struct Rounded<const DECIMALS: i32>(pub(super) f32);

impl<const DECIMALS: i32> Serialize for Rounded<DECIMALS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scale = 10f64.powi(DECIMALS);
        // Adding zero turns a negative zero into a positive one.
        serializer.serialize_f64((f64::from(self.0) * scale).round() / scale + 0.0)
    }
}

/// A box in one of its units, as its left, top, right and bottom edge.
pub(super) enum WireBox {
    /// Pixels, rounded to hundredths.
    Pixels([Rounded<2>; 4]),
    /// Shares of the picture's sides; a millionth is less than a hundredth of a pixel.
    Relative([Rounded<6>; 4]),
}

impl WireBox {
    pub(super) fn of(region: &Region, unit: BoxUnit) -> Self {
        let Region { bbox, mask, .. } = region;
        let edges = [bbox.x0, bbox.y0, bbox.x1, bbox.y1];
        match unit {
            BoxUnit::Pixels => Self::Pixels(edges.map(Rounded)),
            BoxUnit::Relative => {
                let [width, height] = [mask.width, mask.height].map(|side| side.max(1) as f32);
                let [x0, y0, x1, y1] = edges;
                Self::Relative([x0 / width, y0 / height, x1 / width, y1 / height].map(Rounded))
            }
        }
    }

    /// The edges in pixels, and as shares: one of them is none.
    pub(super) fn split(self) -> (Option<[Rounded<2>; 4]>, Option<[Rounded<6>; 4]>) {
        match self {
            Self::Pixels(edges) => (Some(edges), None),
            Self::Relative(edges) => (None, Some(edges)),
        }
    }
}
