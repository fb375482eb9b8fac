//! Dead letter as the page gets it: what it says of itself, and the beginning of the post's text.

use std::sync::Arc;

use bytes::Bytes;
use rdkafka::message::BorrowedMessage;
use serde_json::Value;

use super::source_post::PostReader;
use crate::cli::dlq::DeadLetter;

/// The most characters of a text or a message.
const MAX_LETTERS: usize = 300;

/// The JSON of a dead letter; none for a marker of a replay, which has no class.
pub(super) fn json(message: &BorrowedMessage<'_>, reader: &PostReader) -> Option<String> {
    let letter = DeadLetter::read(message);
    let mut value: Value = serde_json::from_str(&letter.live_json()).ok()?;
    let has_class = value.get("class").and_then(Value::as_str).is_some_and(|class| !class.is_empty());
    if !has_class {
        return None;
    }
    let object = value.as_object_mut()?;
    object.insert("message".to_owned(), letter.message.chars().take(MAX_LETTERS).collect::<String>().into());
    let topic: Option<Arc<str>> =
        object.get("source").and_then(|source| source.get("topic")?.as_str()).map(Into::into);
    let payload = rdkafka::Message::payload(message).map(Bytes::copy_from_slice);
    let text = payload.and_then(|payload| reader.excerpt(&payload, topic.as_ref(), MAX_LETTERS));
    object.insert("text".to_owned(), text.into());
    object.remove("key");
    Some(value.to_string())
}
