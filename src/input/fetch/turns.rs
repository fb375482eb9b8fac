//! Whose turn is it at this host? So many requests at one time to each, and to all together, of which half are kept for
//! posts that have no other request under way: a few posts of many slow addresses cannot take all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Hands out turns. Hosts are known only while somebody asks or waits there, so their number is that of the askers.
#[derive(Debug)]
pub(super) struct Turns {
    per_host: usize,
    all: Semaphore,
    /// For requests of posts that have another under way.
    further: Semaphore,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A turn, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    // In this order: a host is forgotten when its last permit is back.
    _all: SemaphorePermit<'a>,
    _of_post: SemaphorePermit<'a>,
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
        let further = Semaphore::new(at_once.div_ceil(2));
        Self { per_host, all: Semaphore::new(at_once), further, hosts: Mutex::default() }
    }

    /// Waits for a turn at a host; `first` is the one place of the post's first request. Who waits for a slow host holds
    /// nothing that others wait for.
    pub(super) async fn take<'a>(&'a self, host: &str, first: &'a Semaphore) -> Turn<'a> {
        let places = {
            let mut hosts = self.hosts();
            let places =
                hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host)));
            Arc::clone(places)
        };
        let mut at_host = AtHost { permit: None, turns: self, host: host.to_owned() };
        let permits = async {
            let at_host = places.acquire_owned().await?;
            let of_post = match first.try_acquire() {
                Ok(first) => first,
                Err(_) => self.further.acquire().await?,
            };
            Ok::<_, AcquireError>((at_host, of_post, self.all.acquire().await?))
        };
        let Ok((permit, of_post, all)) = permits.await else {
            unreachable!("nobody closes these semaphores")
        };
        at_host.permit = Some(permit);
        Turn { _all: all, _of_post: of_post, _at_host: at_host }
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

    fn posts<const COUNT: usize>() -> [Semaphore; COUNT] {
        std::array::from_fn(|_| Semaphore::new(1))
    }

    #[tokio::test]
    async fn each_host_has_its_own_places_and_is_forgotten_when_all_have_left() {
        let (turns, posts) = (Turns::new(2, 10), posts::<4>());
        let first = turns.take("a", &posts[0]).await;
        let second = turns.take("a", &posts[1]).await;
        let mut third = pin!(turns.take("a", &posts[2]));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(turns.take("b", &posts[3]).now_or_never().is_some(), "another host is free");
        drop(first);
        drop(third.await);
        assert_eq!(turns.hosts().keys().collect::<Vec<_>>(), ["a"]);
        drop(second);
        assert!(turns.hosts().is_empty());
    }

    #[tokio::test]
    async fn those_who_wait_for_a_slow_host_leave_the_others_their_places() {
        let (turns, posts) = (Turns::new(1, 2), posts::<8>());
        let slow = turns.take("slow", &posts[0]).await;
        let mut waiting: Vec<_> = posts[1..6].iter().map(|post| Box::pin(turns.take("slow", post))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
        let other = turns.take("other", &posts[6]).now_or_never().expect("one place is left in all");
        assert!(turns.take("third", &posts[7]).now_or_never().is_none(), "both places are taken");
        drop((slow, other, waiting));
        assert!(turns.hosts().is_empty());
    }

    #[tokio::test]
    async fn posts_with_many_requests_leave_half_of_the_places_to_those_with_one() {
        let (turns, posts) = (Turns::new(9, 6), posts::<5>());
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken
                .push(turns.take("a", &posts[0]).now_or_never().expect("its first, and half of all besides"));
        }
        assert!(turns.take("a", &posts[0]).now_or_never().is_none());
        assert!(turns.take("a", &posts[1]).now_or_never().is_some());
        let _first = turns.take("a", &posts[1]).now_or_never().expect("others have their first");
        assert!(turns.take("a", &posts[1]).now_or_never().is_none(), "and no second");
        let _other = turns.take("a", &posts[2]).now_or_never().expect("this one, too");
        assert!(turns.take("a", &posts[3]).now_or_never().is_none(), "all are taken");
        drop(taken);
        assert!(turns.take("a", &posts[0]).now_or_never().is_some(), "what is given back is there again");
    }
}
