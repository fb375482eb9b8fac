//! What the tagger is taught: the likelihood of the true labels under its chain.

use tch::{Kind, Tensor, no_grad};

use super::feed::Feed;
use super::learn::Learner;
use crate::domain::Span;
use crate::models::tagger::Tagger;
use crate::recognise::{LabelSet, LabelledWords, WordTokenizer, split_words};
use crate::world::World;

/// Posts of one step.
const POSTS: u64 = 64;
/// Share of numbers dropped while training.
const DROPOUT: f64 = 0.1;
/// Steps of a validation.
const VALIDATION: i64 = 6;

/// One step's posts: rows are posts, filled up with padding.
pub(super) struct TextBatch {
    rows: i64,
    pieces: Vec<i64>,
    first_pieces: Vec<i64>,
    labels: Vec<i64>,
    words: Vec<usize>,
    pad: i64,
}

/// Makes batches.
pub(super) struct TextWriter {
    /// Where posts come from.
    pub(super) world: World,
    /// Cuts words into pieces.
    pub(super) tokenizer: WordTokenizer,
    /// What labels there are.
    pub(super) labels: LabelSet,
    /// The id of padding.
    pub(super) pad: i64,
}

impl TextWriter {
    /// The batch of a step.
    #[must_use]
    pub(super) fn batch(&self, step: i64) -> TextBatch {
        let first = step as u64 * POSTS;
        let mut rows = Vec::new();
        for index in first..first + POSTS {
            let text = self.world.text(index);
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
            for window in self.tokenizer.windows(&text.text, &words) {
                rows.push((window.request, labels[window.words].to_vec()));
            }
        }
        let pieces = rows.iter().map(|(request, _)| request.pieces.len()).max().unwrap_or(1);
        let words = rows.iter().map(|(_, labels)| labels.len()).max().unwrap_or(1);
        let mut batch = TextBatch {
            rows: rows.len() as i64,
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

/// The words that lie within a span: a word that the span cuts belongs to it.
fn words_within(words: &[Span], span: &Span) -> std::ops::Range<usize> {
    let start = words.iter().take_while(|word| word.byte_end <= span.byte_start).count();
    let end = words.iter().take_while(|word| word.byte_start < span.byte_end).count();
    start..end.max(start)
}

fn padded(values: impl Iterator<Item = i64>, length: usize, filler: i64) -> impl Iterator<Item = i64> {
    values.chain(std::iter::repeat(filler)).take(length)
}

/// The tagger in training.
pub(super) struct TaggerLearner {
    tagger: Tagger,
    feed: Feed<TextBatch>,
    dev: TextWriter,
}

impl TaggerLearner {
    /// Trains on what `train` writes from `first_step` on, validates on what `dev` writes.
    #[must_use]
    pub(super) fn new(tagger: Tagger, train: TextWriter, dev: TextWriter, first_step: i64) -> Self {
        Self { tagger, feed: Feed::new(first_step, move |step| train.batch(step)), dev }
    }

    fn emissions(&self, batch: &TextBatch, dropout: f64) -> (Tensor, Tensor, Tensor) {
        let pieces = Tensor::from_slice(&batch.pieces).view([batch.rows, -1]);
        let mask = pieces.ne(batch.pad);
        let first_pieces = Tensor::from_slice(&batch.first_pieces).view([batch.rows, -1]);
        let labels = Tensor::from_slice(&batch.labels).view([batch.rows, -1]);
        let lengths: Vec<i64> = batch.words.iter().map(|&words| words as i64).collect();
        let columns = Tensor::arange(labels.size()[1], (Kind::Int64, tch::Device::Cpu));
        let is_word = columns.unsqueeze(0).lt_tensor(&Tensor::from_slice(&lengths).unsqueeze(1));
        (self.tagger.emissions(&pieces, &mask, &first_pieces, dropout), labels, is_word)
    }
}

impl Learner for TaggerLearner {
    fn loss(&mut self, _: i64) -> (Tensor, String) {
        let batch = self.feed.next();
        let (emissions, labels, is_word) = self.emissions(&batch, DROPOUT);
        let likelihood = self.tagger.crf.log_likelihood(&emissions, &labels, &is_word);
        (-likelihood.mean(Kind::Float), String::new())
    }

    fn validate(&mut self) -> String {
        let (mut right, mut said, mut true_ones) = (0, 0, 0);
        for step in 0..VALIDATION {
            let batch = self.dev.batch(step);
            let best = no_grad(|| {
                let (emissions, _, is_word) = self.emissions(&batch, 0.0);
                self.tagger.crf.decode(&emissions, &is_word)
            });
            let width = batch.labels.len() / best.len().max(1);
            for (row, labels) in best.iter().enumerate() {
                let truth: Vec<usize> =
                    batch.labels[row * width..][..labels.len()].iter().map(|&label| label as usize).collect();
                let (found, wanted) = (self.dev.labels.decode(labels), self.dev.labels.decode(&truth));
                right += found.iter().filter(|entity| wanted.contains(entity)).count();
                said += found.len();
                true_ones += wanted.len();
            }
        }
        format!("F1 {:.4}", 2.0 * right as f64 / (said + true_ones).max(1) as f64)
    }
}
