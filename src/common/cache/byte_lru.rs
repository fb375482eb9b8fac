//! LRU map bounded in bytes: the least recently used value leaves first.

use std::hash::Hash;

use lru::LruCache;

/// A map bounded in bytes. For use behind a lock; [`super::Cache`] is the shared form.
#[derive(Debug)]
pub struct ByteLru<K: Hash + Eq, V> {
    entries: LruCache<K, Weighed<V>>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Weighed<V> {
    value: V,
    bytes: usize,
}

impl<K: Hash + Eq, V> ByteLru<K, V> {
    /// An empty map for values of at most `max_bytes` together.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, max_bytes }
    }

    /// The value of a key, which becomes the most recently used.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Inserts a value of `bytes` and returns how many others were evicted for it. A value larger than the map is not
    /// kept; the old value of its key is removed.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) -> usize {
        let mut evicted = 0;
        if let Some(replaced) = self.entries.pop(&key) {
            self.bytes -= replaced.bytes;
        }
        if bytes > self.max_bytes {
            return evicted;
        }
        // Subtracted rather than added: the sum of two sizes may overflow.
        while self.bytes > self.max_bytes - bytes {
            let Some((_, least_used)) = self.entries.pop_lru() else { break };
            self.bytes -= least_used.bytes;
            evicted += 1;
        }
        self.bytes += bytes;
        self.entries.put(key, Weighed { value, bytes });
        evicted
    }

    /// Removes the values for which `is_gone` holds; returns how many.
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

    /// The most bytes of all values.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Bytes of all values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn look(cache: &mut ByteLru<&'static str, u8>, key: &'static str) -> Option<u8> {
        cache.get(&key).copied()
    }

    #[test]
    fn the_least_recently_used_leaves_first() {
        let mut cache = ByteLru::new(10);
        cache.insert("a", 1, 4);
        cache.insert("b", 2, 4);
        assert_eq!(look(&mut cache, "a"), Some(1));
        cache.insert("c", 3, 5);
        assert_eq!(["a", "b", "c"].map(|key| look(&mut cache, key)), [Some(1), None, Some(3)]);
    }

    #[test]
    fn a_value_larger_than_the_map_is_not_kept_and_evicts_nothing() {
        let mut cache = ByteLru::new(10);
        cache.insert("a", 1, 10);
        cache.insert("b", 2, usize::MAX);
        assert_eq!(["a", "b"].map(|key| look(&mut cache, key)), [Some(1), None]);
        assert_eq!(cache.bytes(), 10);
        cache.insert("a", 3, 11);
        assert_eq!((look(&mut cache, "a"), cache.bytes(), cache.count()), (None, 0, 0));
    }

    #[test]
    fn removed_values_give_their_bytes_back() {
        let mut cache = ByteLru::new(10);
        for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
            assert_eq!(cache.insert(key, value, 3), 0);
        }
        assert_eq!(cache.insert("d", 4, 5), 2);
        assert_eq!(cache.remove_if(|_, value| *value == 4), 1);
        assert_eq!((look(&mut cache, "c"), cache.bytes(), cache.count()), (Some(3), 3, 1));
    }

    proptest! {
        #[test]
        fn the_bound_and_the_sum_hold_for_any_sequence(
            max_bytes in 0_usize..60,
            steps in prop::collection::vec((0_u8..12, 0_usize..30, any::<bool>()), 0..120),
        ) {
            let mut cache = ByteLru::new(max_bytes);
            // A simple model: a list from the least to the most recently used.
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
