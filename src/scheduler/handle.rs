//! Handle: queues one request in a lane and waits for its reply.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::doorbell::Doorbells;
use super::flow_limit::{FlowLimits, Permit};
use super::{Cost, Flow, ModelError};
use crate::domain::Stage;
use crate::telemetry::{Queued, StageMetrics};

/// Calls one network on one device. Cloning is cheap; the device ends when all handles to it are gone.
pub struct Handle<Q, R> {
    presence: Arc<CallerGuard<Q, R>>,
}

/// Why a call got no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The network failed on this request alone. The same request would fail again.
    #[error("the network of stage `{stage}` cannot answer this request")]
    ModelFailed {
        /// Whose network.
        stage: Stage,
        /// What it said.
        #[source]
        source: ModelError,
    },
    /// The device will not answer again in this process; another process may.
    #[error("stage `{stage}` lost its device")]
    DeviceLost {
        /// Whose network.
        stage: Stage,
        /// What the device said.
        #[source]
        source: ModelError,
    },
    /// The device has ended, or never started: the engine is shutting down.
    #[error("stage `{stage}` takes no more requests")]
    Closed {
        /// Whose network.
        stage: Stage,
    },
}

impl CallError {
    /// The stage that was called.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::ModelFailed { stage, .. } | Self::DeviceLost { stage, .. } | Self::Closed { stage } => {
                *stage
            }
        }
    }

    /// Whether the same request may get a reply from another process: the request is not at fault.
    #[must_use]
    pub fn retry_can_help(&self) -> bool {
        !matches!(self, Self::ModelFailed { .. })
    }
}

impl<Q, R> Handle<Q, R> {
    pub(super) fn new(port: Arc<Port<Q, R>>) -> Self {
        Self { presence: Arc::new(CallerGuard(port)) }
    }

    /// Queues a request of a flow and waits for its reply. A flow at its limit in the lane waits for a place first.
    ///
    /// A call that is dropped before its batch is bound costs the device nothing.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, flow: Flow, request: Q) -> Result<R, CallError> {
        let port = &self.presence.0;
        let called = Instant::now();
        let queued = port.metrics.queue();
        let place = port.permits.place(flow).await.ok_or_else(|| port.why_closed())?;
        let (reply, answer) = oneshot::channel();
        let cost = (port.cost)(&request);
        port.push(Arrival { request, flow, cost, reply, called, since: Instant::now(), place, queued })?;
        port.doorbells.ring_one();
        // The sender is dropped without a reply when the device ends.
        answer.await.unwrap_or_else(|_| Err(port.why_closed()))
    }
}

impl<Q, R> Clone for Handle<Q, R> {
    fn clone(&self) -> Self {
        Self { presence: Arc::clone(&self.presence) }
    }
}

/// Ends the lane's intake with the last clone of its handle.
struct CallerGuard<Q, R>(Arc<Port<Q, R>>);

impl<Q, R> Drop for CallerGuard<Q, R> {
    fn drop(&mut self) {
        self.0.inbox().callers_left = true;
        self.0.doorbells.ring_all();
    }
}

/// A request that has not reached its lane.
pub(super) struct Arrival<Q, R> {
    pub(super) request: Q,
    pub(super) flow: Flow,
    pub(super) cost: Cost,
    pub(super) reply: oneshot::Sender<Result<R, CallError>>,
    /// When the caller called: includes the wait for a place.
    pub(super) called: Instant,
    /// When it was queued.
    pub(super) since: Instant,
    pub(super) place: Permit,
    /// Counts it for as long as it waits for its batch.
    pub(super) queued: Queued,
}

/// The cost of a request.
type CostOf<Q> = Box<dyn Fn(&Q) -> Cost + Send + Sync>;

/// The inbox between callers and their lane.
pub(super) struct Port<Q, R> {
    stage: Stage,
    /// Runs in the caller's task, so that a panic is the caller's own.
    cost: CostOf<Q>,
    permits: FlowLimits,
    inbox: Mutex<Inbox<Q, R>>,
    doorbells: Arc<Doorbells>,
    metrics: StageMetrics,
}

struct Inbox<Q, R> {
    arrivals: Vec<Arrival<Q, R>>,
    callers_left: bool,
    closed: Option<CallError>,
}

impl<Q, R> Port<Q, R> {
    /// A port with `places` for each flow.
    pub(super) fn new(
        stage: Stage,
        cost: CostOf<Q>,
        places: usize,
        (doorbells, metrics): (Arc<Doorbells>, StageMetrics),
    ) -> Arc<Self> {
        let inbox = Mutex::new(Inbox { arrivals: Vec::new(), callers_left: false, closed: None });
        Arc::new(Self { stage, cost, permits: FlowLimits::new(places), inbox, doorbells, metrics })
    }

    /// Takes what has arrived, and says whether more can arrive.
    pub(super) fn collect(&self) -> (Vec<Arrival<Q, R>>, bool) {
        let mut inbox = self.inbox();
        (std::mem::take(&mut inbox.arrivals), !inbox.callers_left)
    }

