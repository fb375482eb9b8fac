//! Batches: the records of one text, which is a JSON value, a JSON array of records, or a record a line.

use std::borrow::Cow;

use bytes::Bytes;

use crate::domain::Rejection;

use super::json::{JsonValue, Kind, record_text};

/// The records of a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// The text is one record.
    One(Bytes),
    /// The text is an array of records.
    Many(Vec<Bytes>),
}

/// Why a text has no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchFault {
    /// It is no JSON.
    Malformed(Rejection),
    /// It has more records than it may.
    TooMany,
}

/// The records of a JSON text, at most `limit` of them. What they say is not read.
///
/// # Errors
/// The text is no JSON, or an array of more than `limit` records.
pub fn json_records(body: &Bytes, limit: usize) -> Result<Batch, BatchFault> {
    let json = record_text(body).map_err(BatchFault::Malformed)?;
    let slice = |value: JsonValue<'_>| match &json {
        Cow::Borrowed(_) => body.slice_ref(value.text().as_bytes()),
        // A repaired text is a copy.
        Cow::Owned(_) => Bytes::copy_from_slice(value.text().as_bytes()),
    };
    let value = JsonValue::of(&json);
    if value.kind() != Kind::Array {
        return Ok(Batch::One(slice(value)));
    }
    at_most(limit, value.elements().map(slice)).map(Batch::Many)
}

/// The lines of a text that are not empty, at most `limit` of them.
///
/// # Errors
/// There are more.
pub fn lines(body: &Bytes, limit: usize) -> Result<Vec<Bytes>, BatchFault> {
    let lines = body.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    at_most(limit, lines.map(|line| body.slice_ref(line)))
}

/// Those beyond the limit are not looked at: a text of 32 MiB has millions of them.
fn at_most(limit: usize, records: impl Iterator<Item = Bytes>) -> Result<Vec<Bytes>, BatchFault> {
    let records: Vec<Bytes> = records.take(limit.saturating_add(1)).collect();
    if records.len() > limit { Err(BatchFault::TooMany) } else { Ok(records) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    #[test]
    fn an_array_is_a_batch_and_anything_else_one_record() {
        let many = |json: &str| json_records(&bytes(json), 3);
        for one in [r#"{"id":"1"}"#, "17", r#"  "text" "#] {
            assert_eq!(many(one), Ok(Batch::One(bytes(one.trim()))));
        }
        let expected = [r#"{"id":"[1]"}"#, "[2]", "null"].map(bytes).to_vec();
        assert_eq!(many(r#"[ {"id":"[1]"} , [2], null ]"#), Ok(Batch::Many(expected)));
        assert_eq!(many("[]"), Ok(Batch::Many(Vec::new())));
        assert_eq!(many("[1,2,3,4]"), Err(BatchFault::TooMany));
        let Err(BatchFault::Malformed(fault)) = many("[{\"id\":1}") else { panic!("it has no end") };
        assert!(fault.message.contains("not JSON"), "{fault}");
        // A control character within a string is repaired, as in records of a topic.
        assert_eq!(many("[\"a\tb\"]"), Ok(Batch::Many(vec![bytes("\"a\\u0009b\"")])));
    }

    #[test]
    fn lines_are_records_as_they_are_and_empty_ones_are_passed_over() {
        let text = bytes("{\"id\":1}\r\n\n  \nno JSON\n");
        assert_eq!(lines(&text, 2), Ok(vec![bytes("{\"id\":1}"), bytes("no JSON")]));
        assert_eq!(lines(&text, 1), Err(BatchFault::TooMany));
        assert_eq!(lines(&Bytes::new(), 0), Ok(Vec::new()));
    }
}
