//! CloudEvents: an envelope in JSON around a record of any format (structured mode of CloudEvents 1.0).
//!
//! In binary mode the envelope is in the record's headers, and the value is the record itself: nothing is to be done.

use std::borrow::Cow;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

use crate::domain::Rejection;
use crate::input::fault::malformed;

use super::json::{self, JsonValue, Kind, last_fields, text};

/// What a record holds once its envelope is off.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unwrapped<'a> {
    /// There is no envelope.
    Bare,
    /// JSON within the envelope.
    Data(JsonValue<'a>),
    /// The JSON text that a string within the envelope holds.
    Text(Cow<'a, str>),
    /// An envelope without data; its type.
    Empty(String),
}

/// Takes the envelope off a record, if it has one.
///
/// # Errors
/// `malformed` where the envelope's data cannot be read.
pub(super) fn unwrapped(record: JsonValue<'_>) -> Result<Unwrapped<'_>, Rejection> {
    let [version, id, source, kind, data, encoded] =
        last_fields(record, ["specversion", "id", "source", "type", "data", "data_base64"]);
    let (Some(_), Some(_), Some(_), Some(kind)) = (version, id, source, kind) else {
        return Ok(Unwrapped::Bare);
    };
    match (data, encoded.and_then(text)) {
        (Some(data), _) if data.kind() == Kind::String => {
            let inner = text(data).ok_or_else(|| malformed("the `data` of the CloudEvent cannot be read"))?;
            Ok(Unwrapped::Text(owned_json(inner.as_bytes())?))
        }
        (Some(data), _) if data.kind() != Kind::Null => Ok(Unwrapped::Data(data)),
        (_, Some(encoded)) => {
            let bytes = STANDARD.decode(encoded.as_bytes()).map_err(|error| {
                malformed(&format!("the `data_base64` of the CloudEvent is no base64: {error}"))
            })?;
            Ok(Unwrapped::Text(owned_json(&bytes)?))
        }
        _ => Ok(Unwrapped::Empty(text(kind).unwrap_or_default().into_owned())),
    }
}

fn owned_json<'a>(bytes: &[u8]) -> Result<Cow<'a, str>, Rejection> {
    let within = |mut rejection: Rejection| {
        rejection.message = format!("in the data of the CloudEvent: {}", rejection.message);
        rejection
    };
    json::record_text(bytes).map(|text| Cow::Owned(text.into_owned())).map_err(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &str = r#"{"id":"1","text":"x"}"#;

    fn event(rest: &str) -> String {
        format!(r#"{{"specversion":"1.0","id":"e","source":"/s","type":"post.made"{rest}}}"#)
    }

    fn inner(record: &str) -> Result<Option<String>, Rejection> {
        Ok(match unwrapped(JsonValue::of(record))? {
            Unwrapped::Data(data) => Some(data.text().to_owned()),
            Unwrapped::Text(text) => Some(text.into_owned()),
            Unwrapped::Bare | Unwrapped::Empty(_) => None,
        })
    }

    #[test]
    fn data_is_taken_out_in_each_of_its_forms() {
        let as_string = serde_json::Value::from(POST).to_string();
        let as_base64 = STANDARD.encode(POST);
        for rest in [
            format!(r#","data":{POST}"#),
            format!(r#","datacontenttype":"application/json","data":{as_string}"#),
            format!(r#","data_base64":"{as_base64}""#),
            format!(r#","data":null,"data_base64":"{as_base64}""#),
        ] {
            assert_eq!(inner(&event(&rest)).unwrap().as_deref(), Some(POST), "{rest}");
        }
    }

    #[test]
    fn what_is_no_envelope_stays_and_an_empty_one_is_told() {
        for record in [POST, r#"{"specversion":"1.0","id":"1","data":{}}"#, "[]", "3"] {
            assert_eq!(unwrapped(JsonValue::of(record)).unwrap(), Unwrapped::Bare, "{record}");
        }
        for rest in ["", r#","data":null"#] {
            assert_eq!(
                unwrapped(JsonValue::of(&event(rest))).unwrap(),
                Unwrapped::Empty("post.made".to_owned())
            );
        }
    }

    #[test]
    fn data_that_cannot_be_read_is_told() {
        for (rest, expected) in [
            (r#","data":"no JSON""#, "in the data of the CloudEvent: the record is not JSON"),
            (r#","data_base64":"!""#, "the `data_base64` of the CloudEvent is no base64"),
            (r#","data_base64":"/w==""#, "in the data of the CloudEvent: the record is not UTF-8"),
        ] {
            let refusal = inner(&event(rest)).unwrap_err();
            assert!(refusal.message.contains(expected), "{refusal}");
        }
    }
}
