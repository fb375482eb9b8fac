//! Training task of a tagger on labelled rows: likelihood of the labels under its CRF, and F1 on the dev split.

use anyhow::Result;
use tch::{Device, Kind, Tensor, no_grad};

use super::super::text_batch::{EntityCounts, LabelledRow, TextBatch, TextTensors};
use super::super::training_loop::{TrainingTask, Validation};
use super::order::Order;
use crate::networks::tagger::Tagger;
use crate::stages::recognise::LabelSet;

/// The score on the dev split.
pub(super) const MEASURE: &str = "F1";

/// The rows of both splits, and how many are in memory as tensors at a time.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) train: Vec<LabelledRow>,
    pub(super) dev: Vec<LabelledRow>,
    pub(super) at_once: usize,
}

/// The training task.
pub(super) struct LabelledTask {
    tagger: Tagger,
    labels: LabelSet,
    rows: Split,
    order: Order,
    dropout: f64,
}

impl LabelledTask {
    /// Trains on the rows in this order.
    #[must_use]
    pub(super) fn new(
        (tagger, labels): (Tagger, LabelSet),
        mut rows: Split,
        order: Order,
        dropout: f64,
    ) -> Self {
        // Rows of like length share a batch of a validation.
        rows.dev.sort_by_key(|row| row.request.pieces.len());
        Self { tagger, labels, rows, order, dropout }
    }

    fn device(&self) -> Device {
        self.tagger.crf.device()
    }

    fn batch(&self, rows: &[&LabelledRow]) -> TextBatch {
        TextBatch::of(rows, Vec::new(), self.tagger.config().pad)
    }
}

/// The scores of labels, in 32 bits: the CRF adds up those of all words.
fn emissions(tagger: &Tagger, texts: &TextTensors, dropout: f64) -> Tensor {
    tagger.emissions(&texts.pieces, &texts.mask, &texts.first_pieces, dropout).to_kind(Kind::Float)
}

impl TrainingTask for LabelledTask {
    fn parts(&mut self, step: i64) -> Result<usize> {
        Ok(self.order.texts(step).len().div_ceil(self.rows.at_once))
    }

    fn loss(&mut self, step: i64, part: usize) -> Result<(Tensor, String)> {
        let texts = self.order.texts(step);
        let count = texts.len().max(1);
        let own = texts.chunks(self.rows.at_once).nth(part).unwrap_or_default();
        let own: Vec<&LabelledRow> = own.iter().map(|&text| &self.rows.train[text]).collect();
        let texts = self.batch(&own).tensors(self.device());
        let scores = emissions(&self.tagger, &texts, self.dropout);
        let likelihood = self.tagger.crf.log_likelihood(&scores, &texts.labels, &texts.is_word);
        Ok((likelihood.sum(Kind::Float) / -(count as f64), String::new()))
    }

    fn validate(&mut self) -> Result<Validation> {
        let mut found = EntityCounts::default();
        for rows in self.rows.dev.chunks(self.rows.at_once) {
            let batch = self.batch(&rows.iter().collect::<Vec<_>>());
            let best = no_grad(|| {
                let texts = batch.tensors(self.device());
                self.tagger.crf.decode(&emissions(&self.tagger, &texts, 0.0), &texts.is_word)
            });
            found.count(&batch, &best, &self.labels);
        }
        let (f1, precision, recall) = (found.f1(), found.precision(), found.recall());
        let words = format!("F1 {f1:.4}, precision {precision:.4}, recall {recall:.4}");
        Ok(Validation { words, score: Some((MEASURE, f1)) })
    }
}
