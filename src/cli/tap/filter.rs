//! Filter of what is watched: all given conditions must hold.

use crate::domain::Triple;

/// Conditions of lines.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Filter {
    /// Entities of this type; may be given several times. Of answers alone.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Entities that a picture shows. Of answers alone.
    #[arg(long)]
    depicted: bool,
    /// Posts of this author: name or id. Answers tell it with "author" in publish.include.
    #[arg(long, value_name = "AUTHOR")]
    author: Option<String>,
    /// Words in the name of an entity, the text of a post, or the message of a dead letter; upper and lower case are the
    /// same.
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
}

impl Filter {
    /// Whether an entity of an answer is wanted.
    pub(super) fn wants(&self, triple: &Triple) -> bool {
        let entity_type = triple.mention.entity_type.as_str();
        (self.types.is_empty() || self.types.iter().any(|wanted| wanted == entity_type))
            && (!self.depicted || !triple.regions.is_empty())
            && self.has_words(&triple.mention.text)
    }

    /// Whether an author is wanted. `author`: as the feed has it.
    pub(super) fn is_by(&self, author: Option<&serde_json::Value>) -> bool {
        use serde_json::Value;
        let Some(wanted) = &self.author else { return true };
        let is_it = |value: &Value| match value {
            Value::String(text) => text == wanted,
            Value::Number(number) => number.to_string() == *wanted,
            _ => false,
        };
        author.is_some_and(|author| match author {
            Value::Object(fields) => fields.values().any(is_it),
            other => is_it(other),
        })
    }

    /// Whether the wanted words are in a text.
    pub(super) fn has_words(&self, text: &str) -> bool {
        let Some(words) = &self.contains else { return true };
        text.to_lowercase().contains(&words.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn authors_are_told_by_name_or_by_any_of_their_ids() {
        let filter = Filter { author: Some("42".to_owned()), ..Filter::default() };
        for (author, expected) in [
            (json!("42"), true),
            (json!(42), true),
            (json!({"id": "42"}), true),
            (json!({"name": "Ada"}), false),
        ] {
            assert_eq!(filter.is_by(Some(&author)), expected, "{author}");
        }
        assert!(!filter.is_by(None) && Filter::default().is_by(None));
        let words = Filter { contains: Some("ÖSL".to_owned()), ..Filter::default() };
        assert!(words.has_words("in Östersund, öslo") && !words.has_words("Oslo"));
    }
}
