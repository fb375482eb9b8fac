//! Dispatcher: the host thread of an executor, which chooses the next batch, prepares it and answers its callers.
//!
//! The executors of a device draw from the same lanes: whoever is free binds the next batch. While an executor runs one
//! batch, its next one is prepared, but only where it is full and no executor is idle: a batch that could still grow is
//! bound when an executor is free.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::doorbell::{Doorbells, Rest};
use super::executor::{Executor, Finished};
use super::lane::Lane;
use super::{ModelError, Offer, Policy, Stop};
use crate::telemetry::Metrics;

/// The lanes of a device as one executor serves them, and its thread.
pub(super) struct Dispatcher {
    pub(super) lanes: Vec<Box<dyn Lane>>,
    executor: Executor,
    number: usize,
    doorbells: Arc<Doorbells>,
    stop: Stop,
    metrics: Arc<Metrics>,
    /// Of the device: held while one of its dispatchers chooses a batch and binds it.
    policy: Arc<Mutex<Policy>>,
    /// The lanes whose batches were submitted, in that order.
    submitted: VecDeque<usize>,
}

impl Dispatcher {
    pub(super) fn new(
        lanes: Vec<Box<dyn Lane>>,
        (executor, number): (Executor, usize),
        doorbells: Arc<Doorbells>,
        (stop, metrics): (Stop, Arc<Metrics>),
        policy: Arc<Mutex<Policy>>,
    ) -> Self {
        let submitted = VecDeque::new();
        Self { lanes, executor, number, doorbells, stop, metrics, policy, submitted }
    }

    /// Runs every network on its samples. The calling thread is the one that serves afterwards.
    pub(super) fn warm_up(&mut self) -> Result<(), ModelError> {
        self.doorbells.answer_to(self.number);
        self.lanes.iter_mut().try_for_each(|lane| {
            lane.warm_up(&mut self.executor)
                .map_err(|error| ModelError::DeviceLost(format!("warming up `{}`: {error}", lane.stage())))
        })
    }

    /// Runs batches until all callers have left and all calls are answered, or until the stop is told.
    pub(super) fn serve_all(&mut self) -> Result<(), ModelError> {
        let outcome = self.serve();
        self.doorbells.rests(self.number, Rest::Busy);
        outcome
    }

    fn serve(&mut self) -> Result<(), ModelError> {
        loop {
            if let Some(finished) = self.executor.poll() {
                self.complete(finished)?;
                continue;
            }
            let is_idle = self.executor.is_idle();
            if self.stop.is_told() {
                if is_idle {
                    return Ok(());
                }
                Doorbells::wait();
                continue;
            }
            // What comes after this look rings.
            self.doorbells.rests(self.number, self.rest());
            let more_can_come = self.admit();
            if self.dispatch() {
                continue;
            }
            if !is_idle {
                Doorbells::wait();
            } else if more_can_come {
                self.metrics.device().waits(self.number, Instant::now());
                Doorbells::wait();
                self.metrics.device().works(self.number, Instant::now());
            } else {
                return Ok(());
            }
        }
    }

    /// What this thread could do with a request while it sleeps.
    fn rest(&self) -> Rest {
        match (self.executor.is_idle(), self.executor.has_room()) {
            (true, _) => Rest::Idle,
            (false, true) => Rest::Overlapping,
            (false, false) => Rest::Busy,
        }
    }

    /// Gives the requests without an answer to the other executors.
    pub(super) fn hand_over(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.hand_over());
        self.doorbells.ring_all();
    }

    /// Answers all callers with the error that ended the device.
    pub(super) fn fail(&mut self, lost: &ModelError) {
        self.lanes.iter_mut().for_each(|lane| lane.fail(lost));
    }

    /// Takes in what has arrived, and says whether more can arrive.
    fn admit(&mut self) -> bool {
        self.lanes.iter_mut().fold(false, |more_can_come, lane| lane.admit() | more_can_come)
    }

    /// Binds, prepares and submits a batch where there is one to submit now. False where there is none.
    fn dispatch(&mut self) -> bool {
        if !self.executor.has_room() {
            return false;
        }
        let is_idle = self.executor.is_idle();
        if !is_idle && self.doorbells.has_idle() {
            self.doorbells.ring_one();
            return false;
        }
        let chosen = match self.bind(is_idle) {
            Choice::None => return false,
            Choice::NobodyWaits => return true,
            Choice::Bound(lane) => lane,
        };
        let lane = &mut self.lanes[chosen];
        let work = lane.prepare();
        if is_idle {
            lane.start();
        }
        self.executor.submit(work);
        self.submitted.push_back(chosen);
        true
    }

    /// Chooses a lane and binds its next batch. No other executor does so meanwhile.
    fn bind(&mut self, is_idle: bool) -> Choice {
        let mut policy = of(&self.policy);
        let offers: Vec<Option<Offer>> = self.lanes.iter().map(|lane| lane.offer()).collect();
        let Some(chosen) = policy.next(&offers, Instant::now()) else { return Choice::None };
        if !is_idle && !self.lanes[chosen].has_full_batch() {
            return Choice::None;
        }
        policy.note(chosen, &offers);
        if !self.lanes[chosen].bind() {
            return Choice::NobodyWaits;
        }
        let more_waits = self.lanes.iter().any(|lane| lane.offer().is_some());
        drop(policy);
        self.doorbells.rests(self.number, Rest::Busy);
        if more_waits {
            self.doorbells.ring_one();
        }
        Choice::Bound(chosen)
    }

    fn complete(&mut self, finished: Finished) -> Result<(), ModelError> {
        let Some(lane) = self.submitted.pop_front() else { return Ok(()) };
        if finished.is_next_withdrawn {
            if let Some(next) = self.submitted.pop_front() {
                self.lanes[next].withdraw();
            }
        } else if let Some(&next) = self.submitted.front() {
            self.lanes[next].start();
        }
        if finished.output.is_ok() {
            self.lanes[lane].measure(finished.took);
            // The device gets its next batch before this one's replies are made.
            if !self.stop.is_told() {
                self.admit();
                self.dispatch();
            }
        }
        self.lanes[lane].complete(finished, &mut self.executor)
    }
}

/// What came of looking for a batch.
enum Choice {
    /// There is none to run now.
    None,
    /// All callers of the batch had given up.
    NobodyWaits,
    /// The next batch of this lane is bound.
    Bound(usize),
}

fn of(policy: &Mutex<Policy>) -> MutexGuard<'_, Policy> {
    // Counts that a panic left half changed make one choice worse.
    policy.lock().unwrap_or_else(PoisonError::into_inner)
}
