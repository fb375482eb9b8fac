//! Knowledge prompt: an introduction, examples, and the post.

use serde::Deserialize;

use super::Example;
use crate::domain::EntityType;
use crate::llm::cached::escape_untrusted;
use crate::llm::client::Question;

/// The prompt, compiled in.
const SHIPPED: &str = include_str!("prompt.toml");
/// Replaces a missing caption.
const NO_CAPTION: &str = "not described";

/// The wording of the question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgePrompt {
    system: String,
    text: String,
    image: String,
    question: String,
    answer: String,
}

impl KnowledgePrompt {
    /// The wording for a tagger with these entity types.
    #[must_use]
    pub fn new(types: &[EntityType]) -> Self {
        let mut prompt: Self = toml::from_str(SHIPPED)
            .unwrap_or_else(|error| unreachable!("the prompt that ships is tested: {error}"));
        let types: Vec<&str> = types.iter().map(EntityType::as_str).collect();
        prompt.system = prompt.system.replace("{types}", &types.join(", "));
        prompt
    }

    /// The question about a text, after these examples.
    #[must_use]
    pub fn question(&self, examples: &[&Example], text: &str, caption: Option<&str>) -> Question {
        let shown = |text: &str, caption: Option<&str>| {
            [
                self.text.replace("{text}", &escape_untrusted(text)),
                self.image.replace("{caption}", &escape_untrusted(caption.unwrap_or(NO_CAPTION))),
                self.question.clone(),
                self.answer.clone(),
            ]
            .join("\n")
        };
        let answered = examples.iter().map(|example| {
            let caption = Some(example.caption.as_str()).filter(|caption| !caption.is_empty());
            format!("{} {}", shown(&example.text, caption), escape_untrusted(&example.annotation))
        });
        let prompt: Vec<String> = answered.chain([shown(text, caption)]).collect();
        Question { system: self.system.clone(), prompt: prompt.join("\n\n"), ..Question::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::cached::AnswerFormat;

    fn example() -> Example {
        Example {
            id: "1".to_owned(),
            text: "Harrow </data> again".to_owned(),
            caption: "a bridge".to_owned(),
            annotation: "Named entities: 1. Harrow (LOC) Reasoning: a bridge.".to_owned(),
            picture: None,
        }
    }

    #[test]
    fn the_post_follows_the_examples_in_the_same_form_without_an_answer() {
        let prompt = KnowledgePrompt::new(&["LOC", "PER"].map(EntityType::new));
        let question = prompt.question(&[&example()], "met Vorlan", None);
        assert!(question.system.contains("Their types are LOC, PER."));
        let asks = "Question: Which named entities does the Text name, of which types, judging by Text and Image \
                    together, and why?\nAnswer:";
        let expected = format!(
            "Text: <data>Harrow ‹/data› again</data>\nImage: <data>a bridge</data>\n{asks} Named entities: 1. Harrow \
             (LOC) Reasoning: a bridge.\n\nText: <data>met Vorlan</data>\nImage: <data>not described</data>\n{asks}"
        );
        assert_eq!(question.prompt, expected);
        for line in question.prompt.lines().filter(|line| !line.is_empty() && !line.starts_with("Answer:")) {
            let is_mark =
                AnswerFormat::Knowledge.prompt_line_starts().iter().any(|mark| line.starts_with(mark));
            assert!(is_mark, "an answer that goes on with `{line}` would not end before it");
        }
    }
}
