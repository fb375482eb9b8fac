//! Raw JSON: values of the feed that the engine repeats without reading them.

use serde_json::{Map, Value};

/// A JSON value, without white space between its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawJson(String);

impl RawJson {
    /// A value whose JSON the caller has checked.
    #[must_use]
    pub fn new(json: String) -> Self {
        Self(json)
    }

    /// The JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }

    /// The value as one text: the content of a string; of an object its `id`, `username` or `name`; else the JSON.
    #[must_use]
    pub fn plain_text(&self) -> String {
        let named = |object: &Map<String, Value>| {
            ["id", "username", "name"].into_iter().find_map(|name| match object.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
        };
        match serde_json::from_str(&self.0) {
            Ok(Value::String(text)) => text,
            Ok(Value::Object(object)) => named(&object).unwrap_or_else(|| self.0.clone()),
            _ => self.0.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_text_whatever_the_feed_makes_of_it() {
        for (json, text) in [
            (r#""Ada""#, "Ada"),
            ("12345678901234567890123", "12345678901234567890123"),
            (r#"{"name":"Ada","id":7}"#, "7"),
            (r#"{"name":"Ada"}"#, "Ada"),
            (r#"{"x":[1]}"#, r#"{"x":[1]}"#),
            ("null", "null"),
        ] {
            assert_eq!(RawJson::new(json.to_owned()).plain_text(), text);
        }
    }
}
