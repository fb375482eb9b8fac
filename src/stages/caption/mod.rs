//! Caption stage: what the pictures of a post show, by the author's alt text, published captions or a vision model.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::domain::{Media, Post};
use crate::llm::answers::Kind;
use crate::llm::cached::{AnswerFormat, CachedEndpoint, NoAnswer, escape_untrusted};
use crate::llm::client::Question;

mod caption_file;

pub use caption_file::CaptionFile;

/// The prompt, compiled in.
const SHIPPED: &str = include_str!("prompt.toml");
/// Pictures of one post that are captioned: networks of limited length read the result.
const MAX_PICTURES: usize = 4;

/// The settings of captions.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Sources of a one-sentence caption for the tagger: `alt-text`, `file:PATH` or endpoints of `[llm]`; the first with
    /// a caption is used.
    pub short: Vec<String>,
    /// Sources of a caption of a few sentences for expansion, in the same form.
    pub detailed: Vec<String>,
    /// Sources of a one-sentence caption for prompts with `{caption}`, in the same form.
    pub gate: Vec<String>,
}

/// The name of the author's alt text among the sources.
pub const ALT_TEXT: &str = "alt-text";

/// The file of captions that a source names; none of other sources.
#[must_use]
pub fn file_of(source: &str) -> Option<&Path> {
    source.strip_prefix("file:").map(Path::new)
}

/// Whether a source is the name of an endpoint.
#[must_use]
pub fn is_endpoint(source: &str) -> bool {
    source != ALT_TEXT && file_of(source).is_none()
}

/// The length of a caption, which depends on its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// A sentence, for the tagger and for prompts.
    Short,
    /// A few sentences, for expansion.
    Detailed,
}

/// A source of captions.
#[derive(Clone)]
pub enum Captioner {
    /// The author's alt text.
    AltText,
    /// Published captions.
    File(Arc<CaptionFile>),
    /// A vision model.
    Vision(CachedEndpoint),
}

/// Captions pictures.
pub struct Captioners {
    short: Vec<Captioner>,
    detailed: Vec<Captioner>,
    gate: Vec<Captioner>,
    prompt: Prompt,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prompt {
    system: String,
    short: String,
    detailed: String,
}

/// The captions of a post, and what failed.
#[derive(Debug, Clone, Default)]
pub struct Captions {
    /// The text; none where no source has one.
    pub text: Option<String>,
    /// The last fault.
    pub fault: Option<NoAnswer>,
}

impl Captioners {
    /// For each length, the sources in order; the first with a caption is used.
    #[must_use]
    pub fn new(short: Vec<Captioner>, detailed: Vec<Captioner>) -> Self {
        let prompt = toml::from_str(SHIPPED)
            .unwrap_or_else(|error| unreachable!("the prompt that ships is tested: {error}"));
        Self { short, detailed, gate: Vec::new(), prompt }
    }

    /// With these sources for prompts of the gate and the grounder.
    #[must_use]
    pub fn with_gate(self, gate: Vec<Captioner>) -> Self {
        Self { gate, ..self }
    }

    /// The caption of one picture of a post with this id, a sentence, for prompts of the gate and the grounder.
    pub async fn caption(&self, post: &str, media: &Media) -> Captions {
        self.picture((post, media), (&self.gate, Length::Short)).await
    }

    /// The captions of a post's first pictures, joined in order.
    pub async fn captions(&self, post: &Post, length: Length) -> Captions {
        let pictures = post.media.iter().take(MAX_PICTURES);
        let captioners = match length {
            Length::Short => &self.short,
            Length::Detailed => &self.detailed,
        };
        let captions =
            join_all(pictures.map(|media| self.picture((&post.id, media), (captioners, length)))).await;
        let mut all = Captions::default();
        let mut texts = Vec::new();
        for one in captions {
            texts.extend(one.text);
            all.fault = one.fault.or(all.fault);
        }
        all.text = (!texts.is_empty()).then(|| texts.join(" / "));
        all
    }

    /// The first caption of these sources.
    async fn picture(
        &self,
        (post, media): (&str, &Media),
        (captioners, length): (&[Captioner], Length),
    ) -> Captions {
        let form = match length {
            Length::Short => AnswerFormat::Caption,
            Length::Detailed => AnswerFormat::Description,
        };
        let mut caption = Captions::default();
        for captioner in captioners {
            let text = match captioner {
                Captioner::AltText => {
                    Ok(media.alt_text.as_deref().and_then(|text| of_a_person(text, form.max_chars())))
                }
                Captioner::File(file) => {
                    Ok(file.about(post, &media.key).and_then(|text| of_a_person(text, form.max_chars())))
                }
                Captioner::Vision(endpoint) => {
                    let answer = self.ask(endpoint, media, length).await;
                    answer.map(|text| text.map(|text| text.to_string()))
                }
            };
            match text {
                Ok(Some(text)) => {
                    caption.text = Some(text);
                    break;
                }
                Ok(None) => {}
                Err(error) => caption.fault = Some(error),
            }
        }
        caption
    }

    async fn ask(
        &self,
        endpoint: &CachedEndpoint,
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
        endpoint.ask(kind, &media.frame.hash.to_string(), asked).await
    }
}

/// A caption that no model of the settings gave, as text that nobody vouches for.
fn of_a_person(text: &str, max_chars: usize) -> Option<String> {
    let text: String = escape_untrusted(text).chars().take(max_chars).collect();
    (!text.is_empty()).then_some(text)
}
