//! Queue limit for each flow: how many requests of one flow may be in a lane; its further calls wait for a permit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Flow;

/// A request's place in a lane's queue, released when it is dropped.
pub(super) type Permit = OwnedSemaphorePermit;

/// The places of a lane, the same number for each flow. A call waits only behind calls of its own flow.
pub(super) struct FlowLimits {
    places: usize,
    permits: Mutex<Permits>,
}

struct Permits {
    /// Kept alive by requests that hold or await a place: a flow that has ended leaves only an empty entry.
    by_flow: HashMap<Flow, Weak<Semaphore>>,
    /// Number of entries at which empty ones are removed. It grows with the entries, so the cost for each flow is
    /// constant.
    clear_at: usize,
    is_closed: bool,
}

/// Below this number of entries removal does not pay: a few times the posts in flight.
const MIN_ENTRIES: usize = 256;

impl FlowLimits {
    /// `places` for each flow.
    pub(super) fn new(places: usize) -> Self {
        let permits = Permits { by_flow: HashMap::new(), clear_at: MIN_ENTRIES, is_closed: false };
        Self { places, permits: Mutex::new(permits) }
    }

    /// Waits for a place; none if the lane is closed.
    pub(super) async fn place(&self, flow: Flow) -> Option<Permit> {
        let semaphore = self.permits().semaphore(flow, self.places)?;
        semaphore.acquire_owned().await.ok()
    }

    /// Refuses all calls from now on, including those that wait for a place.
    pub(super) fn close(&self) {
        let mut permits = self.permits();
        permits.is_closed = true;
        let semaphores = permits.by_flow.drain().filter_map(|(_, semaphore)| semaphore.upgrade());
        semaphores.for_each(|semaphore| semaphore.close());
    }

    fn permits(&self) -> MutexGuard<'_, Permits> {
        // A panic cannot leave it half changed.
        self.permits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permits {
    fn semaphore(&mut self, flow: Flow, places: usize) -> Option<Arc<Semaphore>> {
        if self.is_closed {
            return None;
        }
        if let Some(semaphore) = self.by_flow.get(&flow).and_then(Weak::upgrade) {
            return Some(semaphore);
        }
        if self.by_flow.len() >= self.clear_at {
            self.by_flow.retain(|_, semaphore| semaphore.strong_count() > 0);
            self.clear_at = MIN_ENTRIES.max(2 * self.by_flow.len());
        }
        let semaphore = Arc::new(Semaphore::new(places));
        self.by_flow.insert(flow, Arc::downgrade(&semaphore));
        Some(semaphore)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::super::Flows;
    use super::*;

    #[test]
    fn a_flow_at_its_limit_takes_no_place_of_another() {
        let (limits, flows) = (FlowLimits::new(2), Flows::default());
        let (crowd, newcomer) = (flows.begin(), flows.begin());
        let place = |flow| limits.place(flow).now_or_never();
        let held = [place(crowd), place(crowd)];
        assert!(held.iter().all(|place| matches!(place, Some(Some(_)))));
        let mut third = pin!(limits.place(crowd));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(matches!(place(newcomer), Some(Some(_))));
        drop(held);
        assert!(matches!(third.now_or_never(), Some(Some(_))));
    }

    #[test]
    fn waiting_calls_are_refused_when_the_lane_closes() {
        let (limits, flow) = (FlowLimits::new(1), Flow::default());
        let held = limits.place(flow).now_or_never();
        let mut waiting = pin!(limits.place(flow));
        assert!(waiting.as_mut().now_or_never().is_none());
        limits.close();
        assert!(matches!(waiting.now_or_never(), Some(None)));
        drop(held);
        assert!(matches!(limits.place(Flow::default()).now_or_never(), Some(None)));
    }

    #[test]
    fn entries_of_ended_flows_are_removed() {
        let (limits, flows) = (FlowLimits::new(1), Flows::default());
        let stays = flows.begin();
        let held = limits.place(stays).now_or_never();
        for _ in 0..100_000 {
            assert!(matches!(limits.place(flows.begin()).now_or_never(), Some(Some(_))));
        }
        assert!(limits.permits().by_flow.len() <= MIN_ENTRIES);
        assert!(limits.permits().by_flow.contains_key(&stays));
        drop(held);
    }
}
