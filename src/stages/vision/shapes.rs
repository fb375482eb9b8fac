//! Answer shapes: what vision models write, as a verdict and the numbers of boxes.
//!
//! Read are: the object that the prompts ask for; a list of objects with a box each, as Qwen2.5-VL (`bbox_2d`) and Gemini
//! (`box_2d`) write it; bare boxes; boxes in the tags of InternVL (`<box>`) and Qwen2-VL (`<|box_start|>`); and `yes` or `no`.

use serde_json::{Map, Value};

use crate::llm::cached::{RejectReason, extract_json, reason_of_prose};

/// What an answer says. Nothing is checked against a picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Said {
    /// Whether the picture shows it, 0 to 1; none where the answer does not say.
    pub(super) shown: Option<f32>,
    /// The numbers of each box; none where the answer has no place for boxes.
    pub(super) boxes: Option<Vec<Vec<f64>>>,
}

/// Names of the verdict in objects.
const VERDICTS: [&str; 5] = ["shown", "depicted", "visible", "present", "answer"];
/// Names of the box in objects.
const BOXES: [&str; 8] =
    ["box", "bbox", "bbox_2d", "box_2d", "boxes", "bboxes", "bounding_box", "coordinates"];
/// Tags around the numbers of boxes.
const TAGS: [(&str, &str); 2] = [("<box>", "</box>"), ("<|box_start|>", "<|box_end|>")];
/// Objects of one answer about one phrase. A longer list is a description of everything.
const MAX_BOXES: usize = 64;
/// The longest sentence that may follow `yes` or `no`.
const MAX_SENTENCE: usize = 300;

/// Reads an answer.
///
/// # Errors
/// Why it is rejected.
pub(super) fn read(text: &str) -> Result<Said, RejectReason> {
    if let Some(boxes) = in_tags(text)? {
        return Ok(Said { shown: None, boxes: Some(boxes) });
    }
    let said = match extract_json(text)? {
        Some(value) => of_json(&value)?,
        None => Said { shown: Some(of_words(text)?), boxes: None },
    };
    match &said.boxes {
        Some(boxes) if boxes.len() > MAX_BOXES => Err(RejectReason::List),
        _ => Ok(said),
    }
}

fn of_json(value: &Value) -> Result<Said, RejectReason> {
    match value {
        Value::Object(object) => of_object(object),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let mut boxes = Vec::new();
            let mut shown = None;
            for item in items {
                let Value::Object(object) = item else { return Err(RejectReason::Json) };
                let one = of_object(object)?;
                shown = shown.or(one.shown);
                boxes.extend(one.boxes.unwrap_or_default());
            }
            Ok(Said { shown, boxes: Some(boxes) })
        }
        Value::Array(_) => Ok(Said { shown: None, boxes: Some(numbers(value)?) }),
        Value::Bool(_) | Value::String(_) => Ok(Said { shown: Some(verdict(value)?), boxes: None }),
        Value::Null | Value::Number(_) => Err(RejectReason::Json),
    }
}

fn of_object(object: &Map<String, Value>) -> Result<Said, RejectReason> {
    let field = |names: &[&str]| names.iter().find_map(|name| object.get(*name));
    let said = Said {
        shown: field(&VERDICTS).map(verdict).transpose()?,
        boxes: field(&BOXES).map(numbers).transpose()?,
    };
    if said == Said::default() { Err(RejectReason::Json) } else { Ok(said) }
}

/// The boxes of an object; none where it has no place for boxes or another value there.
pub(super) fn boxes_of(object: &Map<String, Value>) -> Option<Vec<Vec<f64>>> {
    BOXES.iter().find_map(|name| object.get(*name)).and_then(|value| numbers(value).ok())
}

/// The boxes of a field: one box, a list of boxes, or nothing.
fn numbers(value: &Value) -> Result<Vec<Vec<f64>>, RejectReason> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(RejectReason::Json),
    };
    let row = |list: &[Value]| list.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
    if list.iter().all(Value::is_array) {
        let rows = list.iter().map(|inner| row(inner.as_array().map_or(&[], Vec::as_slice)));
        // A list of nothing is no box.
        let rows = rows.filter(|row| row.as_ref().is_none_or(|row| !row.is_empty()));
        return rows.collect::<Option<_>>().ok_or(RejectReason::Box);
    }
    Ok(vec![row(list).ok_or(RejectReason::Box)?])
}

fn verdict(value: &Value) -> Result<f32, RejectReason> {
    match value {
        Value::Bool(shown) => Ok(f32::from(u8::from(*shown))),
        Value::String(word) => of_word(word).ok_or(RejectReason::Json),
        _ => Err(RejectReason::Json),
    }
}

/// A verdict in one word. `maybe` counts half, as for the networks that have this answer.
fn of_word(word: &str) -> Option<f32> {
    match word.trim().trim_end_matches('.').to_lowercase().as_str() {
        "yes" | "true" | "shown" => Some(1.0),
        "maybe" | "unsure" => Some(0.5),
        "no" | "false" | "none" | "not shown" => Some(0.0),
        _ => None,
    }
}

/// A verdict in words: `yes` or `no`, and at most one sentence of reason behind a comma or a full stop.
fn of_words(text: &str) -> Result<f32, RejectReason> {
    if let Some(shown) = of_word(text.trim().trim_matches(['"', '*', '`'])) {
        return Ok(shown);
    }
    // A refusal may begin with `no`.
    let reason = reason_of_prose(text);
    let first = text.trim_start().split_once([',', '.']).map(|(first, _)| first);
    let is_short = text.chars().count() <= MAX_SENTENCE && !text.trim().contains('\n');
    let is_plain = reason == RejectReason::Talk;
    first.filter(|_| is_short && is_plain).and_then(of_word).ok_or(reason)
}

