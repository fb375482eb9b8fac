//! Vision model: asks whether and where a picture shows a phrase.

use std::sync::Arc;

use super::box_rule::BoxRule;
use super::depiction::{Depiction, Look};
use super::prompt::VisionPrompt;
use super::shapes;
use crate::common::Reloadable;
use crate::domain::{Frame, Phrase};
use crate::llm::cached::{AnswerReader, CachedEndpoint, NoAnswer, RejectReason, escape_untrusted, sent_size};
use crate::llm::client::BoxFormat;

/// A vision model that answers for a stage. Cheap to clone.
#[derive(Clone)]
pub struct VisionModel {
    endpoint: CachedEndpoint,
    prompt: Arc<Reloadable<VisionPrompt>>,
}

impl VisionModel {
    /// The model behind `endpoint`, asked in the words of `prompt`.
    #[must_use]
    pub fn new(endpoint: CachedEndpoint, prompt: Arc<Reloadable<VisionPrompt>>) -> Self {
        Self { endpoint, prompt }
    }

    /// The endpoint's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.endpoint.name()
    }

    /// What the model says of a phrase and a picture. A model that does not know shows nothing.
    ///
    /// # Errors
    /// The endpoint failed after all its attempts, or its answer is rejected.
    pub async fn look(&self, look: Look, phrase: &Phrase, frame: &Arc<Frame>) -> Result<Depiction, NoAnswer> {
        let format = self.endpoint.box_format();
        let question = self.prompt.get().question(look, &phrase.text, format);
        let size = (frame.width, frame.height);
        let reader = AnswerReader::new(
            format.as_str(),
            move |text| read_depiction(look, text, (format, size)).map(Depiction::to_json),
            move |stored| Depiction::from_stored(look, stored, size).is_some(),
        );
        let asked = (question, vec![Arc::clone(frame)]);
        let subject = escape_untrusted(&phrase.text);
        let answer = self.endpoint.ask_object(look.kind(), &subject, asked, &reader).await?;
        let stored = answer.and_then(|stored| Depiction::from_stored(look, &stored, size));
        Ok(stored.unwrap_or(Depiction::ABSENT))
    }
}

/// What an answer about a picture of this width and height means, whose boxes are in this format.
///
/// # Errors
/// Why the answer is rejected.
pub fn read_depiction(
    look: Look,
    text: &str,
    (format, original): (BoxFormat, (u32, u32)),
) -> Result<Depiction, RejectReason> {
    let rule = BoxRule { format, sent: sent_size(original.0, original.1), original };
    Depiction::of(look, &shapes::read(text)?, rule)
}
