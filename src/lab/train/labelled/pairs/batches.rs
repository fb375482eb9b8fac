//! Batches of pairs: pictures read from the file and decoded as they are needed, at the size of the network.

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use tch::Tensor;

use super::super::present::Batched;
use super::rows::{Answer, Rows, picture};
use crate::common::imaging::Picture;
use crate::input::decode;
use crate::lab::dataset::PairReader;
use crate::lab::train::ofa::{normalised, padded};

/// Pairs with their pictures, as plain numbers.
#[derive(Debug)]
pub(super) struct Batch {
    side: u32,
    rgb: Vec<u8>,
    prompts: Vec<Vec<i64>>,
    /// The right answers.
    pub(super) answers: Vec<Answer>,
}

/// Makes batches of the pairs of a split.
pub(super) struct Loader {
    rows: Arc<Rows>,
    reader: PairReader<BufReader<File>>,
    limits: decode::Config,
    side: u32,
}

impl Loader {
    /// Reads pictures at `side` pixels along each side.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub(super) fn open(rows: &Arc<Rows>, limits: &decode::Config, side: u32) -> Result<Self> {
        Ok(Self { rows: Arc::clone(rows), reader: rows.open()?, limits: limits.clone(), side })
    }

    /// The number of pairs.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.rows.rows.len()
    }

    /// The batch of these pairs, by their numbers.
    ///
    /// # Errors
    /// The file has changed since its pairs were read.
    pub(super) fn batch(&mut self, numbers: impl IntoIterator<Item = usize>) -> Result<Batch> {
        let mut batch = Batch { side: self.side, rgb: Vec::new(), prompts: Vec::new(), answers: Vec::new() };
        for row in numbers.into_iter().filter_map(|number| self.rows.rows.get(number)) {
            self.reader.go_to(row.place)?;
            let pair = self.reader.next().context("a file of pairs has become shorter")??;
            let frame = picture(&pair, &self.limits)
                .map_err(|message| anyhow!("the picture of pair `{}` has changed: {message}", pair.id))?;
            batch.rgb.extend(&Picture::squashed(&frame, self.side).rgb);
            batch.prompts.push(row.prompt.clone());
            batch.answers.push(row.answer);
        }
        Ok(batch)
    }
}

impl Batched for Batch {
    fn len(&self) -> usize {
        self.answers.len()
    }
}

impl Batch {
    /// The pictures of some pairs, as the network reads them.
    pub(super) fn pixels(&self, pairs: &Range<usize>) -> Tensor {
        let one = 3 * (self.side * self.side) as usize;
        normalised(&self.rgb[pairs.start * one..pairs.end * one], i64::from(self.side))
    }

    /// The questions of some pairs: `[pairs, longest]`.
    pub(super) fn tokens(&self, pairs: &Range<usize>) -> Tensor {
        padded(&self.prompts[pairs.clone()])
    }
}
