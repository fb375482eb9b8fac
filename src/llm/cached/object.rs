//! Does a text hold the JSON object that was asked for? An object with one field that holds the answer.

use serde_json::{Map, Value};

use super::excuses::{is_talk, none_in};
use super::form::Form;
use super::refusal::Refusal;

/// The text in the field of the object, if there is an object; nothing where the text is no JSON.
///
/// Around the object there may be a fence and a line that announces it: the object is checked, so that line cannot be
/// taken for a part of the answer.
///
/// # Errors
/// It is JSON without that field, or something else stands beside it.
pub(super) fn answer(form: Form, text: &str) -> Result<Option<String>, Refusal> {
    let begins_as_json = unfenced(text).starts_with(['{', '[']);
    let Some((begin, end)) = text.find('{').zip(text.rfind('}').map(|end| end + 1)) else {
        return if begins_as_json { Err(Refusal::Json) } else { Ok(None) };
    };
    let object =
        text.get(begin..end).and_then(|object| serde_json::from_str::<Map<String, Value>>(object).ok());
    let Some(mut object) = object else {
        return if begins_as_json { Err(Refusal::Json) } else { Ok(None) };
    };
    let Some(Value::String(said)) = object.remove(form.field()) else { return Err(Refusal::Json) };
    let (before, after) = (unfenced(&text[..begin]).to_lowercase().replace('’', "'"), unfenced(&text[end..]));
    match none_in(Form::Caption, &before) {
        Err(Refusal::Talk) | Ok(()) => {}
        Err(refusal) => return Err(refusal),
    }
    let is_announced =
        before.is_empty() || (before.ends_with(':') && (is_talk(&before) || !before.contains('\n')));
    if !is_announced || !after.is_empty() {
        return Err(Refusal::Talk);
    }
    // The prompt says that this is how not to know.
    if said.trim().is_empty() { Err(Refusal::NotKnown) } else { Ok(Some(said)) }
}

/// A text without the fence that begins or ends it, and without the name of its language.
pub(super) fn unfenced(text: &str) -> &str {
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
    fn an_object_is_read_for_its_field_and_nothing_may_stand_beside_it() {
        for (text, expected) in [
            ("{\"phrase\": \"a man\"}", Ok(Some("a man"))),
            (" {\"phrase\":\"a \\u00e9\"}\n", Ok(Some("a é"))),
            ("```json\n{\"phrase\": \"a man\"}\n```", Ok(Some("a man"))),
            ("Sure! Here is the JSON:\n```json\n{\"phrase\": \"a man\"}\n```", Ok(Some("a man"))),
            ("{\"phrase\": \"a man\", \"confidence\": 0.4}", Ok(Some("a man"))),
            ("{\"phrase\": \"\"}", Err(Refusal::NotKnown)),
            ("{\"answer\": \"a man\"}", Err(Refusal::Json)),
            ("{\"phrase\": [\"a man\"]}", Err(Refusal::Json)),
            ("{\"phrase\": null}", Err(Refusal::Json)),
            ("[{\"phrase\": \"a man\"}]", Err(Refusal::Talk)),
            ("[\"a man\"]", Err(Refusal::Json)),
            ("{\"phrase\": \"a man", Err(Refusal::Json)),
            ("{\"phrase\": \"a\"} or {\"phrase\": \"b\"}", Err(Refusal::Json)),
            ("{\"phrase\": \"a man\"} I hope this helps!", Err(Refusal::Talk)),
            ("I'm sorry, but: {\"phrase\": \"a man\"}", Err(Refusal::Excuse)),
            ("a man in red", Ok(None)),
            ("a man {in} red", Ok(None)),
        ] {
            assert_eq!(answer(Form::Phrase, text), expected.map(|said| said.map(str::to_owned)), "{text}");
        }
    }
}
