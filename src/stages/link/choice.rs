//! Choice: the number of the candidate that a language model chose, as it said it and as the answer cache stores it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::llm::cached::{RejectReason, extract_json, reason_of_prose};

/// The field of the answer.
const FIELD: &str = "choice";

/// The schema of an answer about this many candidates, numbered from 1; 0 is none of them. An enumeration, because not
/// every server knows the bounds of numbers.
pub(super) fn schema(candidates: usize) -> Arc<Value> {
    let numbers: Vec<usize> = (0..=candidates).collect();
    Arc::new(json!({
        "type": "object",
        "properties": { FIELD: { "type": "integer", "enum": numbers } },
        "required": [FIELD],
        "additionalProperties": false,
    }))
}

/// The number in an answer: that of an object, or a number alone, as models without a schema write it.
///
/// # Errors
/// The answer is not a number from 0 to `candidates`.
pub(super) fn read(text: &str, candidates: usize) -> Result<usize, RejectReason> {
    let value = extract_json(text)?.ok_or_else(|| reason_of_prose(text))?;
    let number = match &value {
        Value::Object(object) => object.get(FIELD),
        value => Some(value),
    };
    let number = number.and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number <= candidates).ok_or(RejectReason::Json)
}

/// A stored number; none if it is not one that [`read`] gives.
pub(super) fn from_stored(stored: &str, candidates: usize) -> Option<usize> {
    let number: usize = stored.parse().ok()?;
    (number <= candidates && number.to_string() == stored).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_a_number_of_the_list_and_nothing_else() {
        for (text, expected) in [
            (r#"{"choice": 2}"#, Ok(2)),
            ("```json\n{\"choice\": 0}\n```", Ok(0)),
            ("1", Ok(1)),
            (r#"{"choice": 3}"#, Err(RejectReason::Json)),
            (r#"{"choice": -1}"#, Err(RejectReason::Json)),
            (r#"{"choice": "2"}"#, Err(RejectReason::Json)),
            (r#"{"choice": 1.5}"#, Err(RejectReason::Json)),
            (r#"{"number": 1}"#, Err(RejectReason::Json)),
            ("[1]", Err(RejectReason::Json)),
            (r#"{"choice": 1} because he plays"#, Err(RejectReason::Talk)),
            ("I'm sorry, I cannot tell.", Err(RejectReason::Excuse)),
            ("the second one", Err(RejectReason::Talk)),
        ] {
            assert_eq!(read(text, 2), expected, "{text}");
        }
    }

    #[test]
    fn a_stored_choice_is_used_only_if_it_is_one() {
        assert_eq!([from_stored("0", 2), from_stored("2", 2)], [Some(0), Some(2)]);
        for stored in ["3", "-1", "02", "+1", " 1", "", "one"] {
            assert_eq!(from_stored(stored, 2), None, "{stored}");
        }
    }
}
