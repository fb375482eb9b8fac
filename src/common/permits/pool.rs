//! Permits: a number of units, bytes or threads, granted in the order of [`super::queue`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::queue::{self, Request};

/// Free units, and the requests that wait for some.
#[derive(Debug)]
pub(crate) struct PermitPool {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: u64,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    request: Request,
    grant: oneshot::Sender<Permit>,
}

impl PermitPool {
    pub(crate) fn new(capacity: u64) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { free: capacity, waiting: Vec::new() }) })
    }

    /// Waits for `need` units, which must not be more than the capacity; a request for none does not wait. `work` is
    /// about how long a thread will be busy with what they are for.
    pub(crate) async fn acquire(self: &Arc<Self>, need: u64, work: Duration) -> Permit {
        if need == 0 {
            return Permit { gate: Arc::clone(self), units: 0 };
        }
        let (grant, granted) = oneshot::channel();
        let request = Request { need, work, since: Instant::now() };
        locked(&self.state).waiting.push(Waiting { request, grant });
        self.admit(Instant::now());
        granted.await.unwrap_or_else(|_| unreachable!("a request is kept as long as its caller waits"))
    }

    /// Grants free units.
    fn admit(self: &Arc<Self>, now: Instant) {
        let mut granted = Vec::new();
        {
            let mut state = locked(&self.state);
            // Requests whose posts were given up.
            state.waiting.retain(|waiting| !waiting.grant.is_closed());
            while let Some(index) = queue::next(state.waiting.iter().map(|w| &w.request), state.free, now) {
                // In order, so that the earlier of equals stays the earlier.
                let Waiting { request, grant } = state.waiting.remove(index);
                state.free -= request.need;
                granted.push((grant, Permit { gate: Arc::clone(self), units: request.need }));
            }
        }
        for (grant, permit) in granted {
            // A caller that has just gone gives its units back by dropping the permit.
            drop(grant.send(permit));
        }
    }

    fn give_back(self: &Arc<Self>, units: u64) {
        if units > 0 {
            locked(&self.state).free += units;
            self.admit(Instant::now());
        }
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> u64 {
        locked(&self.state).free
    }

    /// Number of waiting requests.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        locked(&self.state).waiting.len()
    }
}

/// Granted units, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<PermitPool>,
    units: u64,
}

impl Permit {
    /// Gives back all but `units`.
    pub(crate) fn shrink_to(&mut self, units: u64) {
        let surplus = self.units.saturating_sub(units);
        self.units -= surplus;
        self.gate.give_back(surplus);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.give_back(self.units);
    }
}

/// The state is consistent at every point where a panic could leave the lock.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn units_are_handed_out_given_back_and_never_lost() {
        let gate = PermitPool::new(10);
        let mut first = gate.acquire(10, MOMENT).now_or_never().unwrap();
        assert_eq!(gate.acquire(0, MOMENT).now_or_never().unwrap().units, 0, "nothing is always there");
        let mut second = Box::pin(gate.acquire(4, MOMENT));
        let mut third = Box::pin(gate.acquire(4, MOMENT));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        first.shrink_to(5);
        let second = second.now_or_never().unwrap();
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!((gate.free(), gate.waiting()), (1, 1));
        drop(first);
        // The third request was granted, and its caller goes before it is polled.
        drop(third);
        assert_eq!(gate.free(), 6);
        drop(second);
        assert_eq!((gate.free(), gate.waiting()), (10, 0));
    }

    #[test]
    fn a_request_whose_caller_is_gone_is_dropped() {
        let gate = PermitPool::new(1);
        let held = gate.acquire(1, MOMENT).now_or_never().unwrap();
        let mut gone = Box::pin(gate.acquire(1, MOMENT));
        let mut next = Box::pin(gate.acquire(1, MOMENT));
        assert!(gone.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(held);
        assert!(next.now_or_never().is_some());
    }
}
