//! Who makes a value that many ask for at once? The first; the others wait for it.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::watch;

use super::Bounded;
use crate::telemetry::CacheTally;

/// Values by key, shared by all who ask. `E` is why a value could not be made.
pub struct Cache<K: Hash + Eq, V, E> {
    kept: Mutex<Bounded<K, V>>,
    /// What is being made; a receiver whose sender is gone has nothing to wait for.
    flights: DashMap<K, Flight<V, E>>,
    weigh: fn(&K, &V) -> usize,
    hits: AtomicU64,
    joined: AtomicU64,
    misses: AtomicU64,
}

/// What a cache has done so far, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Questions answered from what was kept.
    pub hits: u64,
    /// Questions answered by another's making.
    pub joined: u64,
    /// Questions whose asker had to make the value.
    pub misses: u64,
    /// Values kept.
    pub entries: usize,
    /// What they weigh.
    pub bytes: usize,
}

impl From<CacheCounts> for CacheTally {
    fn from(counts: CacheCounts) -> Self {
        Self { hits: counts.hits, joins: counts.joined, misses: counts.misses }
    }
}

type Flight<V, E> = watch::Receiver<Option<Result<V, E>>>;

impl<K, V, E> Cache<K, V, E>
where
    K: Hash + Eq + Clone,
    V: Clone,
    E: Clone,
{
    /// An empty cache that holds at most `max_bytes`; `weigh` says what an entry takes.
    #[must_use]
    pub fn new(max_bytes: usize, weigh: fn(&K, &V) -> usize) -> Self {
        Self {
            kept: Mutex::new(Bounded::new(max_bytes)),
            flights: DashMap::new(),
            weigh,
            hits: AtomicU64::new(0),
            joined: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The value of a key: kept, or made by someone else right now, or made by `make`.
    ///
    /// `make` is polled only where nobody else makes this key. If the other maker's future is dropped or panics, one
    /// of those who wait makes it instead.
    ///
    /// # Errors
    /// The maker's, for all who waited; it is not kept, so the next to ask makes again.
    pub async fn get_or_make<F>(&self, key: &K, make: F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let duty = loop {
            if let Some(value) = self.lookup(key) {
                count(&self.hits);
                return Ok(value);
            }
            match self.claim(key) {
                Claim::Wait(flight) => {
                    if let Some(outcome) = landed(flight).await {
                        count(&self.joined);
                        return outcome;
                    }
                }
                Claim::Make(duty) => break duty,
            }
        };
        // Between the look and the claim another maker may have finished.
        if let Some(value) = self.lookup(key) {
            count(&self.hits);
            return Ok(value);
        }
        count(&self.misses);
        let outcome = make.await;
        duty.fulfil(&outcome);
        outcome
    }

    /// What it has done so far, and what it holds.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        let kept = self.kept();
        CacheCounts {
            hits: self.hits.load(Ordering::Relaxed),
            joined: self.joined.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: kept.count(),
            bytes: kept.bytes(),
        }
    }

    fn lookup(&self, key: &K) -> Option<V> {
        self.kept().get(key).cloned()
    }

    fn claim(&self, key: &K) -> Claim<'_, K, V, E> {
        match self.flights.entry(key.clone()) {
            Entry::Occupied(flight) => Claim::Wait(flight.get().clone()),
            Entry::Vacant(place) => {
                let (sender, flight) = watch::channel(None);
                place.insert(flight);
                Claim::Make(Duty { cache: self, key: key.clone(), sender })
            }
        }
    }
}

impl<K: Hash + Eq, V, E> Cache<K, V, E> {
    fn kept(&self) -> MutexGuard<'_, Bounded<K, V>> {
        // A value's clone that panicked under the lock has changed nothing.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Claim<'cache, K: Hash + Eq, V, E> {
    Wait(Flight<V, E>),
    Make(Duty<'cache, K, V, E>),
}

/// Held by the one who makes a value. However it ends, the flight ends with it: first it leaves the table, then the
/// sender goes and wakes all who wait, so that they find the value or the place free.
struct Duty<'cache, K: Hash + Eq, V, E> {
    cache: &'cache Cache<K, V, E>,
    key: K,
    sender: watch::Sender<Option<Result<V, E>>>,
}

impl<K: Hash + Eq + Clone, V: Clone, E: Clone> Duty<'_, K, V, E> {
    fn fulfil(self, outcome: &Result<V, E>) {
        if let Ok(value) = outcome {
            let bytes = (self.cache.weigh)(&self.key, value);
            self.cache.kept().insert(self.key.clone(), value.clone(), bytes);
        }
        self.sender.send_replace(Some(outcome.clone()));
    }
}

impl<K: Hash + Eq, V, E> Drop for Duty<'_, K, V, E> {
    fn drop(&mut self) {
        self.cache.flights.remove(&self.key);
    }
}