    /// Refuses all calls from now on, and answers those that have arrived or wait for a place. The first reason stays.
    pub(super) fn close(&self, reason: &CallError) {
        let arrivals = {
            let mut inbox = self.inbox();
            inbox.closed.get_or_insert_with(|| reason.clone());
            std::mem::take(&mut inbox.arrivals)
        };
        self.permits.close();
        for arrival in arrivals {
            // A caller that has gone needs no answer.
            let _ = arrival.reply.send(Err(reason.clone()));
        }
    }

    fn push(&self, arrival: Arrival<Q, R>) -> Result<(), CallError> {
        let mut inbox = self.inbox();
        if let Some(reason) = &inbox.closed {
            return Err(reason.clone());
        }
        inbox.arrivals.push(arrival);
        Ok(())
    }

    fn why_closed(&self) -> CallError {
        self.inbox().closed.clone().unwrap_or(CallError::Closed { stage: self.stage })
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox<Q, R>> {
        // A panic cannot leave the inbox half changed.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;
    use crate::telemetry::Metrics;

    fn port(places: usize) -> Arc<Port<u32, u32>> {
        counted_port(places, &Metrics::new())
    }

    fn counted_port(places: usize, metrics: &Metrics) -> Arc<Port<u32, u32>> {
        Port::new(
            Stage::Ground,
            Box::new(|_| Cost(1)),
            places,
            (Arc::new(Doorbells::new(1)), metrics.stage(Stage::Ground)),
        )
    }

    #[test]
    fn a_call_is_queued_until_its_batch_is_bound_or_it_is_given_up() {
        let metrics = Metrics::new();
        let port = counted_port(1, &metrics);
        let handle = Handle::new(Arc::clone(&port));
        let is_depth = |depth: u32| {
            let line = format!("\nriveg_stage_queue_depth{{stage=\"ground\"}} {depth}\n");
            assert!(metrics.render().contains(&line), "{line} in\n{}", metrics.render());
        };
        let [mut first, mut second] = [1, 2].map(|number| Box::pin(handle.call(flow(), number)));
        is_depth(0);
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        is_depth(2);
        drop(port.collect());
        is_depth(1);
        drop(second);
        is_depth(0);
    }

    fn flow() -> Flow {
        Flow::default()
    }

    #[test]
    fn a_call_beyond_the_places_of_its_flow_is_queued_only_when_one_is_given_back() {
        let port = port(2);
        let handle = Handle::new(Arc::clone(&port));
        let mut calls: Vec<_> = (0..3).map(|number| Box::pin(handle.call(flow(), number))).collect();
        for call in &mut calls {
            assert!(call.now_or_never().is_none());
        }
        let numbers = |arrivals: &[Arrival<u32, u32>]| -> Vec<u32> {
            arrivals.iter().map(|arrival| arrival.request).collect()
        };
        let mut arrivals = port.collect().0;
        assert_eq!(numbers(&arrivals), [0, 1]);
        assert!((&mut calls[2]).now_or_never().is_none());
        assert!(port.collect().0.is_empty(), "its flow has no place");
        arrivals.pop();
        assert!((&mut calls[2]).now_or_never().is_none());
        assert_eq!(numbers(&port.collect().0), [2]);
    }

    #[test]
    fn a_call_that_is_given_up_while_it_waits_for_a_place_takes_none() {
        let port = port(1);
        let handle = Handle::new(Arc::clone(&port));
        let mut first = pin!(handle.call(flow(), 1));
        assert!(first.as_mut().now_or_never().is_none());
        {
            let mut second = pin!(handle.call(flow(), 2));
            assert!(second.as_mut().now_or_never().is_none());
        }
        assert_eq!(port.collect().0.len(), 1, "the first");
        let mut third = pin!(handle.call(flow(), 3));
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!(port.collect().0.len(), 1, "the third");
    }

    #[test]
    fn the_first_reason_for_closing_stays() {
        let port = port(1);
        let handle = Handle::new(Arc::clone(&port));
        let source = ModelError::DeviceLost("gone".to_owned());
        let lost = CallError::DeviceLost { stage: Stage::Ground, source };
        port.close(&lost);
        port.close(&CallError::Closed { stage: Stage::Ground });
        assert_eq!(handle.call(flow(), 1).now_or_never(), Some(Err(lost)));
    }

    #[test]
    fn a_request_that_had_a_place_when_the_port_closed_is_refused() {
        let port = port(1);
        let closed = CallError::Closed { stage: Stage::Ground };
        let Some(Some(place)) = port.permits.place(flow()).now_or_never() else { panic!("there is a place") };
        port.close(&closed);
        let (reply, _answer) = oneshot::channel();
        let now = Instant::now();
        let (cost, queued) = (Cost(1), port.metrics.queue());
        let arrival =
            Arrival { request: 1, flow: flow(), cost, reply, called: now, since: now, place, queued };
        assert_eq!(port.push(arrival), Err(closed));
    }
}
