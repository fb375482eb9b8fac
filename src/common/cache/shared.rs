//! Who makes a value that many ask for at once? The first; the others wait for it.

use std::fmt;
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
    evicted: AtomicU64,
}

/// How an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It was kept.
    Kept,
    /// Another was making it.
    Joined,
    /// The asker made it, or failed to.
    Made,
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
    /// Values that left for others.
    pub evicted: u64,
    /// Values kept.
    pub entries: usize,
    /// What they weigh.
    pub bytes: usize,
}

impl From<CacheCounts> for CacheTally {
    fn from(counts: CacheCounts) -> Self {
        Self {
            hits: counts.hits,
            joins: counts.joined,
            misses: counts.misses,
            entries: counts.entries as u64,
            bytes: counts.bytes as u64,
        }
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
            evicted: AtomicU64::new(0),
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
        self.obtain(key, |_| true, make).await.1
    }

    /// The same where what is kept may be too old: only what is `good` counts as kept. And how the value came about.
    pub async fn obtain<F>(&self, key: &K, good: impl Fn(&V) -> bool, make: F) -> (Way, Result<V, E>)
    where
        F: Future<Output = Result<V, E>>,
    {
        let duty = loop {
            if let Some(value) = self.lookup(key).filter(&good) {
                count(&self.hits);
                return (Way::Kept, Ok(value));
            }
            match self.claim(key) {
                Claim::Wait(flight) => {
                    if let Some(outcome) = landed(flight).await {
                        count(&self.joined);
                        return (Way::Joined, outcome);
                    }
                }
                Claim::Make(duty) => break duty,
            }
        };
        // Between the look and the claim another maker may have finished.
        if let Some(value) = self.lookup(key).filter(&good) {
            count(&self.hits);
            return (Way::Kept, Ok(value));
        }
        count(&self.misses);
        let outcome = make.await;
        duty.fulfil(&outcome);
        (Way::Made, outcome)
    }

    /// Makes a value although one may be kept, which stays where making fails; nothing where it is being made already.
    pub async fn renew<F>(&self, key: &K, make: F) -> Option<Result<V, E>>
    where
        F: Future<Output = Result<V, E>>,
    {
        let Claim::Make(duty) = self.claim(key) else { return None };
        let outcome = make.await;
        duty.fulfil(&outcome);
        Some(outcome)
    }

    /// Forgets what is said to be gone; how many values those were.
    pub fn forget(&self, is_gone: impl Fn(&K, &V) -> bool) -> usize {
        self.kept().remove_if(is_gone)
    }

    /// What it has done so far, and what it holds.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        let kept = self.kept();
        CacheCounts {
            hits: self.hits.load(Ordering::Relaxed),
            joined: self.joined.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
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

impl<K: Hash + Eq, V, E> fmt::Debug for Cache<K, V, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        let (entries, bytes) = (kept.count(), kept.bytes());
        formatter
            .debug_struct("Cache")
            .field("entries", &entries)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
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
            let evicted = self.cache.kept().insert(self.key.clone(), value.clone(), bytes);
            self.cache.evicted.fetch_add(evicted as u64, Ordering::Relaxed);
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
mod tests;
