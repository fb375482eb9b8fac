//! Recogniser: from a text to its mentions, via words, windows and labels.

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::window_memory::while_read;
use super::{LabelSet, Reply, Request, Window, WordTokenizer};
use crate::domain::{Mention, Span};
use crate::scheduler::{CallError, Flow, Handle};
use crate::stages::prompt::{TextMemory, tokenise};

/// The longest beginning of knowledge, in bytes, that is read: 128 for each piece of the longest window of the published
/// taggers.
pub(super) const MAX_KNOWLEDGE_BYTES: usize = 64 << 10;

/// Finds the entities in a text.
pub struct Recogniser {
    handle: Handle<Request, Reply>,
    tokenizer: Arc<WordTokenizer>,
    labels: LabelSet,
    memory: TextMemory,
}

impl Recogniser {
    /// A recogniser that calls the tagger behind `handle`, with its tokenizer and labels.
    #[must_use]
    pub fn new(handle: Handle<Request, Reply>, tokenizer: WordTokenizer, labels: LabelSet) -> Self {
        Self { handle, tokenizer: Arc::new(tokenizer), labels, memory: TextMemory::default() }
    }

    /// Takes memory for words and windows from this limit instead of one of its own.
    #[must_use]
    pub fn within(self, memory: TextMemory) -> Self {
        Self { memory, ..self }
    }

    /// The entities of a text, in reading order. The tagger reads as much of `knowledge` after the text as fits. A text
    /// without words makes no call. A long text waits while others hold the memory for words and windows.
    ///
    /// # Errors
    /// [`CallError`] of the tagger.
    pub async fn mentions(&self, flow: Flow, text: &str, knowledge: &str) -> Result<Vec<Mention>, CallError> {
        let knowledge = knowledge[..knowledge.floor_char_boundary(MAX_KNOWLEDGE_BYTES)].to_owned();
        let tokenizer = Arc::clone(&self.tokenizer);
        let mut share = self.memory.share(text).await;
        // The share goes to the thread and comes back: work that has begun goes on where this call is dropped.
        let (words, windows, _share) = tokenise(text, move |text| {
            let mut words = tokenizer.words(text);
            words.shrink_to_fit();
            let windows = tokenizer.windows_with_knowledge(text, &words, &knowledge);
            share.shrink_to(while_read(&words, &windows));
            (words, windows, share)
        })
        .await;
        let calls = windows.into_iter().map(|Window { words, request }| async move {
            let reply = self.handle.call(flow, request).await?;
            Ok((words, reply))
        });
        let replies = try_join_all(calls).await?;
        Ok(replies
            .iter()
            .flat_map(|(range, reply)| mentions(text, &words[range.clone()], reply, &self.labels))
            .collect())
    }
}

