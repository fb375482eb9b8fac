//! One network on its device: requests come in from its port, batches run, and every caller is answered.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::warn;

use super::attempt::{Before, answer_all, attempt};
use super::handle::{Arrival, Port};
use super::rooms::Place;
use super::{Batch, Budget, CallError, Model, ModelError, Offer, Queue, Samples, Stop};
use crate::domain::Stage;
use crate::telemetry::{Outcome, Queued, StageMetrics};

/// A lane as its device sees it, whatever its model answers.
pub(super) trait Lane: Send {
    /// The stage whose network this is.
    fn stage(&self) -> Stage;

    /// Runs the network on samples, small batches first, until it is warm and its rates are known.
    fn warm_up(&mut self, others: &mut Others<'_>) -> Result<(), ModelError>;

    /// Takes in what has arrived. False once nothing more can: all callers have left.
    fn admit(&mut self) -> bool;

    /// What it could run now.
    fn offer(&self) -> Option<Offer>;

    /// Binds a batch, runs it and answers its callers. An error is a lost device.
    fn serve(&mut self, others: &mut Others<'_>) -> Result<(), ModelError>;

    /// Has the network give back what it only remembers.
    fn free_memory(&mut self);

    /// Answers all that wait with this error of the device, and refuses what comes.
    fn fail(&mut self, lost: &ModelError);
}

/// The other lanes of the device, whose networks take up the same memory.
pub(super) struct Others<'a> {
    pub(super) before: &'a mut [Box<dyn Lane>],
    pub(super) after: &'a mut [Box<dyn Lane>],
}

impl Others<'_> {
    fn free_memory(&mut self) {
        self.before.iter_mut().chain(self.after.iter_mut()).for_each(|lane| lane.free_memory());
    }
}

/// A model, what waits for it, and where callers reach it.
pub(super) struct ModelLane<M: Model> {
    pub(super) stage: Stage,
    pub(super) model: M,
    pub(super) budget: Budget,
    /// Requests to warm up with; none left afterwards.
    pub(super) samples: Samples<M::Request>,
    pub(super) queue: Queue<Waiting<M>>,
    pub(super) port: Arc<Port<M::Request, M::Reply>>,
    /// The device's, looked at between two runs.
    pub(super) stop: Stop,
    pub(super) metrics: StageMetrics,
}

/// A run that takes so long tells what its size costs at once: what the first run allocates and tunes takes far less.
const LONG_RUN: Duration = Duration::from_secs(2);

/// A batch of samples that was answered.
struct Sampled {
    requests: usize,
    padded: u64,
    took: Duration,
}

/// A request and who waits for its reply.
pub(super) struct Waiting<M: Model> {
    request: M::Request,
    caller: Caller<M::Reply>,
    /// Free for another request of the flow when this one is bound or given up.
    place: Place,
    queued: Queued,
}

struct Caller<R> {
    reply: oneshot::Sender<Result<R, CallError>>,
    called: Instant,
}

impl<M: Model> Lane for ModelLane<M> {
    fn stage(&self) -> Stage {
        self.stage
    }

    fn warm_up(&mut self, others: &mut Others<'_>) -> Result<(), ModelError> {
        for size in warm_up_sizes(self.budget.max_requests.get()) {
            if self.stop.is_told() {
                return Ok(());
            }
            // The first run of a size allocates and tunes; only the second tells what it costs.
            let Some(first) = self.sampled(size, others) else { break };
            let told = match first {
                Ok(batch) if batch.took < LONG_RUN => self.sampled(size, others).unwrap_or(Ok(batch)),
                first => first,
            };
            match told {
                Ok(batch) => {
                    self.queue.batch_was_clean(batch.padded, batch.took);
                    if batch.requests < size {
                        break;
                    }
                }
                Err(ModelError::OutOfMemory(_) | ModelError::LibraryFailed(_)) if size > 1 => break,
                Err(error) => return Err(error),
            }
        }
        self.samples = Box::new(std::iter::empty());
        // No post will ask about the samples' pictures.
        self.free_memory();
        Ok(())
    }

    fn admit(&mut self) -> bool {
        let (arrivals, more_can_come) = self.port.collect();
        for Arrival { request, flow, cost, reply, called, since, place, queued } in arrivals {
            let waiting = Waiting { request, caller: Caller { reply, called }, place, queued };
            self.queue.push(waiting, flow, cost, since);
        }
        more_can_come
    }

    fn offer(&self) -> Option<Offer> {
        self.queue.offer()
    }

    fn serve(&mut self, others: &mut Others<'_>) -> Result<(), ModelError> {
        let batch = self.queue.bind(|waiting| !waiting.caller.reply.is_closed());
        self.metrics.abandoned(batch.abandoned);
        if batch.members.is_empty() {
            return Ok(());
        }
        self.metrics.batch(batch.members.len(), batch.padded() as f64 / batch.real() as f64);
        let (requests, callers) = self.unpack(batch);
        let answers = self.run(&requests, others);
        let lost = answers.iter().find_map(|answer| match answer {
            Err(lost @ ModelError::DeviceLost(_)) => Some(lost.clone()),
            _ => None,
        });
        // Where it was told to stop there are fewer answers: the other callers learn that the device has ended.
        for (caller, answer) in callers.into_iter().zip(answers) {
            self.metrics.answered(outcome(&answer), caller.called.elapsed());
            // A caller that has gone needs no answer.
            let _ = caller.reply.send(answer.map_err(|source| self.call_error(source)));
        }
        lost.map_or(Ok(()), Err)
    }

