//! Training of the tagger: log-likelihood of the true labels under its CRF.

use std::ops::Range;

use tch::{Device, Kind, Tensor, no_grad};

use super::prefetch::Prefetcher;
use super::text_batch::{EntityCounts, LabelledRow, TextBatch, TextTensors, words_within};
use super::training_loop::{TrainingTask, Validation};
use crate::lab::world::{GoldText, World};
use crate::networks::tagger::Tagger;
use crate::stages::recognise::{LabelSet, LabelledWords, WordTokenizer, split_words};

/// Posts of one step.
const POSTS_PER_STEP: u64 = 64;
/// Dropout rate.
const DROPOUT: f64 = 0.1;
/// Batches of a validation.
const VALIDATION_BATCHES: i64 = 6;

/// Makes batches of posts.
pub(super) struct TextBatcher {
    /// Source of posts.
    pub(super) world: World,
    /// Splits words into pieces.
    pub(super) tokenizer: WordTokenizer,
    /// The labels.
    pub(super) labels: LabelSet,
    /// Token id of padding.
    pub(super) pad: i64,
}

impl TextBatcher {
    /// The batch of a step; every other post has an annotation as knowledge.
    #[must_use]
    fn batch(&self, step: i64) -> TextBatch {
        self.batch_with(posts_of(step), |index| {
            let knowledge = if index % 2 == 0 { self.world.annotation(index) } else { String::new() };
            (self.world.text(index), knowledge)
        })
    }

    /// The batch of these posts without knowledge.
    pub(super) fn batch_of(&self, posts: Range<u64>) -> TextBatch {
        self.batch_with(posts, |index| (self.world.text(index), String::new()))
    }

    /// The batch of these posts; `text` returns a post's text and knowledge.
    fn batch_with(&self, posts: Range<u64>, text: impl Fn(u64) -> (GoldText, String)) -> TextBatch {
        let (mut rows, mut owners) = (Vec::new(), Vec::new());
        for (index, owner) in posts.zip(0..) {
            let (text, knowledge) = text(index);
            let words = split_words(&text.text);
            let entities: Vec<LabelledWords> = text
                .mentions
                .iter()
                .map(|(span, entity_type)| LabelledWords {
                    words: words_within(&words, (span.start, span.end)),
                    entity_type: entity_type.clone(),
                })
                .collect();
            let labels = self.labels.encode(words.len(), &entities);
            for window in self.tokenizer.windows_with_knowledge(&text.text, &words, &knowledge) {
                rows.push(LabelledRow { request: window.request, labels: labels[window.words].to_vec() });
                owners.push(owner);
            }
        }
        TextBatch::of(&rows.iter().collect::<Vec<_>>(), owners, self.pad)
    }
}

/// The training task of the tagger.
pub(super) struct TaggerTask {
    tagger: Tagger,
    batches: Prefetcher<TextBatch>,
    dev: TextBatcher,
}

impl TaggerTask {
    /// Trains on batches of `train` from `first_step` on, validates on batches of `dev`.
    #[must_use]
    pub(super) fn new(tagger: Tagger, train: TextBatcher, dev: TextBatcher, first_step: i64) -> Self {
        Self { tagger, batches: Prefetcher::new(first_step, move |step| train.batch(step)), dev }
    }

    fn emissions(&self, batch: &TextBatch, dropout: f64) -> (Tensor, Tensor, Tensor) {
        let TextTensors { pieces, mask, first_pieces, labels, is_word } = batch.tensors(Device::Cpu);
        (self.tagger.emissions(&pieces, &mask, &first_pieces, dropout), labels, is_word)
    }
}

impl TrainingTask for TaggerTask {
    fn loss(&mut self, _: i64, _: usize) -> anyhow::Result<(Tensor, String)> {
        let batch = self.batches.next();
        let (emissions, labels, is_word) = self.emissions(&batch, DROPOUT);
        let likelihood = self.tagger.crf.log_likelihood(&emissions, &labels, &is_word);
        Ok((-likelihood.mean(Kind::Float), String::new()))
    }

    fn validate(&mut self) -> anyhow::Result<Validation> {
        let told = |world: &World, index| (world.text(index), world.annotation(index));
        let alone = self.score(|world, index| (world.text(index), String::new()));
        Ok(format!("F1 {alone:.4} of texts alone, {:.4} with knowledge", self.score(told)).into())
    }
}

impl TaggerTask {
    /// F1 on development posts; `text` returns a post's text and knowledge.
    fn score(&self, text: impl Fn(&World, u64) -> (GoldText, String)) -> f64 {
        let mut found = EntityCounts::default();
        for step in 0..VALIDATION_BATCHES {
            let batch = self.dev.batch_with(posts_of(step), |index| text(&self.dev.world, index));
            let best = no_grad(|| {
                let (emissions, _, is_word) = self.emissions(&batch, 0.0);
                self.tagger.crf.decode(&emissions, &is_word)
            });
            found.count(&batch, &best, &self.dev.labels);
        }
        found.f1()
    }
}

/// The posts of a step.
fn posts_of(step: i64) -> Range<u64> {
    let first = step as u64 * POSTS_PER_STEP;
    first..first + POSTS_PER_STEP
}
