//! Shared cache: the first caller that asks for a missing value makes it, and the others wait for it.

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::watch;

use super::ByteLru;
use crate::telemetry::CacheTally;

/// Values by key, shared by all callers. `E` is why a value could not be made.
pub struct Cache<K: Hash + Eq, V, E> {
    kept: Mutex<ByteLru<K, V>>,
    /// Values being made. A receiver whose sender is gone has nothing to wait for.
    flights: DashMap<K, Flight<V, E>>,
    weigh: fn(&K, &V) -> usize,
    hits: AtomicU64,
    joined: AtomicU64,
    misses: AtomicU64,
    evicted: AtomicU64,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// It was in the cache.
    Hit,
    /// Another caller was making it.
    Joined,
    /// This caller made it, or failed to.
    Miss,
}

/// Requests to a cache since the start, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Requests for values in the cache.
    pub hits: u64,
    /// Requests that waited for another caller.
    pub joined: u64,
    /// Requests that had to make the value.
    pub misses: u64,
    /// Values evicted for others.
    pub evicted: u64,
    /// Values in the cache.
    pub entries: usize,
    /// Their bytes.
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
    /// An empty cache of at most `max_bytes`; `weigh` gives the bytes of an entry.
    #[must_use]
    pub fn new(max_bytes: usize, weigh: fn(&K, &V) -> usize) -> Self {
        Self {
            kept: Mutex::new(ByteLru::new(max_bytes)),
            flights: DashMap::new(),
            weigh,
            hits: AtomicU64::new(0),
            joined: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    /// The value of a key: from the cache, from another caller that is making it, or from `make`.
    ///
    /// `make` is polled only where no other caller makes this key. If that caller's future is dropped or panics, one of
    /// those that wait makes the value instead.
    ///
    /// # Errors
    /// That of `make`, for all that waited. It is not kept: the next request makes the value again.
    pub async fn get_or_make<F>(&self, key: &K, make: F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        self.get_valid_or_make(key, |_| true, make).await.1
    }

    /// The same where a cached value may be too old: one that is not `good` counts as missing. Also returns where the
    /// value came from.
    pub async fn get_valid_or_make<F>(
        &self,
        key: &K,
        good: impl Fn(&V) -> bool,
        make: F,
    ) -> (Lookup, Result<V, E>)
    where
        F: Future<Output = Result<V, E>>,
    {
        let guard = loop {
            if let Some(value) = self.lookup(key).filter(&good) {
                count(&self.hits);
                return (Lookup::Hit, Ok(value));
            }
            match self.claim(key) {
                Claim::Wait(flight) => {
                    if let Some(outcome) = flight_result(flight).await {
                        count(&self.joined);
                        return (Lookup::Joined, outcome);
                    }
                }
                Claim::Make(guard) => break guard,
            }
        };
        // Another caller may have finished between the lookup and the claim.
        if let Some(value) = self.lookup(key).filter(&good) {
            count(&self.hits);
            return (Lookup::Hit, Ok(value));
        }
        count(&self.misses);
        let outcome = make.await;
        guard.complete(&outcome);
        (Lookup::Miss, outcome)
    }

    /// Makes a value anew; the cached one stays where that fails. None where the value is being made already.
    pub async fn refresh<F>(&self, key: &K, make: F) -> Option<Result<V, E>>
    where
        F: Future<Output = Result<V, E>>,
    {
        let Claim::Make(guard) = self.claim(key) else { return None };
        let outcome = make.await;
        guard.complete(&outcome);
        Some(outcome)
    }

    /// Removes the values for which `is_gone` holds; returns how many.
    pub fn remove_if(&self, is_gone: impl Fn(&K, &V) -> bool) -> usize {
        self.kept().remove_if(is_gone)
    }

    /// Requests since the start, and what the cache holds.
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
                Claim::Make(FlightGuard { cache: self, key: key.clone(), sender })
            }
        }
    }
}

impl<K: Hash + Eq, V, E> Cache<K, V, E> {
    fn kept(&self) -> MutexGuard<'_, ByteLru<K, V>> {
        // A clone that panics under the lock changes nothing.
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
    Make(FlightGuard<'cache, K, V, E>),
}

/// Held by the caller that makes a value. However that ends, dropping this ends the flight: first it leaves the table,
/// then the sender is dropped and wakes all that wait, so that they find the value or a free place.
struct FlightGuard<'cache, K: Hash + Eq, V, E> {
    cache: &'cache Cache<K, V, E>,
    key: K,
    sender: watch::Sender<Option<Result<V, E>>>,
}

impl<K: Hash + Eq + Clone, V: Clone, E: Clone> FlightGuard<'_, K, V, E> {
    fn complete(self, outcome: &Result<V, E>) {
        if let Ok(value) = outcome {
            let bytes = (self.cache.weigh)(&self.key, value);
            let evicted = self.cache.kept().insert(self.key.clone(), value.clone(), bytes);
            self.cache.evicted.fetch_add(evicted as u64, Ordering::Relaxed);
        }
        self.sender.send_replace(Some(outcome.clone()));
    }
}

impl<K: Hash + Eq, V, E> Drop for FlightGuard<'_, K, V, E> {
    fn drop(&mut self) {
        self.cache.flights.remove(&self.key);
    }
}

/// The result of a flight; none if its maker gave up.
async fn flight_result<V: Clone, E: Clone>(mut flight: Flight<V, E>) -> Option<Result<V, E>> {
    flight.wait_for(Option::is_some).await.ok()?.clone()
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
