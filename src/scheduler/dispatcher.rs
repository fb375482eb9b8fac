//! Dispatcher: the host thread that chooses the next batch, prepares it for the device and answers its callers.
//!
//! While the device runs one batch, the next one is prepared, but only where it is full: a batch that could still grow
//! is bound when the device is free.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::doorbell::Doorbell;
use super::executor::{Executor, Finished};
use super::lane::Lane;
use super::{ModelError, Offer, Policy, Stop};
use crate::telemetry::Metrics;

/// All lanes of one device, and its thread.
pub(super) struct Dispatcher {
    pub(super) lanes: Vec<Box<dyn Lane>>,
    pub(super) executor: Executor,
    pub(super) doorbell: Arc<Doorbell>,
    pub(super) stop: Stop,
    pub(super) metrics: Arc<Metrics>,
    policy: Policy,
    /// The lanes whose batches were submitted, in that order.
    submitted: VecDeque<usize>,
}

impl Dispatcher {
    pub(super) fn new(
        lanes: Vec<Box<dyn Lane>>,
        executor: Executor,
        doorbell: Arc<Doorbell>,
        stop: Stop,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (policy, submitted) = (Policy::default(), VecDeque::new());
        Self { lanes, executor, doorbell, stop, metrics, policy, submitted }
    }

    /// Runs every network on its samples.
    pub(super) fn warm_up(&mut self) -> Result<(), ModelError> {
        self.lanes.iter_mut().try_for_each(|lane| {
            lane.warm_up(&mut self.executor)
                .map_err(|error| ModelError::DeviceLost(format!("warming up `{}`: {error}", lane.stage())))
        })
    }

    /// Runs batches until all callers have left and all calls are answered, or until the stop is told.
    pub(super) fn serve_all(&mut self) -> Result<(), ModelError> {
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
                self.doorbell.wait();
                continue;
            }
            let more_can_come = self.admit();
            if self.dispatch() {
                continue;
            }
            if !is_idle {
                self.doorbell.wait();
            } else if more_can_come {
                self.metrics.device().waits(Instant::now());
                self.doorbell.wait();
                self.metrics.device().works(Instant::now());
            } else {
                return Ok(());
            }
        }
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
        let offers: Vec<Option<Offer>> = self.lanes.iter().map(|lane| lane.offer()).collect();
        let Some(chosen) = self.policy.next(&offers, Instant::now()) else { return false };
        let (lane, is_idle) = (&mut self.lanes[chosen], self.executor.is_idle());
        if !is_idle && !lane.has_full_batch() {
            return false;
        }
        self.policy.note(chosen, &offers);
        let Some(work) = lane.prepare() else { return true };
        if is_idle {
            self.start(chosen);
        }
        self.executor.submit(work);
        self.submitted.push_back(chosen);
        true
    }

    /// Takes in that the device begins the batch of a lane.
    fn start(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane];
        lane.start();
        self.metrics.work_progress().advance(lane.stage().as_str(), Instant::now());
    }

    fn complete(&mut self, finished: Finished) -> Result<(), ModelError> {
        let Some(lane) = self.submitted.pop_front() else { return Ok(()) };
        if finished.is_next_withdrawn {
            if let Some(next) = self.submitted.pop_front() {
                self.lanes[next].withdraw();
            }
        } else if let Some(&next) = self.submitted.front() {
            self.start(next);
        }
        if finished.output.is_ok() {
            self.lanes[lane].measure(finished.took);
            // The device gets its next batch before this one's replies are made.
            if !self.stop.is_told() {
                self.admit();
                self.dispatch();
            }
        }
        let lane = &mut self.lanes[lane];
        lane.complete(finished, &mut self.executor)?;
        let (progress, stage) = (self.metrics.work_progress(), lane.stage().as_str());
        if lane.is_running() {
            progress.advance(stage, Instant::now());
        } else {
            progress.finish(stage);
        }
        Ok(())
    }
}
