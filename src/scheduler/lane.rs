//! Lane: one network's queue, the batches that are bound from it, and the replies to its callers.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::warn;

use super::bisect::{Before, answer_all};
use super::erased::{AnyProcessor, Payload};
use super::executor::{Executor, Finished, Work, caught};
use super::flow_limit::Permit;
use super::handle::{Arrival, Port};
use super::{Batch, Bound, Budget, CallError, ModelError, Offer, Queue, Samples, Stop};
use crate::domain::Stage;
use crate::telemetry::{Outcome, Queued, StageMetrics};

/// A lane as the dispatcher sees it, whatever its requests are.
pub(super) trait Lane: Send {
    /// The stage whose network this is.
    fn stage(&self) -> Stage;

    /// Runs the network on samples, small batches first, until it is warm and its rates are known.
    fn warm_up(&mut self, executor: &mut Executor) -> Result<(), ModelError>;

    /// Takes in what has arrived. False once nothing more can: all callers have left.
    fn admit(&mut self) -> bool;

    /// What it could run now.
    fn offer(&self) -> Option<Offer>;

    /// Whether the next batch would be no larger if it were bound later.
    fn has_full_batch(&self) -> bool;

    /// Binds the next batch and prepares it; none where all callers have given up.
    fn prepare(&mut self) -> Option<Work>;

    /// Takes in that the device has begun the prepared batch.
    fn start(&mut self);

    /// Puts the requests of the prepared batch back into the queue: the device did not begin it.
    fn withdraw(&mut self);

    /// Takes in how long the forward pass of the batch that was begun first took.
    fn measure(&mut self, took: Duration);

    /// Answers the callers of the batch that was begun first. An error is a lost device.
    fn complete(&mut self, finished: Finished, executor: &mut Executor) -> Result<(), ModelError>;

    /// Whether a batch was begun whose callers have no answer.
    fn is_running(&self) -> bool;

    /// Answers all callers with this error of the device, and refuses what comes.
    fn fail(&mut self, lost: &ModelError);
}

/// A network's host half, its queue, and the port at which its callers reach it.
pub(super) struct ModelLane<Q, R> {
    pub(super) stage: Stage,
    pub(super) processor: Arc<AnyProcessor<Q, R>>,
    /// The device half's number in the executor.
    pub(super) model: usize,
    pub(super) budget: Budget,
    /// Requests to warm up with; none left afterwards.
    pub(super) samples: Samples<Q>,
    pub(super) queue: Queue<Waiting<Q, R>>,
    pub(super) prepared: Option<Prepared<Q, R>>,
    /// In the order in which they were begun. Two at most: one whose replies are being made, and one on the device.
    pub(super) running: VecDeque<Running<Q, R>>,
    pub(super) port: Arc<Port<Q, R>>,
    /// The device's, looked at between two runs.
    pub(super) stop: Stop,
    pub(super) metrics: StageMetrics,
}

/// A request in the queue.
pub(super) struct Waiting<Q, R> {
    request: Q,
    entry: Entry<R>,
}

/// Who waits for a reply, and what a request holds of its lane until its batch is begun or it is given up.
struct Entry<R> {
    caller: Caller<R>,
    place: Permit,
    queued: Queued,
}

struct Caller<R> {
    reply: oneshot::Sender<Result<R, CallError>>,
    called: Instant,
}

/// A batch that waits for the device.
pub(super) struct Prepared<Q, R> {
    requests: Vec<Q>,
    entries: Batch<Entry<R>>,
}

/// A batch that the device has begun.
pub(super) struct Running<Q, R> {
    requests: Vec<Q>,
    callers: Vec<Caller<R>>,
}

impl<Q: Send + 'static, R: Send + 'static> Lane for ModelLane<Q, R> {
    fn stage(&self) -> Stage {
        self.stage
    }

    fn warm_up(&mut self, executor: &mut Executor) -> Result<(), ModelError> {
        self.run_samples(executor)
    }

    fn admit(&mut self) -> bool {
        let (arrivals, more_can_come) = self.port.collect();
        for Arrival { request, flow, cost, reply, called, since, place, queued } in arrivals {
            let entry = Entry { caller: Caller { reply, called }, place, queued };
            self.queue.push(Waiting { request, entry }, flow, cost, since);
        }
        more_can_come
    }

    fn offer(&self) -> Option<Offer> {
        self.queue.offer()
    }

    fn has_full_batch(&self) -> bool {
        self.queue.has_full_batch()
    }

    fn prepare(&mut self) -> Option<Work> {
        let batch = self.queue.bind(|waiting| !waiting.entry.caller.reply.is_closed());
        self.metrics.abandoned(batch.abandoned);
        let split = batch.members.into_iter().map(|member| {
            let Bound { item: Waiting { request, entry }, cost, since, turn } = member;
            (request, Bound { item: entry, cost, since, turn })
        });
        let (requests, members): (Vec<Q>, Vec<Bound<Entry<R>>>) = split.unzip();
        if requests.is_empty() {
            return None;
        }
        let work = self.work(&requests);
        self.prepared = Some(Prepared { requests, entries: Batch { members, abandoned: 0 } });
        Some(work)
    }

    fn start(&mut self) {
        let Some(Prepared { requests, entries }) = self.prepared.take() else { return };
        self.metrics.batch(requests.len(), entries.padded() as f64 / entries.real() as f64);
        let callers = self.leave_queue(entries);
        self.running.push_back(Running { requests, callers });
    }

    fn withdraw(&mut self) {
        let Some(Prepared { requests, entries }) = self.prepared.take() else { return };
        for (request, Bound { item: entry, cost, since, turn }) in requests.into_iter().zip(entries.members) {
            self.queue.put_back(Bound { item: Waiting { request, entry }, cost, since, turn });
        }
    }

