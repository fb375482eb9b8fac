//! JSON line of a cached answer, for other programs and for import.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::llm::answers::{
    AnswerId, Kind, MAX_RECORD_BYTES, MAX_SUBJECT_CHARS, Record, fits, time_of_millis, unix_millis,
};

/// An answer on a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kind: String,
    key: String,
    subject: String,
    model: String,
    text: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Arc<str>>,
    made_at: String,
}

/// Writes the line of an answer.
pub(super) fn write(id: &AnswerId, record: &Record) -> String {
    let made_at = time_of_millis(record.made_at).unwrap_or(SystemTime::UNIX_EPOCH);
    let line = Line {
        kind: id.kind.as_str().to_owned(),
        key: id.hex(),
        subject: record.subject.clone(),
        model: record.model.clone(),
        text: record.text.clone(),
        refused: record.refused.clone(),
        made_at: humantime::format_rfc3339_millis(made_at).to_string(),
    };
    match serde_json::to_string(&line) {
        Ok(line) => line,
        Err(error) => unreachable!("strings are always JSON: {error}"),
    }
}

/// Reads the answer of a line.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(line: &[u8], now: SystemTime) -> Result<(AnswerId, Record), String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let kind = Kind::from_name(&line.kind).ok_or_else(|| {
        let known = Kind::ALL.map(Kind::as_str).join("`, `");
        format!("`kind`: expected one of `{known}`, found `{}`", line.kind)
    })?;
    let id = AnswerId::from_hex(kind, &line.key)
        .ok_or_else(|| format!("`key`: expected 64 hexadecimal digits, found `{:.80}`", line.key))?;
    let made_at = humantime::parse_rfc3339_weak(&line.made_at).map_err(|_| {
        format!("`made_at`: expected a time such as 2026-01-31T08:00:00Z, found `{:.80}`", line.made_at)
    })?;
    if made_at > now {
        return Err(format!("`made_at`: expected a time that has been, found `{}`", line.made_at));
    }
    let length = line.subject.chars().count();
    if length > MAX_SUBJECT_CHARS {
        return Err(format!("`subject`: expected {MAX_SUBJECT_CHARS} characters or fewer, found {length}"));
    }
    let Line { subject, model, text, refused, .. } = line;
    let record = Record { subject, model, text, refused, made_at: unix_millis(made_at) };
    if !fits(&record) {
        return Err(format!("`text`: expected less than {MAX_RECORD_BYTES} bytes with subject and model"));
    }
    Ok((id, record))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let id = AnswerId { kind: Kind::Knowledge, key: [7; 32] };
        for (text, refused) in
            [(None, None), (None, Some("excuse".into())), (Some("a \"dog\"\n".into()), None)]
        {
            let record =
                Record { subject: "dog".to_owned(), model: "m".to_owned(), text, refused, made_at: 1_500 };
            let line = write(&id, &record);
            assert_eq!(read(line.as_bytes(), SystemTime::now()), Ok((id, record)));
            assert!(line.contains("\"made_at\":\"1970-01-01T00:00:01.500Z\""), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_named() {
        let good = format!(
            r#"{{"kind":"caption","key":"{}","subject":"dog","model":"m","text":null,"made_at":"1970-01-01T00:00:10Z"}}"#,
            "0a".repeat(32)
        );
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(20);
        assert!(read(good.as_bytes(), now).is_ok());
        let cases = [
            (
                "caption",
                "joke",
                "`kind`: expected one of `expansion`, `knowledge`, `caption`, `description`, \
                 `entailment`, `grounding`, `depiction`, `extraction`, `link`, found `joke`",
            ),
            ("0a0a", "0a", "`key`: expected 64 hexadecimal digits, found `0a"),
            ("10Z", "21Z", "`made_at`: expected a time that has been"),
            ("1970-01", "in may", "`made_at`: expected a time such as"),
            ("dog", &"é".repeat(201), "`subject`: expected 200 characters or fewer, found 201"),
            (
                "null",
                &format!("\"{}\"", "a".repeat(MAX_RECORD_BYTES)),
                "`text`: expected less than 32768 bytes",
            ),
            ("null", "5", "invalid type: integer `5`"),
            ("\"model\":\"m\",", "", "missing field `model`"),
            ("model", "modell", "unknown field `modell`"),
            ("}", "", "EOF while parsing"),
        ];
        for (what, instead, expected) in cases {
            let error = read(good.replacen(what, instead, 1).as_bytes(), now).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
