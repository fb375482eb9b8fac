//! Entailer: from a picture and a phrase to a verdict.

use std::sync::Arc;

use super::{Reply, Request};
use crate::common::imaging::{Picture, Workers};
use crate::domain::Phrase;
use crate::scheduler::{CallError, Flow, Handle};
use crate::stages::prompt::{PromptEncoder, tokenise_question};

/// Decides whether pictures show phrases.
pub struct Entailer {
    handle: Handle<Request, Reply>,
    prompts: Arc<PromptEncoder>,
    threshold: f32,
    /// Threads for long questions.
    workers: Workers,
}

impl Entailer {
    /// An entailer that calls the network behind `handle`, with its prompt encoder. A picture shows the phrase from a
    /// probability of `threshold`.
    #[must_use]
    pub fn new(handle: Handle<Request, Reply>, prompts: PromptEncoder, threshold: f32) -> Self {
        Self { handle, prompts: Arc::new(prompts), threshold, workers: Workers::default() }
    }

    /// Whether its prompt holds the picture's caption.
    #[must_use]
    pub fn reads_captions(&self) -> bool {
        self.prompts.has_caption()
    }

    /// Whether a picture, in the network's view and with this caption (empty: none), shows a phrase, and the probability,
    /// 0 to 1.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn depicts(
        &self,
        flow: Flow,
        (picture, caption): (&Arc<Picture>, &str),
        phrase: &Phrase,
    ) -> Result<(bool, f32), CallError> {
        let prompts = Arc::clone(&self.prompts);
        let encode = move |phrase: &str, caption: &str| prompts.encode(phrase, caption);
        let prompt = tokenise_question(&self.workers, (&phrase.text, caption), encode).await;
        let reply = self.handle.call(flow, Request { picture: Arc::clone(picture), prompt }).await?;
        let probability = reply.shown();
        Ok((probability >= self.threshold, probability))
    }
}

impl Reply {
    /// The probability that the picture shows the phrase. `maybe` counts, because its pairs are grounded in training.
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
