//! Expansion prompt: examples, the post as escaped data, and one question.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::Mention;
use crate::llm::cached::{
    AnswerFormat, PromptFault, PromptFileError, PromptLine, check_lines, escape_untrusted, quotable_name,
    read_prompt,
};
use crate::llm::client::Question;

/// The built-in prompt.
const SHIPPED: &str = include_str!("prompt.toml");

/// How much of the post a question contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Text and captions: exact, but a new question for every post.
    Post,
    /// Entity and type alone: one question for all posts.
    Entity,
}

/// The context of a post's entities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The post's id.
    pub post: String,
    /// The normalised text.
    pub text: String,
    /// Detailed captions of its pictures, if there are any.
    pub background: Option<String>,
}

/// The wording of the question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpansionPrompt {
    system: String,
    question: String,
    background: String,
    text: String,
    answer: String,
    #[serde(default)]
    examples: Vec<Example>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    background: String,
    text: String,
    entity: String,
    r#type: String,
    answer: String,
}

/// Replaces missing captions.
const NO_BACKGROUND: &str = "not described";

impl ExpansionPrompt {
    /// The wording of a file.
    ///
    /// # Errors
    /// [`PromptFileError`] names the file, the key and the reason.
    pub fn load(path: &Path) -> Result<Self, PromptFileError> {
        read_prompt(path, Self::check)
    }

    fn check(&self) -> Result<(), PromptFault> {
        let line = |key, text, places| PromptLine { key, text, places };
        let lines = [
            line("background", self.background.as_str(), &["<data>{background}</data>"][..]),
            line("text", &self.text, &["<data>{text}</data>"]),
            line("question", &self.question, &["{entity}", "{type}"]),
        ];
        check_lines(AnswerFormat::Phrase, &lines)?;
        // A name has no line break and no quotation mark of this kind, so it cannot end its quotation.
        let quoted = self.question.split('\'').skip(1).step_by(2).any(|quoted| quoted.contains("{entity}"));
        let reason = "must hold `{entity}` between marks `'`: a name is a stranger's text";
        if quoted { Ok(()) } else { Err(PromptFault { key: "question", reason: reason.to_owned() }) }
    }

    /// The question about one entity.
    #[must_use]
    pub fn question(&self, mention: &Mention, context: &Context, scope: Scope) -> Question {
        let shown = |background: &str, text: &str, entity: &str, entity_type: &str| {
            let mut lines = Vec::new();
            if scope == Scope::Post {
                lines.push(self.background.replace("{background}", &escape_untrusted(background)));
                lines.push(self.text.replace("{text}", &escape_untrusted(text)));
            }
            lines.push(self.asks(entity, entity_type));
            lines.push(self.answer.clone());
            lines.join("\n")
        };
        let examples = self.examples.iter().map(|example| {
            let asked = shown(&example.background, &example.text, &example.entity, &example.r#type);
            format!("{asked} {}", example.answer)
        });
        let background = context.background.as_deref().unwrap_or(NO_BACKGROUND);
        let asked = shown(background, &context.text, &mention.text, mention.entity_type.as_str());
        let prompt: Vec<String> = examples.chain([asked]).collect();
        Question { system: self.system.clone(), prompt: prompt.join("\n\n"), ..Question::default() }
    }

    fn asks(&self, entity: &str, entity_type: &str) -> String {
        // The type is filled in first, because a name may contain `{type}`.
        self.question.replace("{type}", &escape_untrusted(entity_type)).replacen(
            "{entity}",
            &quotable_name(entity),
            1,
        )
    }
}

impl Default for ExpansionPrompt {
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
    use crate::llm::answers::Kind;
    use crate::llm::cached::{MAX_NAME_CHARS, cache_key};

    fn mention(text: &str) -> Mention {
        let span = Span { start: 0, end: 1, byte_start: 0, byte_end: 1 };
        Mention { text: text.to_owned(), entity_type: EntityType::new("PER"), span, score: 1.0 }
    }

    fn context(text: &str) -> Context {
        Context { post: "7".to_owned(), text: text.to_owned(), background: Some("a crowd".to_owned()) }
    }

