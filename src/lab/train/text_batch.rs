//! Batches of texts for taggers: padded rows of pieces and labels, and counts of right entities.

use tch::{Device, Kind, Tensor};

use crate::domain::Span;
use crate::stages::recognise::{LabelSet, Request};

/// Texts of one step, as padded rows.
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

/// A window of a text, and the labels of its words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LabelledRow {
    /// What the tagger reads.
    pub(super) request: Request,
    /// One for each word of the text.
    pub(super) labels: Vec<usize>,
}

impl TextBatch {
    /// The batch of these rows; `owners` are the indices of their posts, `pad` is the id of padding.
    #[must_use]
    pub(super) fn of(rows: &[&LabelledRow], owners: Vec<i64>, pad: i64) -> Self {
        let pieces = rows.iter().map(|row| row.request.pieces.len()).max().unwrap_or(1);
        let words = rows.iter().map(|row| row.labels.len()).max().unwrap_or(1);
        let mut batch = Self {
            rows: rows.len() as i64,
            owners,
            pieces: Vec::new(),
            first_pieces: Vec::new(),
            labels: Vec::new(),
            words: rows.iter().map(|row| row.labels.len()).collect(),
            pad,
        };
        for LabelledRow { request, labels } in rows {
            let ids = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect::<Vec<_>>();
            batch.pieces.extend(padded(ids(&request.pieces), pieces, pad));
            batch.first_pieces.extend(padded(ids(&request.first_pieces), words, 0));
            batch.labels.extend(padded(labels.iter().map(|&label| label as i64), words, 0));
        }
        batch
    }

    pub(super) fn tensors(&self, device: Device) -> TextTensors {
        let table = |values: &[i64]| Tensor::from_slice(values).view([self.rows, -1]).to_device(device);
        let (pieces, labels) = (table(&self.pieces), table(&self.labels));
        let lengths: Vec<i64> = self.words.iter().map(|&words| words as i64).collect();
        let columns = Tensor::arange(labels.size()[1], (Kind::Int64, device));
        let lengths = Tensor::from_slice(&lengths).to_device(device);
        let is_word = columns.unsqueeze(0).lt_tensor(&lengths.unsqueeze(1));
        let mask = pieces.ne(self.pad);
        TextTensors { pieces, mask, first_pieces: table(&self.first_pieces), labels, is_word }
    }
}

fn padded(values: impl IntoIterator<Item = i64>, length: usize, filler: i64) -> impl Iterator<Item = i64> {
    values.into_iter().chain(std::iter::repeat(filler)).take(length)
}

/// The words that intersect a span.
pub(super) fn words_within(words: &[Span], span: (usize, usize)) -> std::ops::Range<usize> {
    let (from, to) = span;
    let start = words.iter().take_while(|word| word.end <= from).count();
    let end = words.iter().take_while(|word| word.start < to).count();
    start..end.max(start)
}

/// Counts of correct, predicted and gold entities.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
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

    /// The share of predicted entities that are right.
    #[must_use]
    pub(super) fn precision(&self) -> f64 {
        self.correct as f64 / self.predicted.max(1) as f64
    }

    /// The share of gold entities that are found.
    #[must_use]
    pub(super) fn recall(&self) -> f64 {
        self.correct as f64 / self.gold.max(1) as f64
    }

    /// The harmonic mean of both.
    #[must_use]
    pub(super) fn f1(&self) -> f64 {
        2.0 * self.correct as f64 / (self.predicted + self.gold).max(1) as f64
    }
}
