//! Whose turn is it at this host? So many requests at one time to each, and to all together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Hands out turns. Hosts are known only while somebody asks or waits there, so their number is that of the askers.
#[derive(Debug)]
pub(super) struct Turns {
    per_host: usize,
    all: Semaphore,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A turn, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    // In this order: a host is forgotten when its last permit is back.
    _all: SemaphorePermit<'a>,
    _at_host: AtHost<'a>,
}

/// Someone who asks or waits at a host.
#[derive(Debug)]
struct AtHost<'a> {
    permit: Option<OwnedSemaphorePermit>,
    turns: &'a Turns,
    host: String,
}

impl Turns {
    pub(super) fn new(per_host: usize, at_once: usize) -> Self {
        Self { per_host, all: Semaphore::new(at_once), hosts: Mutex::default() }
    }

    /// Waits for a turn at a host. Who waits for a slow host holds nothing that others wait for.
    pub(super) async fn take(&self, host: &str) -> Turn<'_> {
        let places = {
            let mut hosts = self.hosts();
            let places =
                hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host)));
            Arc::clone(places)
        };
        let mut at_host = AtHost { permit: None, turns: self, host: host.to_owned() };
        let (Ok(permit), Ok(all)) = (places.acquire_owned().await, self.all.acquire().await) else {
            unreachable!("nobody closes these semaphores")
        };
        at_host.permit = Some(permit);
        Turn { _all: all, _at_host: at_host }
    }

    /// How many ask or wait at a host.
    #[cfg(test)]
    pub(super) fn waiting_or_asking(&self, host: &str) -> usize {
        // The map holds one, and a permit or a wait holds one each.
        self.hosts().get(host).map_or(0, |places| Arc::strong_count(places) - 1)
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        // The map is whole at every moment at which a panic could leave it.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AtHost<'_> {
    fn drop(&mut self) {
        let mut hosts = self.turns.hosts();
        self.permit = None;
        // Places are taken under this lock alone, so one that only the map holds has nobody left.
        if hosts.get(&self.host).is_some_and(|places| Arc::strong_count(places) == 1) {
            hosts.remove(&self.host);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn each_host_has_its_own_places_and_is_forgotten_when_all_have_left() {
        let turns = Turns::new(2, 10);
        let first = turns.take("a").await;
        let _second = turns.take("a").await;
        let mut third = pin!(turns.take("a"));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(turns.take("b").now_or_never().is_some(), "another host is free");
        drop(first);
        drop(third.await);
        assert_eq!(turns.hosts().keys().collect::<Vec<_>>(), ["a"]);
        drop(_second);
        assert!(turns.hosts().is_empty());
    }

    #[tokio::test]
    async fn those_who_wait_for_a_slow_host_leave_the_others_their_places() {
        let turns = Turns::new(1, 2);
        let slow = turns.take("slow").await;
        let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(turns.take("slow"))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
        let other = turns.take("other").now_or_never().expect("one place is left in all");
        assert!(turns.take("third").now_or_never().is_none(), "both places are taken");
        drop((slow, other, waiting));
        assert!(turns.hosts().is_empty());
    }
}
