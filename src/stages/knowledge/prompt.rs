//! Knowledge prompt: an introduction, examples, and the post.

use std::path::Path;

use serde::Deserialize;

use super::Example;
use crate::domain::EntityType;
use crate::llm::cached::{
    AnswerFormat, PromptFault, PromptFileError, PromptLine, check_lines, escape_untrusted, read_prompt,
};
use crate::llm::client::Question;

/// The built-in prompt.
const SHIPPED: &str = include_str!("prompt.toml");
/// Replaces a missing caption.
const NO_CAPTION: &str = "not described";

/// The wording of the question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgePrompt {
    system: String,
    /// Instead of `system` where no examples are shown.
    #[serde(default)]
    system_without_examples: Option<String>,
    text: String,
    image: String,
    question: String,
    answer: String,
}

impl KnowledgePrompt {
    /// The built-in wording for a tagger with these entity types.
    #[must_use]
    pub fn new(types: &[EntityType]) -> Self {
        let prompt: Self = toml::from_str(SHIPPED)
            .unwrap_or_else(|error| unreachable!("the prompt that ships is tested: {error}"));
        prompt.with_types(types)
    }

    /// The wording of a file for a tagger with these entity types.
    ///
    /// # Errors
    /// [`PromptFileError`] names the file, the key and the reason.
    pub fn load(path: &Path, types: &[EntityType]) -> Result<Self, PromptFileError> {
        Ok(read_prompt(path, Self::check)?.with_types(types))
    }

    fn check(&self) -> Result<(), PromptFault> {
        let line = |key, text, places| PromptLine { key, text, places };
        let lines = [
            line("text", self.text.as_str(), &["<data>{text}</data>"][..]),
            line("image", &self.image, &["<data>{caption}</data>"]),
            line("question", &self.question, &[]),
        ];
        check_lines(AnswerFormat::Knowledge, &lines)
    }

    fn with_types(mut self, types: &[EntityType]) -> Self {
        let types: Vec<&str> = types.iter().map(EntityType::as_str).collect();
        for system in std::iter::once(&mut self.system).chain(&mut self.system_without_examples) {
            *system = system.replace("{types}", &types.join(", "));
        }
        self
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
        let alone = self.system_without_examples.as_ref().filter(|_| examples.is_empty());
        Question {
            system: alone.unwrap_or(&self.system).clone(),
            prompt: prompt.join("\n\n"),
            ..Question::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::answers::Kind;
    use crate::llm::cached::cache_key;

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
    fn the_papers_question_is_a_file_whose_answers_are_its_own() {
        let types = ["LOC", "PER"].map(EntityType::new);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/prompts/paper-knowledge.toml");
        let (paper, own) = (KnowledgePrompt::load(&file, &types).unwrap(), KnowledgePrompt::new(&types));
        let asked = paper.question(&[&example()], "met Vorlan", Some("a man"));
        let expected = "Text: <data>met Vorlan</data>\nImage: <data>a man</data>\nQuestion: Comprehensively analyze the \
                        Text and the Image, which named entities and their corresponding types are included in the Text? \
                        Explain the reason for your judgment.\nAnswer:";
        assert!(asked.prompt.ends_with(expected), "{}", asked.prompt);
        assert!(asked.system.contains("the types LOC, PER.") && asked.system.contains("the examples"));
        let key = |question: &Question| cache_key(Kind::Knowledge, "", question, &[], "");
        let alone = paper.question(&[], "met Vorlan", Some("a man"));
        let own_alone = own.question(&[], "met Vorlan", Some("a man"));
        assert_eq!(alone.prompt, expected, "no examples are shown");
        assert!(!alone.system.contains("the examples") && !own_alone.system.contains("examples"));
        let questions = [asked, own.question(&[&example()], "met Vorlan", Some("a man")), alone, own_alone];
        let keys: std::collections::BTreeSet<[u8; 32]> = questions.iter().map(key).collect();
        assert_eq!(keys.len(), 4, "a cached answer belongs to the wording that asked for it");
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
