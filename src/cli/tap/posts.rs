//! Posts in the terminal: a line for each record, whatever its format.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Message as _};
use serde_json::{Value, json};

use super::filter::Filter;
use crate::cli::dlq::safe_char;
use crate::cli::plain_records::PlainRecords;

/// The most characters of a text in a line.
const MAX_TEXT: usize = 120;

/// The line of a record; none if it is not wanted.
pub(super) fn line(
    message: &BorrowedMessage<'_>,
    plain: &PlainRecords,
    (filter, as_json): (&Filter, bool),
) -> Option<String> {
    // A record whose schema cannot be had is shown as it is.
    let json =
        message.payload().map(|value| plain.json(value).unwrap_or_else(|_| Bytes::copy_from_slice(value)));
    let value = json.as_deref().map(String::from_utf8_lossy);
    let parsed: Option<Value> = value.as_ref().and_then(|value| serde_json::from_str(value).ok());
    let author = parsed.as_ref().and_then(|post| post.get("author"));
    let text = parsed.as_ref().and_then(|post| post.get("text")?.as_str());
    let shown = text.or(value.as_deref()).unwrap_or("(deletion)");
    if !filter.is_by(author) || !filter.has_words(shown) {
        return None;
    }
    let millis = message.timestamp().to_millis().and_then(|millis| u64::try_from(millis).ok());
    let time =
        millis.map(|millis| humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(millis)));
    let key = message.key().map(String::from_utf8_lossy);
    if as_json {
        let line = json!({
            "time": time.map(|time| time.to_string()),
            "partition": message.partition(),
            "offset": message.offset(),
            "key": key,
            "post": parsed.or(value.as_ref().map(|value| Value::from(&**value))),
        });
        return Some(line.to_string());
    }
    let short: String = shown.chars().take(MAX_TEXT).collect();
    let more = if shown.chars().nth(MAX_TEXT).is_some() { "…" } else { "" };
    let time = time.map_or("?".to_owned(), |time| time.to_string());
    let place = format!("{}:{}", message.partition(), message.offset());
    let row = format!("{time}  {place:<10}  {:<20}  {short}{more}", key.unwrap_or_default());
    Some(row.chars().map(safe_char).collect())
}
