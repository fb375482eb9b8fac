//! Host limits: requests at one time to each host, and to all hosts together. Half of the latter is reserved for posts
//! that have no other request under way, so that a few posts with many slow URLs cannot take all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Hands out slots for requests. A host is known only while requests to it run or wait, so their number bounds the map.
#[derive(Debug)]
pub(super) struct HostLimits {
    per_host: usize,
    all: Semaphore,
    /// For requests of posts that have another under way.
    further: Semaphore,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A slot for one request, given back when this is dropped.
#[derive(Debug)]
pub(super) struct RequestSlot<'a> {
    // Dropped in this order: a host is forgotten when its last permit is back.
    _all: SemaphorePermit<'a>,
    _of_post: SemaphorePermit<'a>,
    _at_host: HostSlot<'a>,
}

/// A request that runs or waits at a host.
#[derive(Debug)]
struct HostSlot<'a> {
    permit: Option<OwnedSemaphorePermit>,
    limits: &'a HostLimits,
    host: String,
}

impl HostLimits {
    pub(super) fn new(per_host: usize, at_once: usize) -> Self {
        let further = Semaphore::new(at_once.div_ceil(2));
        Self { per_host, all: Semaphore::new(at_once), further, hosts: Mutex::default() }
    }

    /// Waits for a slot at a host; `first` is the permit of the post's first request. A request that waits for a slow
    /// host holds nothing that others wait for.
    pub(super) async fn take<'a>(&'a self, host: &str, first: &'a Semaphore) -> RequestSlot<'a> {
        let places = {
            let mut hosts = self.hosts();
            let places =
                hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host)));
            Arc::clone(places)
        };
        let mut at_host = HostSlot { permit: None, limits: self, host: host.to_owned() };
        let permits = async {
            let at_host = places.acquire_owned().await?;
            let of_post = match first.try_acquire() {
                Ok(first) => first,
                Err(_) => self.further.acquire().await?,
            };
            Ok::<_, AcquireError>((at_host, of_post, self.all.acquire().await?))
        };
        let Ok((permit, of_post, all)) = permits.await else {
            unreachable!("these semaphores are never closed")
        };
        at_host.permit = Some(permit);
        RequestSlot { _all: all, _of_post: of_post, _at_host: at_host }
    }

    /// How many requests run or wait at a host.
    #[cfg(test)]
    pub(super) fn running_or_waiting(&self, host: &str) -> usize {
        // The map holds one reference, and each permit or wait holds one.
        self.hosts().get(host).map_or(0, |places| Arc::strong_count(places) - 1)
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        // The map is consistent at every point where a panic could leave the lock.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HostSlot<'_> {
    fn drop(&mut self) {
        let mut hosts = self.limits.hosts();
        self.permit = None;
        // References are taken under this lock alone: one that only the map holds is unused.
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

    fn posts<const COUNT: usize>() -> [Semaphore; COUNT] {
        std::array::from_fn(|_| Semaphore::new(1))
    }

    #[tokio::test]
    async fn each_host_has_its_own_slots_and_is_forgotten_when_all_are_free() {
        let (limits, posts) = (HostLimits::new(2, 10), posts::<4>());
        let first = limits.take("a", &posts[0]).await;
        let second = limits.take("a", &posts[1]).await;
        let mut third = pin!(limits.take("a", &posts[2]));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(limits.take("b", &posts[3]).now_or_never().is_some(), "another host is free");
        drop(first);
        drop(third.await);
        assert_eq!(limits.hosts().keys().collect::<Vec<_>>(), ["a"]);
        drop(second);
        assert!(limits.hosts().is_empty());
    }

    #[tokio::test]
    async fn requests_that_wait_for_a_slow_host_leave_slots_to_the_others() {
        let (limits, posts) = (HostLimits::new(1, 2), posts::<8>());
        let slow = limits.take("slow", &posts[0]).await;
        let mut waiting: Vec<_> =
            posts[1..6].iter().map(|post| Box::pin(limits.take("slow", post))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
        let other = limits.take("other", &posts[6]).now_or_never().expect("one place is left in all");
        assert!(limits.take("third", &posts[7]).now_or_never().is_none(), "both places are taken");
        drop((slow, other, waiting));
        assert!(limits.hosts().is_empty());
    }

    #[tokio::test]
    async fn posts_with_many_requests_leave_half_of_the_slots_to_those_with_one() {
        let (limits, posts) = (HostLimits::new(9, 6), posts::<5>());
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(
                limits.take("a", &posts[0]).now_or_never().expect("its first, and half of all besides"),
            );
        }
        assert!(limits.take("a", &posts[0]).now_or_never().is_none());
        assert!(limits.take("a", &posts[1]).now_or_never().is_some());
        let _first = limits.take("a", &posts[1]).now_or_never().expect("others have their first");
        assert!(limits.take("a", &posts[1]).now_or_never().is_none(), "and no second");
        let _other = limits.take("a", &posts[2]).now_or_never().expect("this one, too");
        assert!(limits.take("a", &posts[3]).now_or_never().is_none(), "all are taken");
        drop(taken);
        assert!(limits.take("a", &posts[0]).now_or_never().is_some(), "what is given back is there again");
    }
}