/// The boxes within tags; none where the text has no such tag.
fn in_tags(text: &str) -> Result<Option<Vec<Vec<f64>>>, RejectReason> {
    let Some((open, close)) = TAGS.into_iter().find(|(open, _)| text.contains(open)) else { return Ok(None) };
    let mut boxes = Vec::new();
    for part in text.split(open).skip(1) {
        let (inner, _) = part.split_once(close).ok_or(RejectReason::Json)?;
        let separates = |letter: char| letter.is_whitespace() || "[](),".contains(letter);
        let parts = inner.split(separates).filter(|part| !part.is_empty());
        let numbers: Vec<f64> =
            parts.map(|part| part.parse().map_err(|_| RejectReason::Box)).collect::<Result<_, _>>()?;
        boxes.extend(numbers.chunks(4).map(<[f64]>::to_vec));
    }
    Ok(Some(boxes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(shown: Option<f32>, boxes: &[&[f64]]) -> Result<Said, RejectReason> {
        Ok(Said { shown, boxes: Some(boxes.iter().map(|numbers| numbers.to_vec()).collect()) })
    }

    fn word(shown: f32) -> Result<Said, RejectReason> {
        Ok(Said { shown: Some(shown), boxes: None })
    }

    #[test]
    fn the_shapes_of_model_families_are_read() {
        let one: &[&[f64]] = &[&[10.0, 20.0, 30.0, 40.0]];
        for (text, expected) in [
            // As the prompts ask for it.
            (r#"{"shown": "yes", "box": [10, 20, 30, 40]}"#, said(Some(1.0), one)),
            (r#"{"shown": "no", "box": []}"#, said(Some(0.0), &[])),
            (r#"{"shown": "maybe"}"#, word(0.5)),
            (r#"{"box": [10, 20, 30, 40]}"#, said(None, one)),
            // Qwen2.5-VL.
            (
                "```json\n[\n\t{\"bbox_2d\": [10, 20, 30, 40], \"label\": \"a thinking man\"}\n]\n```",
                said(None, one),
            ),
            (
                r#"[{"bbox_2d": [10, 20, 30, 40], "label": "a"}, {"bbox_2d": [1, 2, 3, 4], "label": "b"}]"#,
                said(None, &[one[0], &[1.0, 2.0, 3.0, 4.0]]),
            ),
            ("```json\n[]\n```", said(None, &[])),
            // Qwen2-VL.
            (
                "<|object_ref_start|>a man<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|>",
                said(None, one),
            ),
            // InternVL.
            ("<ref>a man</ref><box>[[10, 20, 30, 40]]</box>", said(None, one)),
            (
                "a man<box>[[10, 20, 30, 40], [1, 2, 3, 4]]</box>",
                said(None, &[one[0], &[1.0, 2.0, 3.0, 4.0]]),
            ),
            // Gemini.
            ("```json\n[{\"box_2d\": [10, 20, 30, 40], \"label\": \"a man\"}]\n```", said(None, one)),
            // GLM-4.5V, whose tags are removed before.
            ("[[10, 20, 30, 40]]", said(None, one)),
            ("[10.0, 20, 30, 4e1]", said(None, one)),
            (r#"{"bbox": null}"#, said(None, &[])),
            (r#"{"boxes": [[10, 20, 30, 40]]}"#, said(None, one)),
            ("[[]]", said(None, &[])),
            ("Here is the box:\n```json\n{\"box\": [10, 20, 30, 40]}\n```", said(None, one)),
            ("yes", word(1.0)),
            ("**No**", word(0.0)),
            ("No.", word(0.0)),
            ("Yes, it shows a man in a red coat.", word(1.0)),
            ("true", word(1.0)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn any_other_answer_is_rejected_with_its_reason() {
        let many = format!("[{}]", vec!["[1, 2, 3, 4]"; MAX_BOXES + 1].join(", "));
        for (text, reason) in [
            (r#"{"shown": "perhaps not"}"#, RejectReason::Json),
            (r#"{"label": "a man"}"#, RejectReason::Json),
            (r#"{"shown": 1}"#, RejectReason::Json),
            ("[1, \"2\", 3, 4]", RejectReason::Box),
            ("[{\"bbox_2d\": [NaN, 2, 3, 4]}]", RejectReason::Json),
            ("[{\"bbox_2d\": [1, 2, 3", RejectReason::Json),
            ("[1, 2, 3, 4] [5, 6, 7, 8]", RejectReason::Json),
            ("<box>[[1, 2, 3, 4]]", RejectReason::Json),
            ("<box>[[a, b, c, d]]</box>", RejectReason::Box),
            ("<box>nan inf 1 2 x</box>", RejectReason::Box),
            (many.as_str(), RejectReason::List),
            ("null", RejectReason::Json),
            ("42", RejectReason::Json),
            ("I'm sorry, but I can't identify people in pictures.", RejectReason::Excuse),
            ("No, I'm sorry, I cannot help with that.", RejectReason::Excuse),
            ("unknown", RejectReason::NotKnown),
            ("The man stands at the left.", RejectReason::Talk),
            ("The box is [1, 2, 3, 4] as you see, and another line\nfollows: ok", RejectReason::Talk),
            ("Okay, the user wants a box.", RejectReason::Thought),
        ] {
            assert_eq!(read(text), Err(reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), pieces in prop::collection::vec(prop::sample::select(vec![
            "<box>", "</box>", "[", "]", "{", "}", "1", ",", "\"box\"", ":", "yes", "```", "<|box_start|>", "NaN", " ",
        ]), 0..20)) {
            let _ = (read(&text), read(&pieces.concat()));
        }
    }
}