    #[test]
    fn scope_post_contains_the_post_and_scope_entity_the_entity_alone() {
        let prompt = ExpansionPrompt::default();
        let post = prompt.question(&mention("CP3"), &context("CP3 again"), Scope::Post).prompt;
        assert!(
            post.ends_with(
                "\n\nBackground: <data>a crowd</data>\nText: <data>CP3 again</data>\n\
                 Q: As a picture would show it, what is 'CP3 (PER)' here?\nA:"
            ),
            "{post}"
        );
        assert_eq!(post.matches("Background:").count(), 4, "three examples and the question");
        for line in post.lines().filter(|line| !line.is_empty() && !line.starts_with("A:")) {
            let is_mark = AnswerFormat::Phrase.prompt_line_starts().iter().any(|mark| line.starts_with(mark));
            assert!(is_mark, "an answer that goes on with `{line}` would not end before it");
        }
        let entity = prompt.question(&mention("CP3"), &context("CP3 again"), Scope::Entity).prompt;
        assert!(!entity.contains("again") && !entity.contains("Background:"), "{entity}");
        assert_eq!(entity.matches("Q:").count(), 4);
    }

    #[test]
    fn the_papers_question_is_a_file_whose_answers_are_its_own() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/prompts/paper-expansion.toml");
        let (paper, own) = (ExpansionPrompt::load(&file).unwrap(), ExpansionPrompt::default());
        let ask =
            |prompt: &ExpansionPrompt| prompt.question(&mention("CP3"), &context("CP3 again"), Scope::Post);
        let expected = "\n\nBackground: <data>a crowd</data>\nText: <data>CP3 again</data>\nQ: In the context of the \
                        provided information, tell me briefly what is the 'CP3(PER)' in the Text?\nA:";
        assert!(ask(&paper).prompt.ends_with(expected), "{}", ask(&paper).prompt);
        let key = |prompt: &ExpansionPrompt| cache_key(Kind::Expansion, "", &ask(prompt), &[], "");
        assert_ne!(key(&paper), key(&own), "a cached answer belongs to the wording that asked for it");

        let changed = file.with_file_name("none.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.toml");
        for (from, to, reason) in [
            ("'{entity}({type})'", "{entity}({type})", "`question` must hold `{entity}` between marks `'`"),
            ("({type})", "", "`question` must hold `{type}` once"),
            ("<data>{text}</data>", "{text}", "`text` must hold `<data>{text}</data>` once"),
        ] {
            std::fs::write(&copy, text.replace(from, to)).unwrap();
            let error = ExpansionPrompt::load(&copy).unwrap_err().to_string();
            assert!(error.contains("copy.toml") && error.contains(reason), "{error}");
        }
        assert!(ExpansionPrompt::load(&changed).unwrap_err().to_string().contains("none.toml"));
    }

    #[test]
    fn in_scope_entity_the_question_does_not_depend_on_the_post() {
        let prompt = ExpansionPrompt::default();
        let [first, second] =
            ["a", "b"].map(|text| prompt.question(&mention("CP3"), &context(text), Scope::Entity));
        assert_eq!(first, second);
        let other = prompt.question(&mention("Cp3"), &context("a"), Scope::Entity);
        assert_ne!(first, other);
    }

    #[test]
    fn in_scope_entity_the_only_untrusted_text_is_the_escaped_and_shortened_mention() {
        let prompt = ExpansionPrompt::default();
        let plain = prompt.question(&mention("n"), &context("t"), Scope::Entity).prompt;
        let name = format!("Vor\u{200b}lan'\n</data>{}", "word ".repeat(100));
        let asked = prompt.question(&mention(&name), &context("secret"), Scope::Entity).prompt;
        assert!(asked.contains("what is 'Vorlan’ ‹/data›word word") && !asked.contains("secret"), "{asked}");
        assert_eq!(asked.lines().count(), plain.lines().count());
        assert_eq!(asked.chars().count() - plain.chars().count(), MAX_NAME_CHARS - 1);
    }

    proptest! {
        #[test]
        fn no_text_adds_a_line_or_closes_its_data_tag(text in any::<String>(), name in "\\PC{1,20}") {
            let prompt = ExpansionPrompt::default();
            let plain = prompt.question(&mention("n"), &context("t"), Scope::Post).prompt;
            let asked = prompt.question(&mention(&name), &context(&text), Scope::Post).prompt;
            prop_assert_eq!(asked.lines().count(), plain.lines().count());
            prop_assert_eq!(asked.matches("</data>").count(), plain.matches("</data>").count());
        }
    }
}
