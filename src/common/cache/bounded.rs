//! Values by key in a bounded number of bytes; the one that was least recently used leaves first.

use std::hash::Hash;

use lru::LruCache;

/// A map that forgets. Not shared: [`super::Cache`] is.
#[derive(Debug)]
pub struct Bounded<K: Hash + Eq, V> {
    entries: LruCache<K, Weighed<V>>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Weighed<V> {
    value: V,
    bytes: usize,
}

impl<K: Hash + Eq, V> Bounded<K, V> {
    /// An empty map for values of at most `max_bytes` together, as their owner weighs them.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, max_bytes }
    }

    /// The value of a key, which becomes the most recently used.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Keeps a value that weighs `bytes` and lets others go for it, as many as it says. One that would never fit is not
    /// kept, and what its key had before is forgotten.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) -> usize {
        let mut evicted = 0;
        if let Some(replaced) = self.entries.pop(&key) {
            self.bytes -= replaced.bytes;
        }
        if bytes > self.max_bytes {
            return evicted;
        }
        // Subtracted rather than added: the sum of two weights may not fit into the number.
        while self.bytes > self.max_bytes - bytes {
            let Some((_, least_used)) = self.entries.pop_lru() else { break };
            self.bytes -= least_used.bytes;
            evicted += 1;
        }
        self.bytes += bytes;
        self.entries.put(key, Weighed { value, bytes });
        evicted
    }

    /// Lets go of those that are said to be gone; how many those were.
    pub fn remove_if(&mut self, is_gone: impl Fn(&K, &V) -> bool) -> usize
    where
        K: Clone,
    {
        let gone = self.entries.iter().filter(|(key, entry)| is_gone(key, &entry.value));
        let gone: Vec<K> = gone.map(|(key, _)| key.clone()).collect();
        for key in &gone {
            self.bytes -= self.entries.pop(key).map_or(0, |entry| entry.bytes);
        }
        gone.len()
    }

    /// What all values weigh.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn look(cache: &mut Bounded<&'static str, u8>, key: &'static str) -> Option<u8> {
        cache.get(&key).copied()
    }

    #[test]
    fn the_least_recently_used_leaves_first() {
        let mut cache = Bounded::new(10);
        cache.insert("a", 1, 4);
        cache.insert("b", 2, 4);
        assert_eq!(look(&mut cache, "a"), Some(1));
        cache.insert("c", 3, 5);
        assert_eq!(["a", "b", "c"].map(|key| look(&mut cache, key)), [Some(1), None, Some(3)]);
    }

    #[test]
    fn what_never_fits_is_not_kept_and_pushes_nothing_out() {
        let mut cache = Bounded::new(10);
        cache.insert("a", 1, 10);
        cache.insert("b", 2, usize::MAX);
        assert_eq!(["a", "b"].map(|key| look(&mut cache, key)), [Some(1), None]);
        assert_eq!(cache.bytes(), 10);
        cache.insert("a", 3, 11);
        assert_eq!((look(&mut cache, "a"), cache.bytes(), cache.count()), (None, 0, 0));
    }

    #[test]
    fn those_that_are_said_to_be_gone_leave_with_their_weight() {
        let mut cache = Bounded::new(10);
        for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
            assert_eq!(cache.insert(key, value, 3), 0);
        }
        assert_eq!(cache.insert("d", 4, 5), 2);
        assert_eq!(cache.remove_if(|_, value| *value == 4), 1);
        assert_eq!((look(&mut cache, "c"), cache.bytes(), cache.count()), (Some(3), 3, 1));
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_the_sum_is_right_whatever_comes(
            max_bytes in 0_usize..60,
            steps in prop::collection::vec((0_u8..12, 0_usize..30, any::<bool>()), 0..120),
        ) {
            let mut cache = Bounded::new(max_bytes);
            // The same in the plainest way: a list from the least to the most recently used.
            let mut model: Vec<(u8, usize)> = Vec::new();
            for (key, bytes, insert) in steps {
                let known = model.iter().position(|(other, _)| *other == key).map(|index| model.remove(index));
                if insert {
                    cache.insert(key, bytes, bytes);
                    if bytes <= max_bytes {
                        while model.iter().map(|(_, bytes)| bytes).sum::<usize>() + bytes > max_bytes {
                            model.remove(0);
                        }
                        model.push((key, bytes));
                    }
                } else {
                    prop_assert_eq!(cache.get(&key).copied(), known.map(|(_, bytes)| bytes));
                    model.extend(known);
                }
                prop_assert!(cache.bytes() <= max_bytes);
                prop_assert_eq!(cache.bytes(), model.iter().map(|(_, bytes)| bytes).sum::<usize>());
                prop_assert_eq!(cache.count(), model.len());
            }
        }
    }
}
