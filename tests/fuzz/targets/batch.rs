//! Batch target: a body over HTTP is refused, or becomes records that are its parts, no more than it may have.

use riveg::input::formats::{Batch, BatchFault, json_records, lines};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::assert_sayable;

/// Low, so that it is passed quickly.
const LIMIT: usize = 8;

/// A body of JSON, and of lines.
pub fn batch(input: &[u8]) {
    let body = input.to_vec().into();
    let whole = serde_json::from_slice::<Value>(input).ok();
    match json_records(&body, LIMIT) {
        Ok(Batch::One(record)) => {
            assert!(!record.starts_with(b"["), "an array is one record");
            let record = value(&record);
            assert!(whole.is_none_or(|whole| record == Some(whole)), "a record is not what was sent");
        }
        Ok(Batch::Many(records)) => {
            assert!(records.len() <= LIMIT, "{} records", records.len());
            let records =
                records.iter().map(|record| value(record)).collect::<Option<Vec<_>>>().map(Value::Array);
            assert!(whole.is_none_or(|whole| records == Some(whole)), "the records are not what was sent");
        }
        Err(BatchFault::Malformed(rejection)) => {
            assert!(whole.is_none(), "JSON is refused: {rejection}");
            assert_sayable(&rejection.message);
        }
        Err(BatchFault::TooMany) => {
            let count = whole.as_ref().and_then(Value::as_array).map(Vec::len);
            assert!(count.is_none_or(|count| count > LIMIT), "{count:?} are too many");
        }
    }
    let texts = || input.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    match lines(&body, LIMIT) {
        Ok(records) => assert!(texts().eq(records.iter().map(|record| &record[..])), "the lines are others"),
        Err(_) => assert!(texts().count() > LIMIT, "few lines are too many"),
    }
}

/// A record, which is JSON; none where its numbers or escapes are none that can be kept.
fn value(record: &[u8]) -> Option<Value> {
    serde_json::from_slice::<IgnoredAny>(record).expect("a record of a JSON text is JSON");
    serde_json::from_slice(record).ok()
}
