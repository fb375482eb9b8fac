//! Warm-up: a network runs samples in growing batches before the first request, and its rates are measured.

use std::time::Duration;

use super::ModelError;
use super::bisect::{Before, attempt};
use super::executor::{Executor, Work};
use super::lane::ModelLane;

/// A run that takes so long tells what its size costs at once: what the first run allocates and tunes takes far less.
const LONG_RUN: Duration = Duration::from_secs(2);

/// A batch of samples that was answered.
struct Sampled {
    requests: usize,
    padded: u64,
    took: Duration,
}

impl<Q: Send + 'static, R: Send + 'static> ModelLane<Q, R> {
    /// Runs all samples that the budget has room for.
    pub(super) fn run_samples(&mut self, executor: &mut Executor) -> Result<(), ModelError> {
        for size in warm_up_sizes(self.shared.budget.max_requests.get()) {
            if self.shared.stop.is_told() {
                return Ok(());
            }
            // The first run of a size allocates and tunes; only the second tells what it costs.
            let Some(first) = self.sampled(size, executor) else { break };
            let measured = match first {
                Ok(batch) if batch.took < LONG_RUN => self.sampled(size, executor).unwrap_or(Ok(batch)),
                first => first,
            };
            match measured {
                Ok(batch) => {
                    self.shared.queue().batch_was_clean(batch.padded, batch.took, false);
                    if batch.requests < size {
                        break;
                    }
                }
                Err(ModelError::OutOfMemory(_) | ModelError::LibraryFailed(_)) if size > 1 => break,
                Err(error) => return Err(error),
            }
        }
        // No post will ask about the samples' pictures.
        executor.run_alone(Work::FreeMemory { model: self.shared.model });
        Ok(())
    }

    /// Runs the network on so many samples, or as many as the budget allows; none where there are no more. One alone is
    /// tried again as a request would be.
    fn sampled(&mut self, size: usize, executor: &mut Executor) -> Option<Result<Sampled, ModelError>> {
        let mut batch = self.shared.take_samples(size);
        while batch.len() > 1 && self.shared.padded(&batch) > u64::from(self.shared.budget.max_tokens) {
            batch.pop();
        }
        if batch.is_empty() {
            return None;
        }
        let mut took = Duration::ZERO;
        let outcome = attempt(&batch, |batch, before| {
            if before == Before::FreeMemory {
                self.free_all(executor);
            }
            let finished = executor.run_alone(self.work(batch));
            took = finished.took;
            self.finish(batch, finished.output)
        });
        let outcome = outcome.inspect_err(|error| self.failed(&batch, error));
        Some(outcome.map(|_| Sampled { requests: batch.len(), padded: self.shared.padded(&batch), took }))
    }
}

/// Powers of two below, then the largest: enough to see the knee, in at most twice the time of the largest.
fn warm_up_sizes(largest: usize) -> impl Iterator<Item = usize> {
    let below = (0..usize::BITS).map(|power| 1_usize << power).take_while(move |&size| size < largest);
    below.chain((largest > 0).then_some(largest))
}
