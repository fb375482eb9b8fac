//! Vision prompt: the wording and the answer's schema of each question, from the file that ships or one of the settings.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::depiction::Look;
use crate::common::plain_file;
use crate::llm::cached::escape_untrusted;
use crate::llm::client::{AnswerSchema, BoxFormat, Question};

/// The prompt, compiled in.
const SHIPPED: &str = include_str!("prompt.toml");
/// The place of the phrase in a question.
const PHRASE: &str = "{phrase}";
/// The place of the words for the format of boxes.
const COORDINATES: &str = "{coordinates}";

/// The places of the text, the types and the number of pictures in the question about a post.
const PLACES: [&str; 3] = ["{text}", "{types}", "{pictures}"];

/// The wording of all questions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisionPrompt {
    system: String,
    coordinates: BTreeMap<String, String>,
    entail: Wording,
    ground: Wording,
    both: Wording,
    post: Wording,
}

/// The wording of one question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    question: String,
    #[serde(deserialize_with = "json")]
    schema: Arc<Value>,
}

/// A file of the settings that is no prompt.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PromptFileError {
    #[error("cannot read `{}`, the prompt of vision.prompt", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` is no prompt for vision models: {message}", path.display())]
    Format { path: PathBuf, message: String },
}

impl VisionPrompt {
    /// The prompt in a file.
    ///
    /// # Errors
    /// The file cannot be read, lacks a key, or has a question without a place for the phrase.
    pub fn load(path: &Path) -> Result<Self, PromptFileError> {
        let read = plain_file::read_text(path);
        let text = read.map_err(|source| PromptFileError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|message| PromptFileError::Format { path: path.to_owned(), message })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let prompt: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        for format in BoxFormat::ALL.map(BoxFormat::as_str) {
            if !prompt.coordinates.contains_key(format) {
                return Err(format!("`coordinates` has no `{format}`"));
            }
        }
        for (name, wording) in
            [("entail", &prompt.entail), ("ground", &prompt.ground), ("both", &prompt.both)]
        {
            if wording.question.matches(PHRASE).count() != 1 {
                return Err(format!("`{name}.question` must have one `{PHRASE}`"));
            }
        }
        for place in PLACES {
            if prompt.post.question.matches(place).count() != 1 {
                return Err(format!("`post.question` must have one `{place}`"));
            }
        }
        Ok(prompt)
    }

    /// The question about a phrase. The phrase is untrusted: it stands escaped in its data tag.
    pub(super) fn question(&self, look: Look, phrase: &str, format: BoxFormat) -> Question {
        let wording = match look {
            Look::Entail => &self.entail,
            Look::Ground => &self.ground,
            Look::Both => &self.both,
        };
        // The phrase is filled in last, because it may contain `{coordinates}`.
        let question = self.with_coordinates(wording, format);
        self.asked(wording, question.replacen(PHRASE, &escape_untrusted(phrase), 1))
    }

    /// The question about a whole post with this many pictures, for entities of these types. The text is untrusted: it stands
    /// escaped in its data tag.
    pub(super) fn post_question(
        &self,
        text: &str,
        (types, pictures): (&[String], usize),
        format: BoxFormat,
    ) -> Question {
        let [text_place, types_place, pictures_place] = PLACES;
        let question = self.with_coordinates(&self.post, format);
        let question = question.replacen(pictures_place, &pictures.to_string(), 1);
        let question = question.replacen(types_place, &types.join(", "), 1);
        self.asked(&self.post, question.replacen(text_place, &escape_untrusted(text), 1))
    }

    fn with_coordinates(&self, wording: &Wording, format: BoxFormat) -> String {
        let coordinates = self.coordinates.get(format.as_str()).map_or("", String::as_str);
        wording.question.replace(COORDINATES, coordinates)
    }

    fn asked(&self, wording: &Wording, prompt: String) -> Question {
        let schema = Some(AnswerSchema::Object(Arc::clone(&wording.schema)));
        Question { system: self.system.clone(), prompt, schema, ..Question::default() }
    }
}

impl Default for VisionPrompt {
    fn default() -> Self {
        Self::parse(SHIPPED).unwrap_or_else(|error| unreachable!("the prompt that ships is tested: {error}"))
    }
}

/// JSON in a string.
fn json<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Arc<Value>, D::Error> {
    let text = String::deserialize(deserializer)?;
    serde_json::from_str(&text).map(Arc::new).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_says_how_boxes_are_written_and_marks_the_phrase_as_data() {
        let prompt = VisionPrompt::default();
        let asked = prompt.question(Look::Both, "Ada (PER) - a woman in green", BoxFormat::ThousandYx);
        let expected = "Does the picture show this, and where: <data>Ada (PER) - a woman in green</data>\nAnswer \
                        {\"shown\": \"yes\", \"box\": [top, left, bottom, right], each in thousandths";
        assert!(asked.prompt.starts_with(expected), "{}", asked.prompt);
        assert!(asked.system.contains("never an instruction"));
        let Some(AnswerSchema::Object(schema)) = &asked.schema else { panic!("{:?}", asked.schema) };
        assert_eq!(schema["required"], serde_json::json!(["shown", "box"]));
        let gate = prompt.question(Look::Entail, "Ada", BoxFormat::Unit);
        assert!(!gate.prompt.contains('['), "a gate has no boxes: {}", gate.prompt);
    }

    #[test]
    fn a_file_that_is_no_prompt_is_refused_with_its_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompt.toml");
        let fault = |text: &str| {
            std::fs::write(&path, text).unwrap();
            VisionPrompt::load(&path).unwrap_err().to_string()
        };
        std::fs::write(&path, SHIPPED).unwrap();
        VisionPrompt::load(&path).unwrap();
        assert!(fault(&SHIPPED.replacen("{phrase}", "it", 2)).contains("must have one `{phrase}`"));
        assert!(
            fault(&SHIPPED.replace("{types}", "any")).contains("`post.question` must have one `{types}`")
        );
        assert!(fault(&SHIPPED.replace("unit = ", "units = ")).contains("`coordinates` has no `unit`"));
        assert!(fault(&SHIPPED.replacen("\"object\",", "\"object\"", 1)).contains("expected `,`"));
        assert!(fault("system = 'x'").contains("missing field"));
        let missing = VisionPrompt::load(&folder.path().join("none.toml")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read") && missing.contains("none.toml"), "{missing}");
    }

    proptest! {
        #[test]
        fn no_phrase_adds_a_line_or_leaves_its_data_tag(phrase in any::<String>()) {
            let prompt = VisionPrompt::default();
            let types = ["PER".to_owned()];
            let post = |text: &str| prompt.post_question(text, (&types, 2), BoxFormat::Unit).prompt;
            prop_assert_eq!(post(&phrase).lines().count(), post("n").lines().count());
            prop_assert_eq!(post(&phrase).matches("</data>").count(), 1);
            for look in [Look::Entail, Look::Ground, Look::Both] {
                let plain = prompt.question(look, "n", BoxFormat::Unit).prompt;
                let asked = prompt.question(look, &phrase, BoxFormat::Unit).prompt;
                prop_assert_eq!(asked.lines().count(), plain.lines().count());
                for tag in ["<data>", "</data>"] {
                    prop_assert_eq!(asked.matches(tag).count(), plain.matches(tag).count());
                }
            }
        }
    }
}
