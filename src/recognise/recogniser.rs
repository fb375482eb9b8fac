//! From a text to its mentions: words, windows, the tagger's labels, spans.

use futures_util::future::try_join_all;

use super::{LabelSet, Reply, Request, Window, WordTokenizer, split_words};
use crate::domain::{Mention, Span};
use crate::scheduler::{CallError, Handle};

/// Finds the entities that a text names.
pub struct Recogniser {
    handle: Handle<Request, Reply>,
    tokenizer: WordTokenizer,
    labels: LabelSet,
}

impl Recogniser {
    /// Asks the tagger behind `handle`, whose vocabulary and labels are these.
    #[must_use]
    pub fn new(handle: Handle<Request, Reply>, tokenizer: WordTokenizer, labels: LabelSet) -> Self {
        Self { handle, tokenizer, labels }
    }

    /// The entities that a text names, in reading order. A text without words asks nobody.
    ///
    /// # Errors
    /// [`CallError`] of the tagger.
    pub async fn mentions(&self, text: &str) -> Result<Vec<Mention>, CallError> {
        let words = split_words(text);
        let windows = self.tokenizer.windows(text, &words);
        let calls = windows.into_iter().map(|Window { words, request }| async move {
            let reply = self.handle.call(request).await?;
            Ok((words, reply))
        });
        let replies = try_join_all(calls).await?;
        Ok(replies
            .iter()
            .flat_map(|(range, reply)| mentions(text, &words[range.clone()], reply, &self.labels))
            .collect())
    }
}

/// The mentions that a reply finds in some words of a text.
fn mentions(text: &str, words: &[Span], reply: &Reply, labels: &LabelSet) -> Vec<Mention> {
    let named = labels.decode(&reply.labels[..words.len().min(reply.labels.len())]);
    named
        .into_iter()
        .map(|entity| {
            let (first, last) = (words[entity.words.start], words[entity.words.end - 1]);
            let span = Span { end: last.end, byte_end: last.byte_end, ..first };
            let posteriors = reply.posteriors.iter().take(entity.words.end).skip(entity.words.start);
            Mention {
                text: text[span.byte_start..span.byte_end].to_owned(),
                entity_type: entity.entity_type,
                span,
                score: posteriors.copied().fold(1.0, f32::min),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EntityType;

    #[test]
    fn mentions_count_code_points_and_bytes_and_are_as_sure_as_their_least_sure_word() {
        let text = "é🔥 New York's #Jordan";
        let labels = LabelSet::new(["LOC", "PER"].map(EntityType::new));
        // é 🔥 New York 's # Jordan
        let reply =
            Reply { labels: vec![0, 0, 1, 3, 0, 0, 8], posteriors: vec![0.9, 0.9, 0.8, 0.7, 0.6, 0.9, 0.5] };
        let found = mentions(text, &split_words(text), &reply, &labels);
        assert_eq!(
            found,
            [
                Mention {
                    text: "New York".to_owned(),
                    entity_type: EntityType::new("LOC"),
                    span: Span { start: 3, end: 11, byte_start: 7, byte_end: 15 },
                    score: 0.7,
                },
                Mention {
                    text: "Jordan".to_owned(),
                    entity_type: EntityType::new("PER"),
                    span: Span { start: 15, end: 21, byte_start: 19, byte_end: 25 },
                    score: 0.5,
                },
            ]
        );
    }
}