    fn free_memory(&mut self) {
        // One that panics holds what it holds.
        let _ = catch_unwind(AssertUnwindSafe(|| self.model.free_memory()));
    }

    fn fail(&mut self, lost: &ModelError) {
        let reason = self.call_error(lost.clone());
        self.port.close(&reason);
        while let Some(waiting) = self.queue.pop_any() {
            self.metrics.answered(Outcome::DeviceLost, waiting.caller.called.elapsed());
            let _ = waiting.caller.reply.send(Err(reason.clone()));
        }
    }
}

impl<M: Model> Drop for ModelLane<M> {
    /// However the device's thread ends, nobody waits for it in vain.
    fn drop(&mut self) {
        self.port.close(&CallError::Closed { stage: self.stage });
    }
}

impl<M: Model> ModelLane<M> {
    fn unpack(&self, batch: Batch<Waiting<M>>) -> (Vec<M::Request>, Vec<Caller<M::Reply>>) {
        let now = Instant::now();
        // Places of one flow that follow each other are given back together, which costs as much as one.
        let mut places: Option<Place> = None;
        let members = batch.members.into_iter();
        members
            .map(|member| {
                self.metrics.queued(now.saturating_duration_since(member.since));
                let Waiting { request, caller, place, queued } = member.item;
                drop(queued);
                match &mut places {
                    Some(places) if Arc::ptr_eq(places.semaphore(), place.semaphore()) => places.merge(place),
                    _ => places = Some(place),
                }
                (request, caller)
            })
            .unzip()
    }

    fn run(&mut self, requests: &[M::Request], others: &mut Others<'_>) -> Vec<Result<M::Reply, ModelError>> {
        let stop = self.stop.clone();
        answer_all(
            requests,
            || stop.is_told(),
            |part, before| {
                if before == Before::FreeMemory {
                    self.free_all(others);
                }
                let started = Instant::now();
                let replies = run_caught(&mut self.model, part);
                let took = started.elapsed();
                self.metrics.computed(took);
                if part.len() < requests.len() {
                    self.metrics.split();
                }
                match &replies {
                    Ok(_) => self.queue.batch_was_clean(padded::<M>(part), took),
                    Err(error) => self.failed(part, error),
                }
                replies
            },
        )
    }

    /// Takes in that a batch failed. A lone request says nothing of the size that fits: it runs whatever its size is.
    fn failed(&mut self, batch: &[M::Request], error: &ModelError) {
        match error {
            ModelError::OutOfMemory(_) => self.metrics.out_of_memory(),
            ModelError::LibraryFailed(why) => {
                warn!(stage = %self.stage, requests = batch.len(), why, "a library of the device failed");
            }
            ModelError::Failed(_) | ModelError::DeviceLost(_) => return,
        }
        if batch.len() > 1 {
            self.queue.memory_ran_out(padded::<M>(batch));
        }
    }

    /// Runs the network on so many samples, or as many as the budget allows; none where there are no more. One alone is
    /// tried again as a request would be.
    fn sampled(&mut self, size: usize, others: &mut Others<'_>) -> Option<Result<Sampled, ModelError>> {
        let mut batch: Vec<M::Request> = self.samples.by_ref().take(size).collect();
        while batch.len() > 1 && padded::<M>(&batch) > u64::from(self.budget.max_tokens) {
            batch.pop();
        }
        if batch.is_empty() {
            return None;
        }
        let mut took = Duration::ZERO;
        let outcome = attempt(&batch, |batch, before| {
            if before == Before::FreeMemory {
                self.free_all(others);
            }
            let started = Instant::now();
            let replies = run_caught(&mut self.model, batch);
            took = started.elapsed();
            replies
        });
        let outcome = outcome.inspect_err(|error| self.failed(&batch, error));
        Some(outcome.map(|_| Sampled { requests: batch.len(), padded: padded::<M>(&batch), took }))
    }

    fn free_all(&mut self, others: &mut Others<'_>) {
        warn!(stage = %self.stage, "the device gives back what it remembers: one request alone did not fit");
        self.free_memory();
        others.free_memory();
    }

    fn call_error(&self, source: ModelError) -> CallError {
        let stage = self.stage;
        match source {
            ModelError::DeviceLost(_) => CallError::DeviceLost { stage, source },
            _ => CallError::ModelFailed { stage, source },
        }
    }
}

/// The one place that catches what libtorch throws. A model's own state is weights, which a forward pass only reads,
/// and what it remembers of pictures, which it fills last: unwinding leaves both whole.
fn run_caught<M: Model>(model: &mut M, batch: &[M::Request]) -> Result<Vec<M::Reply>, ModelError> {
    catch_unwind(AssertUnwindSafe(|| model.run(batch))).unwrap_or_else(|panic| {
        Err(ModelError::from_message(format!("panicked: {}", panic_message(&*panic))))
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

fn padded<M: Model>(batch: &[M::Request]) -> u64 {
    let widest = batch.iter().map(|request| M::cost(request).0.max(1)).max().unwrap_or(1);
    batch.len() as u64 * u64::from(widest)
}

fn outcome<R>(answer: &Result<R, ModelError>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Answered,
        Err(ModelError::DeviceLost(_)) => Outcome::DeviceLost,
        Err(_) => Outcome::Failed,
    }
}

/// Powers of two below, then the largest: enough to see the knee, in at most twice the time of the largest.
fn warm_up_sizes(largest: usize) -> impl Iterator<Item = usize> {
    let below = (0..usize::BITS).map(|power| 1_usize << power).take_while(move |&size| size < largest);
    below.chain((largest > 0).then_some(largest))
}
