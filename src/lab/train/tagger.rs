//! Training of the tagger: log-likelihood of the true labels under its CRF.

use std::ops::Range;

use tch::{Kind, Tensor, no_grad};

use super::prefetch::Prefetcher;
use super::training_loop::TrainingTask;
use crate::domain::Span;
use crate::lab::world::{GoldText, World};
use crate::networks::tagger::Tagger;
use crate::stages::recognise::{LabelSet, LabelledWords, WordTokenizer, split_words};

/// Posts of one step.
const POSTS_PER_STEP: u64 = 64;
/// Dropout rate.
const DROPOUT: f64 = 0.1;
/// Batches of a validation.
const VALIDATION_BATCHES: i64 = 6;

/// Posts of one step, as padded rows.
#[derive(Clone)]
pub(super) struct TextBatch {
    rows: i64,
    /// Index of each row's post: a long post has several rows.
    pub(super) owners: Vec<i64>,
    pieces: Vec<i64>,
    first_pieces: Vec<i64>,
    labels: Vec<i64>,
    words: Vec<usize>,
    pad: i64,
}

/// The same as tensors.
pub(super) struct TextTensors {
    /// `[rows, L]` of `Int64`.
    pub(super) pieces: Tensor,
    /// `[rows, L]` of `Bool`: where there is a piece.
    pub(super) mask: Tensor,
    /// `[rows, W]` of `Int64`: where each word begins.
    pub(super) first_pieces: Tensor,
    /// `[rows, W]` of `Int64`.
    pub(super) labels: Tensor,
    /// `[rows, W]` of `Bool`.
    pub(super) is_word: Tensor,
}

impl TextBatch {
    pub(super) fn tensors(&self) -> TextTensors {
        let table = |values: &[i64]| Tensor::from_slice(values).view([self.rows, -1]);
        let (pieces, labels) = (table(&self.pieces), table(&self.labels));
        let lengths: Vec<i64> = self.words.iter().map(|&words| words as i64).collect();
        let columns = Tensor::arange(labels.size()[1], (Kind::Int64, tch::Device::Cpu));
        let is_word = columns.unsqueeze(0).lt_tensor(&Tensor::from_slice(&lengths).unsqueeze(1));
        let mask = pieces.ne(self.pad);
        TextTensors { pieces, mask, first_pieces: table(&self.first_pieces), labels, is_word }
    }
}

/// Counts of correct, predicted and gold entities.
#[derive(Debug, Default)]
pub(super) struct EntityCounts {
    correct: usize,
    predicted: usize,
    gold: usize,
}

impl EntityCounts {
    /// Counts the entities of a batch; `best` has the predicted labels of each row's words.
    pub(super) fn count(&mut self, batch: &TextBatch, best: &[Vec<usize>], names: &LabelSet) {
        let width = batch.labels.len() / best.len().max(1);
        for (row, labels) in best.iter().enumerate() {
            let truth: Vec<usize> =
                batch.labels[row * width..][..labels.len()].iter().map(|&label| label as usize).collect();
            let (found, wanted) = (names.decode(labels), names.decode(&truth));
            self.correct += found.iter().filter(|entity| wanted.contains(entity)).count();
            self.predicted += found.len();
            self.gold += wanted.len();
        }
    }

    /// The harmonic mean of precision and recall.
    pub(super) fn f1(&self) -> f64 {
        2.0 * self.correct as f64 / (self.predicted + self.gold).max(1) as f64
    }
}

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
                    words: words_within(&words, span),
                    entity_type: entity_type.clone(),
                })
                .collect();
            let labels = self.labels.encode(words.len(), &entities);
            for window in self.tokenizer.windows_with_knowledge(&text.text, &words, &knowledge) {
                rows.push((window.request, labels[window.words].to_vec()));
                owners.push(owner);
            }
        }
        let pieces = rows.iter().map(|(request, _)| request.pieces.len()).max().unwrap_or(1);
        let words = rows.iter().map(|(_, labels)| labels.len()).max().unwrap_or(1);
        let mut batch = TextBatch {
            rows: rows.len() as i64,
            owners,
            pieces: Vec::new(),
            first_pieces: Vec::new(),
            labels: Vec::new(),
            words: rows.iter().map(|(_, labels)| labels.len()).collect(),
            pad: self.pad,
        };
        for (request, labels) in &rows {
            batch.pieces.extend(padded(
                request.pieces.iter().map(|&piece| i64::from(piece)),
                pieces,
                self.pad,
            ));
            batch.first_pieces.extend(padded(
                request.first_pieces.iter().map(|&first| i64::from(first)),
                words,
                0,
            ));
            batch.labels.extend(padded(labels.iter().map(|&label| label as i64), words, 0));
        }
        batch
    }
}

/// The words that intersect a span.
pub(super) fn words_within(words: &[Span], span: &Span) -> std::ops::Range<usize> {
    let start = words.iter().take_while(|word| word.byte_end <= span.byte_start).count();
    let end = words.iter().take_while(|word| word.byte_start < span.byte_end).count();
    start..end.max(start)
}

fn padded(values: impl Iterator<Item = i64>, length: usize, filler: i64) -> impl Iterator<Item = i64> {
    values.chain(std::iter::repeat(filler)).take(length)
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
        let TextTensors { pieces, mask, first_pieces, labels, is_word } = batch.tensors();
        (self.tagger.emissions(&pieces, &mask, &first_pieces, dropout), labels, is_word)
    }
}

impl TrainingTask for TaggerTask {
    fn loss(&mut self, _: i64) -> (Tensor, String) {
        let batch = self.batches.next();
        let (emissions, labels, is_word) = self.emissions(&batch, DROPOUT);
        let likelihood = self.tagger.crf.log_likelihood(&emissions, &labels, &is_word);
        (-likelihood.mean(Kind::Float), String::new())
    }

    fn validate(&mut self) -> String {
        let told = |world: &World, index| (world.text(index), world.annotation(index));
        let alone = self.score(|world, index| (world.text(index), String::new()));
        format!("F1 {alone:.4} of texts alone, {:.4} with knowledge", self.score(told))
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
