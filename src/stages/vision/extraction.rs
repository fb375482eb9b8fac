//! Extractions: the entities of a post with types and boxes, as a vision model said them and the answer cache stores them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::box_rule::{BoxRule, is_box};
use super::shapes;
use crate::llm::cached::{RejectReason, extract_json, reason_of_prose};

/// Entities of one answer: several times the longest tweet's. A longer list is a loop.
const MAX_ENTITIES: usize = 128;
/// The most characters of a name: titles of works and offices have up to 80.
const MAX_NAME_CHARS: usize = 100;
/// The most bytes of a stored extraction: half of what the answer cache reads.
const MAX_BYTES: usize = 16 * 1024;

/// What a model says of a post.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extraction {
    /// In the order of the answer.
    pub(super) entities: Vec<NamedEntity>,
    /// Entities that were left out, because the bundle does not have their type.
    pub(super) wrong_types: usize,
    /// Boxes that were left out, because they are not valid or their picture does not exist.
    pub(super) wrong_boxes: usize,
}

/// One entity of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedEntity {
    /// The name as the text is said to spell it.
    pub(super) text: String,
    /// Its type, one of the bundle's.
    #[serde(rename = "type")]
    pub(super) entity_type: String,
    /// Where pictures show it, at most one box a picture.
    pub(super) shown: Vec<ShownIn>,
}

/// A box in one picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShownIn {
    /// The picture's index in the question.
    pub(super) picture: usize,
    /// Left, top, right, bottom as fractions of the picture.
    #[serde(rename = "box")]
    pub(super) fractions: [f64; 4],
}

/// What an answer may contain.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    /// The types of the bundle.
    pub(super) types: Vec<String>,
    /// How boxes of each picture are read.
    pub(super) pictures: Vec<BoxRule>,
}

impl Extraction {
    /// Reads an answer. Entities of other types and boxes that are not valid are left out and counted.
    ///
    /// # Errors
    /// The answer is no list of entities, or a far too long one.
    pub(super) fn read(text: &str, allowed: &Allowed) -> Result<Self, RejectReason> {
        let value = extract_json(text)?.ok_or_else(|| reason_of_prose(text))?;
        let items = match &value {
            Value::Array(items) => items,
            Value::Object(object) => {
                object.get("entities").and_then(Value::as_array).ok_or(RejectReason::Json)?
            }
            _ => return Err(RejectReason::Json),
        };
        if items.len() > MAX_ENTITIES {
            return Err(RejectReason::TooLong);
        }
        let mut all = Self::default();
        for item in items {
            let object = item.as_object().ok_or(RejectReason::Json)?;
            let field = |name: &str| object.get(name).and_then(Value::as_str).map(str::trim);
            let (Some(name), Some(named_type)) = (field("text"), field("type")) else {
                return Err(RejectReason::Json);
            };
            let is_name = !name.is_empty()
                && name.chars().count() <= MAX_NAME_CHARS
                && !name.contains(char::is_control);
            if !is_name {
                return Err(RejectReason::Json);
            }
            let known = allowed.types.iter().find(|known| known.eq_ignore_ascii_case(named_type));
            let Some(known) = known else {
                all.wrong_types += 1;
                continue;
            };
            let shown = all.shown(object, allowed)?;
            all.entities.push(NamedEntity { text: name.to_owned(), entity_type: known.clone(), shown });
        }
        if all.to_json().len() > MAX_BYTES { Err(RejectReason::TooLong) } else { Ok(all) }
    }

