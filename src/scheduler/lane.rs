//! Lane: one network as one executor serves it: the batches that it has bound, and the replies to their callers.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing::warn;

use super::bisect::{Before, answer_all};
use super::erased::Payload;
use super::executor::{Executor, Finished, Work, caught};
use super::flow_limit::Permit;
use super::shared_lane::{Caller, Entry, SharedLane, Waiting};
use super::{Batch, Bound, Flow, ModelError, Offer};
use crate::domain::Stage;
use crate::telemetry::Outcome;
use crate::telemetry::traces::BatchOfSpans;

/// A lane as a dispatcher sees it, whatever its requests are.
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

    /// Takes the next batch out of the queue. False where all callers have given up.
    fn bind(&mut self) -> bool;

    /// Prepares the batch that was bound.
    fn prepare(&mut self) -> Work;

    /// Takes in that the device has begun the prepared batch.
    fn start(&mut self);

    /// Puts the requests of the prepared batch back into the queue: the device did not begin it.
    fn withdraw(&mut self);

    /// Takes in how long the forward pass of the batch that was begun first took.
    fn measure(&mut self, took: Duration);

    /// Answers the callers of the batch that was begun first. An error is a lost device: callers without an answer wait
    /// for [`Self::hand_over`] or [`Self::fail`].
    fn complete(&mut self, finished: Finished, executor: &mut Executor) -> Result<(), ModelError>;

    /// Gives the requests without an answer to other executors.
    fn hand_over(&mut self);

    /// Answers all callers with this error of the device, and refuses what comes.
    fn fail(&mut self, lost: &ModelError);
}

/// A network's queue, which executors share, and the batches of one of them.
pub(super) struct ModelLane<Q, R> {
    pub(super) shared: Arc<SharedLane<Q, R>>,
    prepared: Option<Prepared<Q, R>>,
    /// In the order in which they were begun. Two at most: one whose replies are being made, and one on the device.
    running: VecDeque<Running<Q, R>>,
    /// Requests that a lost device has not answered.
    unanswered: Vec<(Q, Caller<R>)>,
}

/// A batch that waits for the device.
struct Prepared<Q, R> {
    requests: Vec<Q>,
    entries: Batch<Entry<R>>,
}

/// A batch that the device has begun.
struct Running<Q, R> {
    requests: Vec<Q>,
    callers: Vec<Caller<R>>,
    begun: SystemTime,
    /// Whether the device's memory kept it from being larger.
    was_cut_off: bool,
}

impl<Q: Send + 'static, R: Send + 'static> Lane for ModelLane<Q, R> {
    fn stage(&self) -> Stage {
        self.shared.stage
    }

    fn warm_up(&mut self, executor: &mut Executor) -> Result<(), ModelError> {
        self.run_samples(executor)
    }

    fn admit(&mut self) -> bool {
        self.shared.admit()
    }

    fn offer(&self) -> Option<Offer> {
        self.shared.queue().offer()
    }

    fn has_full_batch(&self) -> bool {
        self.shared.queue().has_full_batch()
    }

    fn bind(&mut self) -> bool {
        let batch = self.shared.queue().bind(|waiting| !waiting.entry.caller.reply.is_closed());
        self.shared.metrics.abandoned(batch.abandoned);
        let was_cut_off = batch.was_cut_off;
        let split = batch.members.into_iter().map(|member| {
            let Bound { item: Waiting { request, entry }, cost, since, turn } = member;
            (request, Bound { item: entry, cost, since, turn })
        });
        let (requests, members): (Vec<Q>, Vec<Bound<Entry<R>>>) = split.unzip();
        if requests.is_empty() {
            return false;
        }
        self.prepared = Some(Prepared { requests, entries: Batch { members, abandoned: 0, was_cut_off } });
        true
    }

    fn prepare(&mut self) -> Work {
        self.work(self.prepared.as_ref().map_or(&[][..], |prepared| &prepared.requests))
    }

    fn start(&mut self) {
        let Some(Prepared { requests, entries }) = self.prepared.take() else { return };
        self.shared.metrics.batch(requests.len(), entries.padded() as f64 / entries.real() as f64);
        self.shared.begun();
        let was_cut_off = entries.was_cut_off;
        let callers = self.leave_queue(entries);
        self.running.push_back(Running { requests, callers, begun: SystemTime::now(), was_cut_off });
    }

    fn withdraw(&mut self) {
        let Some(Prepared { requests, entries }) = self.prepared.take() else { return };
        let mut queue = self.shared.queue();
        for (request, Bound { item: entry, cost, since, turn }) in requests.into_iter().zip(entries.members) {
            queue.put_back(Bound { item: Waiting { request, entry }, cost, since, turn });
        }
    }

    fn measure(&mut self, took: Duration) {
        if let Some(running) = self.running.front() {
            let padded = self.shared.padded(&running.requests);
            self.shared.queue().batch_was_clean(padded, took, running.was_cut_off);
        }
    }