/// The mentions of a reply about these words of a text.
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
    use std::num::NonZeroUsize;
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::future::join;
    use proptest::prelude::*;
    use tokenizers::Tokenizer;
    use tokenizers::models::wordlevel::WordLevel;

    use super::super::split_words;
    use super::super::word_tokenizer::tests::word_pieces;
    use super::super::words::tests::texts;
    use super::*;
    use crate::domain::{EntityType, Stage};
    use crate::scheduler::doubles::FnModel;
    use crate::scheduler::{Budget, Cost, Device};
    use crate::telemetry::Metrics;

    const UNKNOWN: u32 = 3;

    /// Labels every unknown word as a person.
    fn unknown_word_tagger() -> FnModel<Request, Reply> {
        let label =
            |request: &Request, first: u32| if request.pieces[first as usize] == UNKNOWN { 4 } else { 0 };
        let answer = move |request: &Request| Reply {
            labels: request.first_pieces.iter().map(|&first| label(request, first)).collect(),
            posteriors: vec![0.5; request.first_pieces.len()],
        };
        let cost = |request: &Request| Cost(request.pieces.len() as u32);
        FnModel::weighed(cost, move |batch: &[Request]| Ok(batch.iter().map(answer).collect()))
    }

    fn device() -> (Device, Recogniser) {
        let vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "met", "and", "."];
        let vocabulary = vocabulary.iter().zip(0..).map(|(piece, id)| ((*piece).to_owned(), id)).collect();
        let model = WordLevel::builder().vocab(vocabulary).unk_token("<unk>".to_owned()).build().unwrap();
        let tokenizer = WordTokenizer::new(Tokenizer::new(model), 8).unwrap();
        let mut device = Device::new("test", Arc::new(Metrics::new()));
        let budget =
            Budget { max_requests: NonZeroUsize::MIN, max_tokens: 1_000, patience: Duration::from_secs(1) };
        let handle = device.lane(Stage::Recognise, unknown_word_tagger(), budget);
        (device, Recogniser::new(handle, tokenizer, LabelSet::new([EntityType::new("PER")])))
    }

    #[tokio::test]
    async fn a_text_longer_than_the_network_is_read_in_windows_and_in_order() {
        let (device, recogniser) = device();
        device.start().unwrap();
        let text = "Vorlan met Keldor. Ondrick and Miravel and met and met and Tasqua.";
        let found = recogniser.mentions(Flow::default(), text, "").await.unwrap();
        let names: Vec<_> = found.iter().map(|mention| mention.text.as_str()).collect();
        assert_eq!(names, ["Vorlan", "Keldor", "Ondrick", "Miravel", "Tasqua"]);
        for mention in found {
            assert_eq!(&text[mention.span.byte_start..mention.span.byte_end], mention.text);
            assert_eq!((mention.span.start, mention.score), (mention.span.byte_start, 0.5));
        }
    }

    #[tokio::test]
    async fn a_text_without_words_makes_no_call() {
        let (device, recogniser) = device();
        drop(device);
        assert_eq!(recogniser.mentions(Flow::default(), " \n", "").await, Ok(Vec::new()));
        assert_eq!(
            recogniser.mentions(Flow::default(), "word", "").await,
            Err(CallError::Closed { stage: Stage::Recognise })
        );
    }

    #[tokio::test]
    async fn a_long_text_waits_for_memory_and_holds_what_its_windows_take_until_they_are_read() {
        let (device, recogniser) = device();
        let text = "Vorlan met ".repeat(100);
        let all = TextMemory::of_text(text.len() as u64);
        let memory = TextMemory::new(all);
        let recogniser = recogniser.within(memory.clone());
        let mut first = Box::pin(recogniser.mentions(Flow::default(), &text, ""));
        let mut second = Box::pin(recogniser.mentions(Flow::default(), &text, ""));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(memory.waiting(), 1, "the second is not split while the first is");
        while memory.free() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(memory.free() < all, "its words and windows are there until the tagger has read them");
        assert_eq!(memory.waiting(), 1);
        device.start().unwrap();
        let (first, second) = join(first, second).await;
        assert_eq!((first.unwrap().len(), second.unwrap().len()), (100, 100));
        assert_eq!((memory.free(), memory.waiting()), (all, 0));
    }

    #[test]
    fn mentions_count_code_points_and_bytes_and_have_the_least_posterior_of_their_words() {
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

    proptest! {
        // The tokenizer cleans text and removes accents; spans must not change by it.
        #[test]
        fn for_any_labels_the_span_of_a_mention_is_its_text_in_the_post(
            text in texts(),
            said in prop::collection::vec(0..12_usize, 1..60),
        ) {
            let words = split_words(&text);
            let labels = LabelSet::new(["LOC", "PER"].map(EntityType::new));
            let mut said = said.into_iter().cycle();
            let (mut end, mut next_word) = ((0, 0), 0);
            for Window { words: range, request } in word_pieces(12).windows(&text, &words) {
                prop_assert_eq!(range.start, next_word);
                next_word = range.end;
                // Nor by a tagger that labels too few or too many words.
                let count = (request.first_pieces.len() + said.next().unwrap() % 3).saturating_sub(1);
                let reply = Reply { labels: said.by_ref().take(count).collect(), posteriors: vec![0.5; count] };
                for Mention { text: named, span, .. } in mentions(&text, &words[range], &reply, &labels) {
                    prop_assert_eq!(&text[span.byte_start..span.byte_end], &named);
                    let counted: String = text.chars().skip(span.start).take(span.end - span.start).collect();
                    prop_assert_eq!(counted, named);
                    prop_assert!(end.0 <= span.start && end.1 <= span.byte_start && span.start < span.end);
                    end = (span.end, span.byte_end);
                }
            }
            prop_assert_eq!(next_word, words.len());
        }
    }
}
