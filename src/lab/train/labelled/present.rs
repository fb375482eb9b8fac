//! Present batch of a training: read ahead of the network, and divided into parts of which one is in memory as tensors.

use std::ops::Range;

use anyhow::{Context, Result};

use crate::lab::train::prefetch::Prefetcher;

/// A batch of pairs or regions, with their pictures.
pub(super) trait Batched: Send + 'static {
    /// The number of pairs or regions.
    fn len(&self) -> usize;
}

/// The batch of the present step.
pub(super) struct Present<B> {
    batches: Prefetcher<Result<B>>,
    batch: Option<B>,
    at_once: usize,
}

impl<B: Batched> Present<B> {
    /// Takes what `make` makes of each step from the first one on; a part has up to `at_once` of a batch.
    #[must_use]
    pub(super) fn new(
        first_step: i64,
        at_once: usize,
        make: impl FnMut(i64) -> Result<B> + Send + 'static,
    ) -> Self {
        Self { batches: Prefetcher::new(first_step, make), batch: None, at_once }
    }

    /// Goes on to the next step; returns the number of its parts.
    ///
    /// # Errors
    /// Its pictures cannot be read.
    pub(super) fn advance(&mut self) -> Result<usize> {
        let batch = self.batches.next().context("failed to read the pictures of a step")?;
        Ok(self.batch.insert(batch).len().div_ceil(self.at_once))
    }

    /// The present batch, and what belongs to a part of it.
    ///
    /// # Errors
    /// No step has begun.
    pub(super) fn part(&self, part: usize) -> Result<(&B, Range<usize>)> {
        let batch = self.batch.as_ref().context("no step has begun")?;
        let start = part * self.at_once;
        Ok((batch, start..(start + self.at_once).min(batch.len())))
    }
}
