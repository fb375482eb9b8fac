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
    let (before, after) =
        (strip_code_fence(&text[..begin]).to_lowercase().replace('’', "'"), strip_code_fence(&text[end..]));
    match reject_refusals(AnswerFormat::Caption, &before) {
        Err(RejectReason::Talk) | Ok(()) => {}
        Err(reason) => return Err(reason),
    }
    let is_introduced =
        before.is_empty() || (before.ends_with(':') && (announces_answer(&before) || !before.contains('\n')));
    if !is_introduced || !after.is_empty() {
        return Err(RejectReason::Talk);
    }
    // The prompt defines an empty text as "not known".
    if answer.trim().is_empty() { Err(RejectReason::NotKnown) } else { Ok(Some(answer)) }
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
