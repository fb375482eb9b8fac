//! Shared lane: what all executors of a device share of one network: its queue, its port, and what is measured of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::erased::AnyProcessor;
use super::flow_limit::Permit;
use super::handle::{Arrival, Port};
use super::{Budget, CallError, ModelError, Queue, Samples, Stop};
use crate::domain::Stage;
use crate::telemetry::traces::SpanContext;
use crate::telemetry::{Outcome, Queued, StageMetrics, WorkProgress};

/// One network's host half, its queue, and the port at which its callers reach it.
pub(super) struct SharedLane<Q, R> {
    pub(super) stage: Stage,
    pub(super) processor: Arc<AnyProcessor<Q, R>>,
    /// The device half's number in each executor.
    pub(super) model: usize,
    pub(super) budget: Budget,
    pub(super) port: Arc<Port<Q, R>>,
    /// The device's, looked at between two runs.
    pub(super) stop: Stop,
    pub(super) metrics: StageMetrics,
    queue: Mutex<Queue<Waiting<Q, R>>>,
    samples: Mutex<Samples<Q>>,
    /// Batches that were begun whose callers have no answer.
    running: Mutex<usize>,
    progress: WorkProgress,
}

/// A request in the queue.
pub(super) struct Waiting<Q, R> {
    pub(super) request: Q,
    pub(super) entry: Entry<R>,
}

/// Who waits for a reply, and what a request holds of its lane until its batch is begun or it is given up.
pub(super) struct Entry<R> {
    pub(super) caller: Caller<R>,
    /// None where the request was handed over by another executor: it had left the queue.
    pub(super) place: Option<Permit>,
    pub(super) queued: Option<Queued>,
}

pub(super) struct Caller<R> {
    pub(super) reply: oneshot::Sender<Result<R, CallError>>,
    pub(super) called: Instant,
    /// The span of its stage, if its post is traced.
    pub(super) span: Option<SpanContext>,
}

impl<Q: Send + 'static, R: Send + 'static> SharedLane<Q, R> {
    pub(super) fn new(
        (stage, model): (Stage, usize),
        processor: Arc<AnyProcessor<Q, R>>,
        (budget, samples): (Budget, Samples<Q>),
        port: Arc<Port<Q, R>>,
        (stop, metrics, progress): (Stop, StageMetrics, WorkProgress),
    ) -> Arc<Self> {
        let (queue, samples) = (Mutex::new(Queue::new(budget)), Mutex::new(samples));
        let running = Mutex::new(0);
        Arc::new(Self {
            stage,
            processor,
            model,
            budget,
            port,
            stop,
            metrics,
            queue,
            samples,
            running,
            progress,
        })
    }

    /// Takes in what has arrived. False once nothing more can: all callers have left.
    pub(super) fn admit(&self) -> bool {
        let (arrivals, more_can_come) = self.port.collect();
        if !arrivals.is_empty() {
            let mut queue = self.queue();
            for Arrival { request, flow, cost, reply, called, since, place, queued } in arrivals {
                let caller = Caller { reply, called, span: flow.span() };
                let entry = Entry { caller, place: Some(place), queued: Some(queued) };
                queue.push(Waiting { request, entry }, flow, cost, since);
            }
        }
        more_can_come
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue<Waiting<Q, R>>> {
        // A panic of the queue would be a fault of its own code, and would leave requests that are answered or dropped.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next samples, at most `count`.
    pub(super) fn take_samples(&self, count: usize) -> Vec<Q> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).by_ref().take(count).collect()
    }

    /// An executor has begun a batch.
    pub(super) fn begun(&self) {
        let mut running = self.running();
        *running += 1;
        self.progress.advance(self.stage.as_str(), Instant::now());
    }

    /// The callers of a batch that was begun have their answers.
    pub(super) fn answered(&self) {
        let mut running = self.running();
        *running = running.saturating_sub(1);
        if *running == 0 {
            self.progress.finish(self.stage.as_str());
        } else {
            self.progress.advance(self.stage.as_str(), Instant::now());
        }
    }

    /// Answers those who wait with this error of the device, and refuses what comes.
    pub(super) fn fail(&self, reason: &CallError) {
        self.port.close(reason);
        while let Some(waiting) = self.queue().pop_any() {
            self.refuse(waiting.entry.caller, reason);
        }
    }

    /// Answers a caller with an error of the device.
    pub(super) fn refuse(&self, caller: Caller<R>, reason: &CallError) {
        self.metrics.answered(Outcome::DeviceLost, caller.called.elapsed());
        // A caller that has gone needs no answer.
        let _ = caller.reply.send(Err(reason.clone()));
    }

    pub(super) fn call_error(&self, source: ModelError) -> CallError {
        let stage = self.stage;
        match source {
            ModelError::DeviceLost(_) => CallError::DeviceLost { stage, source },
            _ => CallError::ModelFailed { stage, source },
        }
    }

    /// What a batch costs: each member is as wide as the widest.
    pub(super) fn padded(&self, batch: &[Q]) -> u64 {
        let widest = batch.iter().map(|request| self.processor.cost(request).0.max(1)).max().unwrap_or(1);
        batch.len() as u64 * u64::from(widest)
    }

    fn running(&self) -> MutexGuard<'_, usize> {
        // Every change is one assignment: a panic leaves nothing half done.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, R> Drop for SharedLane<Q, R> {
    /// However the executors end, no caller waits in vain.
    fn drop(&mut self) {
        self.port.close(&CallError::Closed { stage: self.stage });
    }
}