    /// The boxes of one entity, the first of each picture.
    fn shown(
        &mut self,
        object: &Map<String, Value>,
        allowed: &Allowed,
    ) -> Result<Vec<ShownIn>, RejectReason> {
        let list = match object.get("shown") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(RejectReason::Json),
        };
        let mut shown: Vec<ShownIn> = Vec::new();
        for place in list {
            let place = place.as_object().ok_or(RejectReason::Json)?;
            // Pictures count from 1.
            let number = place.get("picture").and_then(Value::as_u64);
            let picture = number.and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
            let rule = picture.and_then(|picture| allowed.pictures.get(picture));
            let boxes = shapes::boxes_of(place).unwrap_or_default();
            // An empty box says that the picture does not show it.
            let Some(numbers) = boxes.first().filter(|numbers| !numbers.is_empty()) else { continue };
            match (picture, rule.map(|rule| rule.fractions(numbers))) {
                (Some(picture), Some(Ok(fractions))) => {
                    if shown.iter().all(|other| other.picture != picture) {
                        shown.push(ShownIn { picture, fractions });
                    }
                }
                _ => self.wrong_boxes += 1,
            }
        }
        // In the order of the post's pictures.
        shown.sort_by_key(|place| place.picture);
        Ok(shown)
    }

    /// A stored extraction; none if it is not one that [`Self::read`] gives.
    pub(super) fn from_stored(stored: &str, allowed: &Allowed) -> Option<Self> {
        let found: Self = serde_json::from_str(stored).ok()?;
        let is_place = |place: &ShownIn| {
            let rule = allowed.pictures.get(place.picture);
            rule.is_some_and(|rule| is_box(place.fractions, rule.original))
        };
        let is_entity = |entity: &NamedEntity| {
            let pictures: BTreeSet<usize> = entity.shown.iter().map(|place| place.picture).collect();
            allowed.types.contains(&entity.entity_type)
                && !entity.text.trim().is_empty()
                && entity.text.chars().count() <= MAX_NAME_CHARS
                && pictures.len() == entity.shown.len()
                && entity.shown.iter().all(is_place)
        };
        (found.entities.len() <= MAX_ENTITIES && found.entities.iter().all(is_entity)).then_some(found)
    }

    /// Its JSON.
    pub(super) fn to_json(&self) -> String {
        match serde_json::to_string(self) {
            Ok(json) => json,
            Err(error) => unreachable!("strings and numbers are always JSON: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::client::BoxFormat;

    fn allowed() -> Allowed {
        let rule = BoxRule { format: BoxFormat::Thousand, sent: (100, 50), original: (200, 100) };
        Allowed { types: ["LOC", "PER"].map(str::to_owned).to_vec(), pictures: vec![rule; 2] }
    }

    fn read(text: &str) -> Result<Extraction, RejectReason> {
        Extraction::read(text, &allowed())
    }

    #[test]
    fn entities_are_read_with_the_types_and_boxes_that_are_allowed() {
        let text = r#"```json
            {"entities": [
                {"text": "Ada", "type": "per", "shown": [
                    {"picture": 1, "box": [100, 200, 300, 400]},
                    {"picture": 1, "box": [0, 0, 500, 500]},
                    {"picture": 2, "box": [900, 0, 100, 500]},
                    {"picture": 3, "box": [0, 0, 500, 500]},
                    {"picture": 0, "box": [0, 0, 500, 500]},
                    {"picture": 2, "box": []}
                ]},
                {"text": "Oslo", "type": "LOC", "shown": []},
                {"text": "Norges Bank", "type": "company"}
            ]}
            ```"#;
        let found = read(text).unwrap();
        let ada = ShownIn { picture: 0, fractions: [0.1, 0.2, 0.3, 0.4] };
        let named = |text: &str, entity_type: &str, shown| NamedEntity {
            text: text.to_owned(),
            entity_type: entity_type.to_owned(),
            shown,
        };
        assert_eq!(found.entities, [named("Ada", "PER", vec![ada]), named("Oslo", "LOC", Vec::new())]);
        assert_eq!((found.wrong_types, found.wrong_boxes), (1, 3));
        assert_eq!(Extraction::from_stored(&found.to_json(), &allowed()), Some(found));
        assert_eq!(read("[]"), Ok(Extraction::default()));
        assert_eq!(read(r#"{"entities": []}"#), Ok(Extraction::default()));
    }

    #[test]
    fn what_is_no_list_of_entities_is_rejected() {
        let entity = r#"{"text": "Ada", "type": "PER"}"#;
        let many = format!("[{}]", vec![entity; MAX_ENTITIES + 1].join(","));
        let long_name = format!(r#"[{{"text": "{}", "type": "PER"}}]"#, "a".repeat(MAX_NAME_CHARS + 1));
        let box_of = r#"{"picture": 1, "box": [111.111, 222.222, 333.333, 444.444]}"#;
        let wide =
            format!(r#"{{"text": "{}", "type": "PER", "shown": [{box_of}]}}"#, "é".repeat(MAX_NAME_CHARS));
        let heavy = format!("[{}]", vec![wide.as_str(); MAX_ENTITIES].join(","));
        for (text, reason) in [
            (r#"{"names": []}"#, RejectReason::Json),
            (r#"["Ada"]"#, RejectReason::Json),
            (r#"[{"text": "Ada"}]"#, RejectReason::Json),
            (r#"[{"text": "", "type": "PER"}]"#, RejectReason::Json),
            (r#"[{"text": "A\nda", "type": "PER"}]"#, RejectReason::Json),
            (r#"[{"text": "Ada", "type": "PER", "shown": 1}]"#, RejectReason::Json),
            (r#"[{"text": "Ada", "type": "PER", "shown": [1]}]"#, RejectReason::Json),
            (r#"{"entities": [{"text": "Ada", "#, RejectReason::Json),
            ("null", RejectReason::Json),
            (long_name.as_str(), RejectReason::Json),
            (many.as_str(), RejectReason::TooLong),
            (heavy.as_str(), RejectReason::TooLong),
            ("I'm sorry, but I can't help with that.", RejectReason::Excuse),
            ("The text names Ada.", RejectReason::Talk),
        ] {
            assert_eq!(read(text), Err(reason), "{text:.80}");
        }
        for stored in [
            r#"{"entities": [{"text": "Ada", "type": "ORG", "shown": []}], "wrong_types": 0, "wrong_boxes": 0}"#,
            r#"{"entities": [{"text": "Ada", "type": "PER", "shown": [{"picture": 2, "box": [0, 0, 1, 1]}]}], "wrong_types": 0, "wrong_boxes": 0}"#,
            r#"{"entities": [{"text": "Ada", "type": "PER", "shown": [{"picture": 0, "box": [0, 0, 2, 1]}]}], "wrong_types": 0, "wrong_boxes": 0}"#,
            "[]",
        ] {
            assert_eq!(Extraction::from_stored(stored, &allowed()), None, "{stored}");
        }
    }
}