    fn complete(&mut self, finished: Finished, executor: &mut Executor) -> Result<(), ModelError> {
        let Some(Running { requests, callers, begun, .. }) = self.running.pop_front() else { return Ok(()) };
        let answers = self.answer(&requests, finished, executor);
        self.trace(&callers, begun, answers.iter().all(Result::is_ok));
        let mut lost = None;
        // After a stop there may be fewer answers: the other callers learn that the device has ended.
        for ((request, caller), answer) in requests.into_iter().zip(callers).zip(answers) {
            if let Err(error @ ModelError::DeviceLost(_)) = answer {
                self.unanswered.push((request, caller));
                lost = Some(error);
                continue;
            }
            self.shared.metrics.answered(outcome(&answer), caller.called.elapsed());
            // A caller that has gone needs no answer.
            let _ = caller.reply.send(answer.map_err(|source| self.shared.call_error(source)));
        }
        self.shared.answered();
        lost.map_or(Ok(()), Err)
    }

    fn hand_over(&mut self) {
        self.withdraw();
        let running = std::mem::take(&mut self.running);
        for Running { requests, callers, .. } in running {
            self.shared.answered();
            self.unanswered.extend(requests.into_iter().zip(callers));
        }
        let mut queue = self.shared.queue();
        for (request, caller) in self.unanswered.drain(..) {
            let (cost, since) = (self.shared.processor.cost(&request), caller.called);
            let entry = Entry { caller, place: None, queued: None };
            queue.push(Waiting { request, entry }, Flow::default(), cost, since);
        }
    }

    fn fail(&mut self, lost: &ModelError) {
        self.hand_over();
        self.shared.fail(&self.shared.call_error(lost.clone()));
    }
}

impl<Q: Send + 'static, R: Send + 'static> ModelLane<Q, R> {
    pub(super) fn new(shared: Arc<SharedLane<Q, R>>) -> Self {
        Self { shared, prepared: None, running: VecDeque::new(), unanswered: Vec::new() }
    }

    /// Prepares a batch. What fails here fails as if the forward pass had: in the order of the batches.
    pub(super) fn work(&self, batch: &[Q]) -> Work {
        Work::Forward { model: self.shared.model, input: caught(|| self.shared.processor.prepare(batch)) }
    }

    /// Reports a batch to the traces of the posts that it worked for.
    fn trace(&self, callers: &[Caller<R>], begun: SystemTime, is_clean: bool) {
        let members: Vec<_> = callers.iter().filter_map(|caller| caller.span).collect();
        if !members.is_empty() {
            let (stage, requests) = (self.shared.stage.as_str(), callers.len());
            self.shared.metrics.tracer().batch(BatchOfSpans { stage, begun, requests, members, is_clean });
        }
    }

    fn leave_queue(&self, entries: Batch<Entry<R>>) -> Vec<Caller<R>> {
        let now = std::time::Instant::now();
        // Places of one flow that follow each other are given back together, which costs as much as one.
        let mut places: Option<Permit> = None;
        let leave = |member: Bound<Entry<R>>| {
            self.shared.metrics.queued(now.saturating_duration_since(member.since));
            let Entry { caller, place, queued } = member.item;
            drop(queued);
            if let Some(place) = place {
                match &mut places {
                    Some(places) if Arc::ptr_eq(places.semaphore(), place.semaphore()) => places.merge(place),
                    _ => places = Some(place),
                }
            }
            caller
        };
        entries.members.into_iter().map(leave).collect()
    }

    /// The answers to a batch of which one attempt has finished.
    fn answer(
        &self,
        requests: &[Q],
        finished: Finished,
        executor: &mut Executor,
    ) -> Vec<Result<R, ModelError>> {
        let stop = self.shared.stop.clone();
        let (first, is_first) = (Cell::new(Some(finished)), Cell::new(true));
        answer_all(
            requests,
            || !is_first.get() && stop.is_told(),
            |part, before| {
                if before == Before::FreeMemory {
                    self.free_all(executor);
                }
                if part.len() < requests.len() {
                    self.shared.metrics.split();
                }
                let is_first = is_first.replace(false);
                let finished = first.take().unwrap_or_else(|| executor.run_alone(self.work(part)));
                self.shared.metrics.computed(finished.took);
                let replies = self.finish(part, finished.output);
                match &replies {
                    // The first was measured when it finished.
                    Ok(_) if is_first => (),
                    Ok(_) => {
                        let padded = self.shared.padded(part);
                        self.shared.queue().batch_was_clean(padded, finished.took, false);
                    }
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
        output.and_then(|output| caught(|| self.shared.processor.finish(batch, output)))
    }

    /// Takes in that a batch failed. A lone request tells nothing of the size that fits: it runs whatever its size is.
    pub(super) fn failed(&self, batch: &[Q], error: &ModelError) {
        match error {
            ModelError::OutOfMemory(_) => self.shared.metrics.out_of_memory(),
            ModelError::LibraryFailed(why) => {
                warn!(stage = %self.shared.stage, requests = batch.len(), why, "a library of the device failed");
            }
            ModelError::Failed(_) | ModelError::DeviceLost(_) => return,
        }
        if batch.len() > 1 {
            let padded = self.shared.padded(batch);
            self.shared.queue().memory_ran_out(padded);
        }
    }

    pub(super) fn free_all(&self, executor: &mut Executor) {
        warn!(stage = %self.shared.stage, "the networks free their caches: one request alone did not fit");
        executor.run_alone(Work::FreeAllMemory);
    }
}

fn outcome<R>(answer: &Result<R, ModelError>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Answered,
        Err(ModelError::DeviceLost(_)) => Outcome::DeviceLost,
        Err(_) => Outcome::Failed,
    }
}
