//! Link prompt: the post as escaped data, the name, and the candidates with their numbers.

use std::path::Path;

use serde::Deserialize;

use super::choice;
use crate::domain::Mention;
use crate::llm::cached::{PromptFault, PromptFileError, escape_untrusted, quotable_name, read_prompt};
use crate::llm::client::{AnswerSchema, Question};
use crate::stages::lexicon::Candidate;

/// The built-in prompt.
const SHIPPED: &str = include_str!("prompt.toml");

/// What a question says of the post.
#[derive(Debug, Clone, Copy)]
pub struct LinkContext<'a> {
    /// The normalised text.
    pub text: &'a str,
    /// Captions of its pictures, where other questions about it have them.
    pub background: Option<&'a str>,
}

/// The wording of the question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPrompt {
    system: String,
    background: String,
    text: String,
    question: String,
    candidate: String,
    answer: String,
}

impl LinkPrompt {
    /// The wording of a file.
    ///
    /// # Errors
    /// [`PromptFileError`] names the file, the key and the reason.
    pub fn load(path: &Path) -> Result<Self, PromptFileError> {
        read_prompt(path, Self::check)
    }

    fn check(&self) -> Result<(), PromptFault> {
        let lines = [
            ("background", &self.background, &["<data>{background}</data>"][..]),
            ("text", &self.text, &["<data>{text}</data>"]),
            ("question", &self.question, &["{type}", "'{entity}"]),
            ("candidate", &self.candidate, &["{number}", "{description}"]),
            ("answer", &self.answer, &["choice"]),
        ];
        for (key, text, places) in lines {
            let fault = |reason: String| Err(PromptFault { key, reason });
            if text.trim().is_empty() || text.lines().count() != 1 {
                return fault("must be one line".to_owned());
            }
            if let Some(place) = places.iter().find(|place| text.matches(**place).count() != 1) {
                return fault(format!("must hold `{place}` once"));
            }
        }
        Ok(())
    }

    /// The question which of the candidates a mention means.
    #[must_use]
    pub fn question(
        &self,
        mention: &Mention,
        candidates: &[Candidate],
        context: LinkContext<'_>,
    ) -> Question {
        let mut lines = Vec::new();
        if let Some(background) = context.background {
            lines.push(self.background.replacen("{background}", &escape_untrusted(background), 1));
        }
        lines.push(self.text.replacen("{text}", &escape_untrusted(context.text), 1));
        // The type is filled in first, because a name may contain `{type}`.
        let entity_type = escape_untrusted(mention.entity_type.as_str());
        lines.push(self.question.replacen("{type}", &entity_type, 1).replacen(
            "{entity}",
            &quotable_name(&mention.text),
            1,
        ));
        for (candidate, number) in candidates.iter().zip(1..) {
            let description = candidate.description.as_ref().unwrap_or(&candidate.expansion);
            let line = self.candidate.replacen("{number}", &i32::to_string(&number), 1);
            lines.push(line.replacen("{description}", &escape_untrusted(description), 1));
        }
        lines.push(self.answer.clone());
        let schema = Some(AnswerSchema::Object(choice::schema(candidates.len())));
        Question { system: self.system.clone(), prompt: lines.join("\n"), schema, ..Question::default() }
    }
}

impl Default for LinkPrompt {
    fn default() -> Self {
        toml::from_str(SHIPPED)
            .unwrap_or_else(|error| unreachable!("the prompt that ships is tested: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{EntityType, Span};

    fn mention(text: &str) -> Mention {
        let span = Span { start: 0, end: 1, byte_start: 0, byte_end: 1 };
        Mention { text: text.to_owned(), entity_type: EntityType::new("PER"), span, score: 1.0 }
    }

    fn candidates() -> [Candidate; 2] {
        let candidate = |expansion: &str, description: Option<&str>| Candidate {
            expansion: expansion.into(),
            description: description.map(Into::into),
            iri: None,
        };
        [candidate("a tall man", Some("a basketball player")), candidate("a man in a suit", None)]
    }

    #[test]
    fn a_question_shows_text_captions_and_the_candidates_by_number() {
        let context = LinkContext { text: "MJ was great", background: Some("a crowd") };
        let asked = LinkPrompt::default().question(&mention("MJ"), &candidates(), context);
        let expected = "Background: <data>a crowd</data>\nText: <data>MJ was great</data>\nCandidates for the name \
                        'MJ (PER)' in the text:\n1: a basketball player\n2: a man in a suit\nAnswer {\"choice\": NUMBER}.";
        assert_eq!(asked.prompt, expected);
        let Some(AnswerSchema::Object(schema)) = &asked.schema else { panic!("{:?}", asked.schema) };
        assert_eq!(schema["properties"]["choice"]["enum"], serde_json::json!([0, 1, 2]));
    }

    #[test]
    fn a_file_that_is_no_prompt_is_refused_with_key_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompt.toml");
        std::fs::write(&path, SHIPPED).unwrap();
        LinkPrompt::load(&path).unwrap();
        for (from, to, reason) in [
            ("{entity}", "it", "`question` must hold `'{entity}` once"),
            ("'{entity} ({type})'", "{entity} ({type})", "`question` must hold `'{entity}` once"),
            ("{description}", "it", "`candidate` must hold `{description}` once"),
            ("<data>{text}</data>", "{text}", "`text` must hold `<data>{text}</data>` once"),
            ("answer = ", "reply = ", "unknown field `reply`"),
        ] {
            std::fs::write(&path, SHIPPED.replace(from, to)).unwrap();
            let error = LinkPrompt::load(&path).unwrap_err().to_string();
            assert!(error.contains("prompt.toml") && error.contains(reason), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_adds_a_line_or_closes_its_data_tag(text in any::<String>(), name in "\\PC{1,20}") {
            let prompt = LinkPrompt::default();
            let ask = |name: &str, text: &str| {
                let context = LinkContext { text, background: Some(text) };
                prompt.question(&mention(name), &candidates(), context).prompt
            };
            let (plain, asked) = (ask("n", "t"), ask(&name, &text));
            prop_assert_eq!(asked.lines().count(), plain.lines().count());
            prop_assert_eq!(asked.matches("</data>").count(), plain.matches("</data>").count());
        }
    }
}
