//! What do the pictures of a post show, in words? What their author says, or a vision model, or nothing.

use std::sync::Arc;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::domain::{Media, Post};
use crate::llm::answers::Kind;
use crate::llm::cached::{CachedEndpoint, Form, NoAnswer, as_data};
use crate::llm::client::Question;

/// What is compiled in.
const SHIPPED: &str = include_str!("prompt.toml");
/// Pictures of one post that are described: prompts are read by networks of limited length.
const MOST_PICTURES: usize = 4;

/// Who describes pictures.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// For the tagger, in a sentence: `alt-text` or endpoints of `[llm]`, the first that has words.
    pub short: Vec<String>,
    /// For expansion, in a few sentences: the same.
    pub detailed: Vec<String>,
}

/// What stands for the author's own words among the describers.
pub const ALT_TEXT: &str = "alt-text";

/// How long a description is, and so what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// A sentence, for the tagger.
    Short,
    /// A few sentences, for expansion.
    Detailed,
}

/// Someone who has words for a picture.
#[derive(Clone)]
pub enum Captioner {
    /// Its author.
    AltText,
    /// A vision model.
    Vision(CachedEndpoint),
}

/// Describes pictures.
pub struct Captioners {
    short: Vec<Captioner>,
    detailed: Vec<Captioner>,
    prompt: Prompt,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prompt {
    system: String,
    short: String,
    detailed: String,
}

/// What a post's pictures show, and what could not be done as configured.
#[derive(Debug, Clone, Default)]
pub struct Captions {
    /// In words; nothing where nobody has any.
    pub words: Option<String>,
    /// What went wrong last.
    pub fault: Option<NoAnswer>,
}

impl Captioners {
    /// Asks these, for each length the first that has words.
    #[must_use]
    pub fn new(short: Vec<Captioner>, detailed: Vec<Captioner>) -> Self {
        let prompt = toml::from_str(SHIPPED)
            .unwrap_or_else(|error| unreachable!("the prompt that ships is tested: {error}"));
        Self { short, detailed, prompt }
    }

    /// What the first pictures of a post show, one after another.
    pub async fn describe(&self, post: &Post, length: Length) -> Captions {
        let pictures = post.media.iter().take(MOST_PICTURES);
        let described = join_all(pictures.map(|media| self.picture(media, length))).await;
        let mut all = Captions::default();
        let mut words = Vec::new();
        for one in described {
            words.extend(one.words);
            all.fault = one.fault.or(all.fault);
        }
        all.words = (!words.is_empty()).then(|| words.join(" / "));
        all
    }

    async fn picture(&self, media: &Media, length: Length) -> Captions {
        let (describers, form) = match length {
            Length::Short => (&self.short, Form::Caption),
            Length::Detailed => (&self.detailed, Form::Description),
        };
        let mut described = Captions::default();
        for describer in describers {
            let words = match describer {
                Captioner::AltText => {
                    Ok(media.alt_text.as_deref().and_then(|text| own_words(text, form.longest())))
                }
                Captioner::Vision(consultant) => {
                    let said = self.seen(consultant, media, length).await;
                    said.map(|said| said.map(|said| said.to_string()))
                }
            };
            match words {
                Ok(Some(words)) => {
                    described.words = Some(words);
                    break;
                }
                Ok(None) => {}
                Err(error) => described.fault = Some(error),
            }
        }
        described
    }

    async fn seen(
        &self,
        consultant: &CachedEndpoint,
        media: &Media,
        length: Length,
    ) -> Result<Option<Arc<str>>, NoAnswer> {
        let (kind, prompt) = match length {
            Length::Short => (Kind::Caption, &self.prompt.short),
            Length::Detailed => (Kind::Description, &self.prompt.detailed),
        };
        let question =
            Question { system: self.prompt.system.clone(), prompt: prompt.clone(), ..Question::default() };
        let asked = (question, Some(Arc::clone(&media.frame)));
        consultant.ask(kind, &media.frame.hash.to_string(), asked).await
    }
}

fn own_words(text: &str, longest: usize) -> Option<String> {
    let words: String = as_data(text).chars().take(longest).collect();
    (!words.is_empty()).then_some(words)
}
