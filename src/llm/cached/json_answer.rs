//! JSON answers: the field of the JSON object that was asked for.

use serde_json::{Map, Value};

use super::answer_format::AnswerFormat;
use super::refusals::{announces_answer, reject_refusals};
use super::reject_reason::RejectReason;

/// The text in the object's field; none if the text is not JSON.
///
/// A code fence and an introductory line may surround the object: the object is parsed, so they cannot be mistaken for a
/// part of the answer.
///
/// # Errors
/// The JSON has no such field, or there is other text beside it.
pub(super) fn extract_json_field(form: AnswerFormat, text: &str) -> Result<Option<String>, RejectReason> {
    let begins_as_json = strip_code_fence(text).starts_with(['{', '[']);
    let Some((begin, end)) = text.find('{').zip(text.rfind('}').map(|end| end + 1)) else {
        return if begins_as_json { Err(RejectReason::Json) } else { Ok(None) };
    };
    let object =
        text.get(begin..end).and_then(|object| serde_json::from_str::<Map<String, Value>>(object).ok());
    let Some(mut object) = object else {
        return if begins_as_json { Err(RejectReason::Json) } else { Ok(None) };
    };
    let Some(Value::String(answer)) = object.remove(form.json_field()) else {
        return Err(RejectReason::Json);
    };
    check_introduction(strip_code_fence(&text[..begin]))?;
    if !strip_code_fence(&text[end..]).is_empty() {
        return Err(RejectReason::Talk);
    }
    // The prompt defines an empty text as "not known".
    if answer.trim().is_empty() { Err(RejectReason::NotKnown) } else { Ok(Some(answer)) }
}

/// Whether a text is JSON, in a code fence or without.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(strip_code_fence(text)).is_ok()
}

/// The JSON value that an answer is; none if there is none. A line that introduces it and a code fence may surround it.
///
/// # Errors
/// The JSON is broken, or there is other text beside it.
pub fn extract_json(text: &str) -> Result<Option<Value>, RejectReason> {
    let text = text.trim();
    let bare = strip_code_fence(text);
    if let Ok(value) = serde_json::from_str(bare) {
        return Ok(Some(value));
    }
    let none = || if bare.starts_with(['{', '[']) { Err(RejectReason::Json) } else { Ok(None) };
    let (Some(begin), Some(end)) = (text.find(['{', '[']), text.rfind(['}', ']'])) else { return none() };
    let Some(value) = text.get(begin..=end).and_then(|value| serde_json::from_str(value).ok()) else {
        return none();
    };
    let (before, after) = (strip_code_fence(&text[..begin]), strip_code_fence(&text[end + 1..]));
    check_introduction(before)?;
    if after.is_empty() { Ok(Some(value)) } else { Err(RejectReason::Talk) }
}

/// Whether the text before JSON introduces it.
fn check_introduction(before: &str) -> Result<(), RejectReason> {
    let before = before.to_lowercase().replace('’', "'");
    match reject_refusals(AnswerFormat::Caption, &before) {
        Err(RejectReason::Talk) | Ok(()) => {}
        Err(reason) => return Err(reason),
    }
    let is_introduced =
        before.is_empty() || (before.ends_with(':') && (announces_answer(&before) || !before.contains('\n')));
    if is_introduced { Ok(()) } else { Err(RejectReason::Talk) }
}

/// Removes a code fence around a text, and the name of its language.
pub(super) fn strip_code_fence(text: &str) -> &str {
    const FENCE: &str = "```";
    let text = text.trim();
    let text = text.strip_suffix("```json").or_else(|| text.strip_suffix(FENCE)).unwrap_or(text);
    let text = match text.strip_prefix(FENCE) {
        None => text,
        Some(rest) => match rest.split_once('\n') {
            Some((language, rest)) if !language.trim().contains(' ') => rest,
            _ => rest,
        },
    };
    text.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_json_value_is_read_if_no_other_text_stands_beside_it() {
        let boxes = serde_json::json!([{"bbox_2d": [1, 2, 3, 4]}]);
        for (text, expected) in [
            ("[{\"bbox_2d\": [1, 2, 3, 4]}]", Ok(Some(&boxes))),
            ("```json\n[{\"bbox_2d\": [1, 2, 3, 4]}]\n```", Ok(Some(&boxes))),
            ("Here is the box:\n```json\n[{\"bbox_2d\": [1, 2, 3, 4]}]\n```", Ok(Some(&boxes))),
            ("[{\"bbox_2d\": [1, 2, 3, 4]}] I hope this helps!", Err(RejectReason::Talk)),
            ("I'm sorry, but: [{\"bbox_2d\": [1, 2, 3, 4]}]", Err(RejectReason::Excuse)),
            ("[{\"bbox_2d\": [1, 2, NaN, 4]}]", Err(RejectReason::Json)),
            ("[{\"bbox_2d\": [1, 2", Err(RejectReason::Json)),
            ("at the left", Ok(None)),
            ("<box>[[1, 2, 3, 4]]</box>", Err(RejectReason::Talk)),
        ] {
            assert_eq!(
                extract_json(text).as_ref().map(Option::as_ref),
                expected.as_ref().map(|found| *found),
                "{text}"
            );
        }
    }

    #[test]
    fn the_field_of_an_object_is_read_and_no_other_text_may_stand_beside_it() {
        for (text, expected) in [
            ("{\"phrase\": \"a man\"}", Ok(Some("a man"))),
            (" {\"phrase\":\"a \\u00e9\"}\n", Ok(Some("a é"))),
            ("```json\n{\"phrase\": \"a man\"}\n```", Ok(Some("a man"))),
            ("Sure! Here is the JSON:\n```json\n{\"phrase\": \"a man\"}\n```", Ok(Some("a man"))),
            ("{\"phrase\": \"a man\", \"confidence\": 0.4}", Ok(Some("a man"))),
            ("{\"phrase\": \"\"}", Err(RejectReason::NotKnown)),
            ("{\"answer\": \"a man\"}", Err(RejectReason::Json)),
            ("{\"phrase\": [\"a man\"]}", Err(RejectReason::Json)),
            ("{\"phrase\": null}", Err(RejectReason::Json)),
            ("[{\"phrase\": \"a man\"}]", Err(RejectReason::Talk)),
            ("[\"a man\"]", Err(RejectReason::Json)),
            ("{\"phrase\": \"a man", Err(RejectReason::Json)),
            ("{\"phrase\": \"a\"} or {\"phrase\": \"b\"}", Err(RejectReason::Json)),
            ("{\"phrase\": \"a man\"} I hope this helps!", Err(RejectReason::Talk)),
            ("I'm sorry, but: {\"phrase\": \"a man\"}", Err(RejectReason::Excuse)),
            ("a man in red", Ok(None)),
            ("a man {in} red", Ok(None)),
        ] {
            assert_eq!(
                extract_json_field(AnswerFormat::Phrase, text),
                expected.map(|said| said.map(str::to_owned)),
                "{text}"
            );
        }
    }
}
