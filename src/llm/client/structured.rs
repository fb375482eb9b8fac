//! In which form is an answer asked for? As a JSON object where the server takes that, or as plain text.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};

/// How the server is told which form an answer shall have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseFormat {
    /// By a JSON schema that it keeps the model to.
    #[default]
    JsonSchema,
    /// By asking for any JSON object, and in words for which.
    JsonObject,
    /// Not at all: the answer is plain text.
    None,
}

impl ResponseFormat {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::JsonSchema, Self::JsonObject, Self::None];

    /// Its name in settings and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonSchema => "json-schema",
            Self::JsonObject => "json-object",
            Self::None => "none",
        }
    }

    /// What a request says of it, for an answer that is the text `field` of an object; nothing for plain text.
    pub(super) fn requested(self, field: &str) -> Option<Value> {
        match self {
            Self::JsonSchema => Some(json!({
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": true, "schema": {
                    "type": "object",
                    "properties": {field: {"type": "string"}},
                    "required": [field],
                    "additionalProperties": false,
                }},
            })),
            Self::JsonObject => Some(json!({"type": "json_object"})),
            Self::None => None,
        }
    }
}

/// What the model is told of the object: servers do not show it the schema. `{field}` is the name of its text.
const INSTRUCTION: &str = "Write the answer into a JSON object, {\"{field}\": \"your answer\"}, and nothing else. An empty \
                           text says that you do not know.";

/// The instruction for an answer that is the text `field`.
pub(super) fn instruction(field: &str) -> String {
    INSTRUCTION.replace("{field}", field)
}

/// Whether the server takes the form that is asked for, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Taken(AtomicU8);

const NOT_KNOWN: u8 = 0;
const TAKEN: u8 = 1;
const REFUSED: u8 = 2;

/// What servers call it in their complaints.
const NAMES: [&str; 6] = ["response_format", "json_schema", "schema", "grammar", "guided", "structured"];

impl Taken {
    /// Whether to ask for it.
    pub(super) fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Relaxed) != REFUSED
    }

    /// A question that asked for it was answered.
    pub(super) fn answered(&self) {
        // A server that has refused it is not asked for it any more.
        let _ = self.0.compare_exchange(NOT_KNOWN, TAKEN, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether a question that was refused with this complaint may have been refused for the form. A post can be the reason
    /// too, so the question is asked again as plain text, and only an answer to that settles it.
    pub(super) fn is_in_doubt(&self, complaint: &str) -> bool {
        self.0.load(Ordering::Relaxed) == NOT_KNOWN || NAMES.iter().any(|name| complaint.contains(name))
    }

    /// The same question was answered as plain text. Whether that is news.
    pub(super) fn refused(&self) -> bool {
        self.0.swap(REFUSED, Ordering::Relaxed) != REFUSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_allows_one_text_and_nothing_else() {
        let schema = &ResponseFormat::JsonSchema.requested("phrase").unwrap()["json_schema"]["schema"];
        assert_eq!(schema["properties"], json!({"phrase": {"type": "string"}}));
        assert_eq!(
            (&schema["required"], &schema["additionalProperties"]),
            (&json!(["phrase"]), &json!(false))
        );
        assert!(instruction("phrase").contains("{\"phrase\": \"your answer\"}"));
        assert_eq!(ResponseFormat::None.requested("phrase"), None);
        for format in ResponseFormat::ALL {
            let named: ResponseFormat = serde_json::from_value(json!(format.as_str())).unwrap();
            assert_eq!(named, format);
        }
    }

    #[test]
    fn a_refusal_is_the_forms_only_where_it_was_never_taken_or_is_named() {
        let taken = Taken::default();
        assert!(taken.is_asked_for() && taken.is_in_doubt("too long"));
        taken.answered();
        assert!(!taken.is_in_doubt("too long") && taken.is_in_doubt("response_format is not supported"));
        assert!(taken.refused() && !taken.is_asked_for());
        taken.answered();
        assert!(!taken.is_asked_for() && !taken.refused());
    }
}
