//! From a picture and a phrase to a verdict.

use std::sync::Arc;

use super::{Reply, Request};
use crate::common::imaging::Picture;
use crate::domain::Phrase;
use crate::scheduler::{CallError, Flow, Handle};
use crate::stages::prompt::{PromptEncoder, tokenise};

/// Decides whether pictures show phrases.
pub struct Entailer {
    handle: Handle<Request, Reply>,
    prompts: Arc<PromptEncoder>,
    threshold: f32,
}

impl Entailer {
    /// Asks the network behind `handle`, whose question and vocabulary `prompts` knows. A picture is taken to show the
    /// phrase from a probability of `threshold`.
    #[must_use]
    pub fn new(handle: Handle<Request, Reply>, prompts: PromptEncoder, threshold: f32) -> Self {
        Self { handle, prompts: Arc::new(prompts), threshold }
    }

    /// Whether a picture, squashed to the network's size, shows what a phrase says, and how likely that is, 0 to 1.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn depicts(
        &self,
        flow: Flow,
        picture: &Arc<Picture>,
        phrase: &Phrase,
    ) -> Result<(bool, f32), CallError> {
        let prompts = Arc::clone(&self.prompts);
        let prompt = tokenise(&phrase.text, move |text| prompts.encode(text)).await;
        let reply = self.handle.call(flow, Request { picture: Arc::clone(picture), prompt }).await?;
        let probability = reply.shown();
        Ok((probability >= self.threshold, probability))
    }
}

impl Reply {
    /// How likely the picture shows it: whoever says `maybe` has seen something, and was taught to ground it.
    #[must_use]
    pub fn shown(&self) -> f32 {
        (self.yes + self.maybe).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maybe_counts_as_shown() {
        let shown = Reply { no: 0.4, yes: 0.1, maybe: 0.5 }.shown();
        assert!((shown - 0.6).abs() < 1e-6);
    }
}
