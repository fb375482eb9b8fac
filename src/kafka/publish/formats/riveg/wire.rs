//! Wire values that both shapes of the format share: rounded numbers, repeated fields, boxes.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::super::super::{BoxUnit, Include, PostFacts};
use crate::domain::{Annotation, RawJson, Region};

/// The fields of the post that its answer repeats, beside the post's id.
#[derive(Clone, Copy)]
pub(super) struct Included<'a> {
    pub(super) post: &'a PostFacts,
    pub(super) include: &'a [Include],
    /// What stands before their names.
    pub(super) prefix: &'static str,
}

impl Included<'_> {
    /// Names, and JSON as it came: parsing and writing it again could change it.
    fn fields(&self) -> impl Iterator<Item = (String, String)> {
        let post = self.post;
        let raw = |value: &Option<RawJson>| value.as_ref().map(|value| value.json().to_owned());
        [
            (Include::CreatedAt, "created_at", raw(&post.created_at)),
            (Include::Lang, "lang", raw(&post.lang)),
            (Include::Author, "author", raw(&post.author)),
            (Include::Text, "text", Some(Value::from(post.text.as_str()).to_string())),
        ]
        .into_iter()
        .filter(|(field, ..)| self.include.contains(field))
        .filter_map(|(_, name, value)| Some((format!("{}{name}", self.prefix), value?)))
    }
}

/// One object as JSON without line breaks.
pub(super) fn object(head: &impl Serialize, included: Included<'_>, rest: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::new();
    write(head, &mut json);
    json.pop();
    for (name, value) in included.fields() {
        json.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
    }
    let joint = json.len();
    write(rest, &mut json);
    json[joint] = b',';
    json
}

/// The same object as a value, for formats with a schema. Of the repeated fields strings stay strings, and all else is a
/// string that holds its JSON: a schema says one type for each.
pub(super) fn value(head: &impl Serialize, included: Included<'_>, rest: &impl Serialize) -> Value {
    let mut object = members(head);
    for (name, json) in included.fields() {
        let text = serde_json::from_str::<String>(&json).unwrap_or(json);
        object.insert(name, Value::String(text));
    }
    object.extend(members(rest));
    Value::Object(object)
}

fn members(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        other => {
            unreachable!("strings, numbers and lists of them can always be members of an object: {other:?}")
        }
    }
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