    fn measure(&mut self, took: Duration) {
        if let Some(running) = self.running.front() {
            self.queue.batch_was_clean(self.padded(&running.requests), took);
        }
    }

    fn complete(&mut self, finished: Finished, executor: &mut Executor) -> Result<(), ModelError> {
        let Some(Running { requests, callers }) = self.running.pop_front() else { return Ok(()) };
        let answers = self.answer(&requests, finished, executor);
        let lost = answers.iter().find_map(|answer| match answer {
            Err(lost @ ModelError::DeviceLost(_)) => Some(lost.clone()),
            _ => None,
        });
        // After a stop there may be fewer answers: the other callers learn that the device has ended.
        for (caller, answer) in callers.into_iter().zip(answers) {
            self.metrics.answered(outcome(&answer), caller.called.elapsed());
            // A caller that has gone needs no answer.
            let _ = caller.reply.send(answer.map_err(|source| self.call_error(source)));
        }
        lost.map_or(Ok(()), Err)
    }

    fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    fn fail(&mut self, lost: &ModelError) {
        let reason = self.call_error(lost.clone());
        self.port.close(&reason);
        self.withdraw();
        let mut callers: Vec<Caller<R>> = self.running.drain(..).flat_map(|batch| batch.callers).collect();
        while let Some(waiting) = self.queue.pop_any() {
            callers.push(waiting.entry.caller);
        }
        for caller in callers {
            self.metrics.answered(Outcome::DeviceLost, caller.called.elapsed());
            let _ = caller.reply.send(Err(reason.clone()));
        }
    }
}

impl<Q, R> Drop for ModelLane<Q, R> {
    /// However the dispatcher ends, no caller waits in vain.
    fn drop(&mut self) {
        self.port.close(&CallError::Closed { stage: self.stage });
    }
}

impl<Q: Send + 'static, R: Send + 'static> ModelLane<Q, R> {
    /// Prepares a batch. What fails here fails as if the forward pass had: in the order of the batches.
    pub(super) fn work(&self, batch: &[Q]) -> Work {
        Work::Forward { model: self.model, input: caught(|| self.processor.prepare(batch)) }
    }

    fn leave_queue(&self, entries: Batch<Entry<R>>) -> Vec<Caller<R>> {
        let now = Instant::now();
        // Places of one flow that follow each other are given back together, which costs as much as one.
        let mut places: Option<Permit> = None;
        let leave = |member: Bound<Entry<R>>| {
            self.metrics.queued(now.saturating_duration_since(member.since));
            let Entry { caller, place, queued } = member.item;
            drop(queued);
            match &mut places {
                Some(places) if Arc::ptr_eq(places.semaphore(), place.semaphore()) => places.merge(place),
                _ => places = Some(place),
            }
            caller
        };
        entries.members.into_iter().map(leave).collect()
    }

    /// The answers to a batch of which one attempt has finished.
    fn answer(
        &mut self,
        requests: &[Q],
        finished: Finished,
        executor: &mut Executor,
    ) -> Vec<Result<R, ModelError>> {
        let stop = self.stop.clone();
        let (first, is_first) = (Cell::new(Some(finished)), Cell::new(true));
        answer_all(
            requests,
            || !is_first.get() && stop.is_told(),
            |part, before| {
                if before == Before::FreeMemory {
                    self.free_all(executor);
                }
                if part.len() < requests.len() {
                    self.metrics.split();
                }
                let is_first = is_first.replace(false);
                let finished = first.take().unwrap_or_else(|| executor.run_alone(self.work(part)));
                self.metrics.computed(finished.took);
                let replies = self.finish(part, finished.output);
                match &replies {
                    // The first was measured when it finished.
                    Ok(_) if is_first => (),
                    Ok(_) => self.queue.batch_was_clean(self.padded(part), finished.took),
                    Err(error) => self.failed(part, error),
                }
                replies
            },
        )
    }

    pub(super) fn finish(
        &self,
        batch: &[Q],
        output: Result<Payload, ModelError>,
    ) -> Result<Vec<R>, ModelError> {
        output.and_then(|output| caught(|| self.processor.finish(batch, output)))
    }

    /// Takes in that a batch failed. A lone request tells nothing of the size that fits: it runs whatever its size is.
    pub(super) fn failed(&mut self, batch: &[Q], error: &ModelError) {
        match error {
            ModelError::OutOfMemory(_) => self.metrics.out_of_memory(),
            ModelError::LibraryFailed(why) => {
                warn!(stage = %self.stage, requests = batch.len(), why, "a library of the device failed");
            }
            ModelError::Failed(_) | ModelError::DeviceLost(_) => return,
        }
        if batch.len() > 1 {
            self.queue.memory_ran_out(self.padded(batch));
        }
    }

    pub(super) fn free_all(&self, executor: &mut Executor) {
        warn!(stage = %self.stage, "the networks free their caches: one request alone did not fit");
        executor.run_alone(Work::FreeAllMemory);
    }

    pub(super) fn padded(&self, batch: &[Q]) -> u64 {
        let widest = batch.iter().map(|request| self.processor.cost(request).0.max(1)).max().unwrap_or(1);
        batch.len() as u64 * u64::from(widest)
    }

    fn call_error(&self, source: ModelError) -> CallError {
        let stage = self.stage;
        match source {
            ModelError::DeviceLost(_) => CallError::DeviceLost { stage, source },
            _ => CallError::ModelFailed { stage, source },
        }
    }
}

fn outcome<R>(answer: &Result<R, ModelError>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Answered,
        Err(ModelError::DeviceLost(_)) => Outcome::DeviceLost,
        Err(_) => Outcome::Failed,
    }
}