/// What a flight brought; nothing if its maker gave up.
async fn landed<V: Clone, E: Clone>(mut flight: Flight<V, E>) -> Option<Result<V, E>> {
    flight.wait_for(Option::is_some).await.ok()?.clone()
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::panic::AssertUnwindSafe;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Poll;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;

    type Texts = Cache<&'static str, String, &'static str>;
    type Answer = Result<String, &'static str>;

    fn cache() -> Texts {
        Cache::new(100, |key, value| key.len() + value.len())
    }

    async fn never() -> Answer {
        panic!("this value must not be made again")
    }

    async fn made() -> Answer {
        Ok("made".to_owned())
    }

    /// Lets a future run until it waits, which it must.
    async fn begin(mut future: Pin<&mut impl Future<Output = Answer>>) {
        let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        assert_eq!(polled, Poll::Pending);
    }

    /// Eight who ask while another makes, and are waiting.
    async fn waiting<F: Future<Output = Answer>>(
        cache: &Texts,
        make: fn() -> F,
    ) -> Vec<Pin<Box<impl Future<Output = Answer>>>> {
        let mut askers: Vec<_> = (0..8).map(|_| Box::pin(cache.get_or_make(&"key", make()))).collect();
        for asker in &mut askers {
            begin(asker.as_mut()).await;
        }
        askers
    }

    #[tokio::test]
    async fn a_value_is_made_once_and_then_kept() {
        let cache = cache();
        assert_eq!(cache.get_or_make(&"key", made()).await.as_deref(), Ok("made"));
        assert_eq!(cache.get_or_make(&"key", never()).await.as_deref(), Ok("made"));
        assert_eq!(cache.counts(), CacheCounts { hits: 1, joined: 0, misses: 1, entries: 1, bytes: 7 });
    }

    #[tokio::test]
    async fn those_who_ask_while_it_is_made_wait_for_the_one_maker() {
        let cache = cache();
        let (open, gate) = oneshot::channel::<Answer>();
        let mut maker = Box::pin(cache.get_or_make(&"key", async { gate.await.unwrap() }));
        begin(maker.as_mut()).await;
        let askers = waiting(&cache, never).await;
        assert_eq!(
            cache.get_or_make(&"other", made()).await.as_deref(),
            Ok("made"),
            "another key does not wait"
        );
        open.send(Ok("slow".to_owned())).unwrap();
        assert_eq!(maker.await.as_deref(), Ok("slow"));
        assert!(join_all(askers).await.iter().all(|answer| answer.as_deref() == Ok("slow")));
        assert_eq!((cache.counts().joined, cache.counts().misses), (8, 2));
    }

    #[tokio::test]
    async fn an_error_goes_to_all_who_wait_and_is_not_kept() {
        let cache = cache();
        let (open, gate) = oneshot::channel::<Answer>();
        let mut maker = Box::pin(cache.get_or_make(&"key", async { gate.await.unwrap() }));
        begin(maker.as_mut()).await;
        let askers = waiting(&cache, never).await;
        open.send(Err("broken")).unwrap();
        assert_eq!(maker.await, Err("broken"));
        assert!(join_all(askers).await.iter().all(|answer| *answer == Err("broken")));
        assert_eq!(cache.get_or_make(&"key", made()).await.as_deref(), Ok("made"));
    }

    #[tokio::test]
    async fn when_the_maker_is_dropped_one_of_those_who_wait_makes_it() {
        let cache = cache();
        let mut maker = Box::pin(cache.get_or_make(&"key", std::future::pending()));
        begin(maker.as_mut()).await;
        let askers = waiting(&cache, made).await;
        drop(maker);
        assert!(join_all(askers).await.iter().all(|answer| answer.as_deref() == Ok("made")));
        assert_eq!(cache.counts().misses, 2);
    }

    #[tokio::test]
    async fn when_the_maker_panics_one_of_those_who_wait_makes_it() {
        let cache = cache();
        let (open, gate) = oneshot::channel::<Answer>();
        let mut maker = Box::pin(cache.get_or_make(&"key", async { gate.await.unwrap() }));
        begin(maker.as_mut()).await;
        let askers = waiting(&cache, made).await;
        drop(open);
        assert!(AssertUnwindSafe(maker).catch_unwind().await.is_err());
        assert!(join_all(askers).await.iter().all(|answer| answer.as_deref() == Ok("made")));
        assert_eq!(cache.counts().misses, 2);
    }

    #[tokio::test]
    async fn an_asker_who_leaves_disturbs_nobody() {
        let cache = cache();
        let (open, gate) = oneshot::channel::<Answer>();
        let mut maker = Box::pin(cache.get_or_make(&"key", async { gate.await.unwrap() }));
        begin(maker.as_mut()).await;
        drop(waiting(&cache, never).await);
        open.send(Ok("slow".to_owned())).unwrap();
        assert_eq!(maker.await.as_deref(), Ok("slow"));
        assert!(cache.flights.is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_threads_make_each_key_once() {
        let cache: Arc<Cache<usize, usize, ()>> = Arc::new(Cache::new(1_000, |_, _| 1));
        let makes = Arc::new(AtomicUsize::new(0));
        let tasks = (0..800).map(|index| {
            let (cache, makes) = (Arc::clone(&cache), Arc::clone(&makes));
            tokio::spawn(async move {
                let make = async {
                    makes.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok(index % 16)
                };
                assert_eq!(cache.get_or_make(&(index % 16), make).await, Ok(index % 16));
            })
        });
        for ended in join_all(tasks).await {
            ended.unwrap();
        }
        assert_eq!(makes.load(Ordering::Relaxed), 16);
        let counts = cache.counts();
        assert_eq!((counts.misses, counts.hits + counts.joined), (16, 784));
    }
}
