//! Response format: a JSON object where the server supports that, else plain text.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};

use super::question::AnswerSchema;

/// How the answer's format is requested from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseFormat {
    /// By a JSON schema, which the server enforces.
    #[default]
    JsonSchema,
    /// As any JSON object, whose fields the system message describes.
    JsonObject,
    /// Not at all: plain text.
    None,
}

impl ResponseFormat {
    /// All formats.
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

    /// The request field `response_format` for an answer in such an object; none for plain text.
    pub(super) fn requested(self, object: &AnswerSchema) -> Option<Value> {
        match self {
            Self::JsonSchema => {
                let schema = match object {
                    AnswerSchema::Object(schema) => Value::clone(schema),
                    AnswerSchema::Text(field) => json!({
                        "type": "object",
                        "properties": {*field: {"type": "string"}},
                        "required": [field],
                        "additionalProperties": false,
                    }),
                };
                let schema = json!({"name": "answer", "strict": true, "schema": schema});
                Some(json!({"type": "json_schema", "json_schema": schema}))
            }
            Self::JsonObject => Some(json!({"type": "json_object"})),
            Self::None => None,
        }
    }
}

/// Describes the object to the model, because servers do not show it the schema. `{field}` is the name of the field.
const INSTRUCTION: &str = "Write the answer into a JSON object, {\"{field}\": \"your answer\"}, and nothing else. An empty \
                           text says that you do not know.";

/// The instruction for an answer in one field; none where the prompt describes the object itself.
pub(super) fn instruction(object: &AnswerSchema) -> Option<String> {
    match object {
        AnswerSchema::Text(field) => Some(INSTRUCTION.replace("{field}", field)),
        AnswerSchema::Object(_) => None,
    }
}

/// Whether the server supports the response format, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct FormatSupport(AtomicU8);

const NOT_KNOWN: u8 = 0;
const SUPPORTED: u8 = 1;
const REFUSED: u8 = 2;

/// Names of the format in servers' error messages.
const NAMES: [&str; 6] = ["response_format", "json_schema", "schema", "grammar", "guided", "structured"];

impl FormatSupport {
    /// Whether to request the format.
    pub(super) fn should_request(&self) -> bool {
        self.0.load(Ordering::Relaxed) != REFUSED
    }

    /// A request with the format was answered.
    pub(super) fn accepted(&self) {
        // A rejected format stays rejected.
        let _ = self.0.compare_exchange(NOT_KNOWN, SUPPORTED, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether a request that failed with this message may have failed because of the format. The post may be the reason
    /// too, so the question is sent again as plain text, and only an answer to that decides.
    pub(super) fn may_be_the_cause(&self, message: &str) -> bool {
        self.0.load(Ordering::Relaxed) == NOT_KNOWN || NAMES.iter().any(|name| message.contains(name))
    }

    /// The same question was answered as plain text. Returns whether the format was supported so far.
    pub(super) fn rejected(&self) -> bool {
        self.0.swap(REFUSED, Ordering::Relaxed) != REFUSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_allows_one_text_and_nothing_else() {
        let phrase = AnswerSchema::Text("phrase");
        let schema = &ResponseFormat::JsonSchema.requested(&phrase).unwrap()["json_schema"]["schema"];
        assert_eq!(schema["properties"], json!({"phrase": {"type": "string"}}));
        assert_eq!(
            (&schema["required"], &schema["additionalProperties"]),
            (&json!(["phrase"]), &json!(false))
        );
        assert!(instruction(&phrase).unwrap().contains("{\"phrase\": \"your answer\"}"));
        assert_eq!(ResponseFormat::None.requested(&phrase), None);
        for format in ResponseFormat::ALL {
            let named: ResponseFormat = serde_json::from_value(json!(format.as_str())).unwrap();
            assert_eq!(named, format);
        }
    }

    #[test]
    fn the_format_is_suspected_only_if_it_was_never_accepted_or_is_named() {
        let format_support = FormatSupport::default();
        assert!(format_support.should_request() && format_support.may_be_the_cause("too long"));
        format_support.accepted();
        assert!(
            !format_support.may_be_the_cause("too long")
                && format_support.may_be_the_cause("response_format is not supported")
        );
        assert!(format_support.rejected() && !format_support.should_request());
        format_support.accepted();
        assert!(!format_support.should_request() && !format_support.rejected());
    }
}
