//! In-flight budget: bounds the records that are read and not settled, by count and by bytes.

use std::num::NonZeroUsize;

/// Count and bytes of records that are read and not settled, with their limits.
#[derive(Debug)]
pub(super) struct InFlightBudget {
    max_posts: NonZeroUsize,
    max_bytes: usize,
    posts: usize,
    bytes: usize,
    exhausted: bool,
}

impl InFlightBudget {
    pub(super) fn new(max_posts: NonZeroUsize, max_bytes: usize) -> Self {
        Self { max_posts, max_bytes, posts: 0, bytes: 0, exhausted: false }
    }

    /// A record was read. A record that is larger than the byte limit is read when no other is in flight.
    pub(super) fn add(&mut self, bytes: usize) {
        self.posts += 1;
        self.bytes += bytes;
        self.exhausted |= self.posts >= self.max_posts.get() || self.bytes >= self.max_bytes;
    }

    /// A record was settled.
    pub(super) fn release(&mut self, bytes: usize) {
        self.posts -= 1;
        self.bytes -= bytes;
        // Pausing a partition discards prefetched records, so reading resumes only when half of the budget is free.
        self.exhausted &= self.posts > self.max_posts.get() / 2 || self.bytes > self.max_bytes / 2;
    }

    /// Whether one more record may be read.
    pub(super) fn has_room(&self) -> bool {
        self.posts < self.max_posts.get() && self.bytes < self.max_bytes
    }

    /// Whether a paused partition stays paused.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// The number of records that are read and not settled.
    pub(super) fn posts(&self) -> usize {
        self.posts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_exhausted_at_the_count_and_free_again_at_half_of_it() {
        let mut budget = InFlightBudget::new(NonZeroUsize::new(4).unwrap(), 1000);
        (0..3).for_each(|_| budget.add(1));
        assert!(!budget.is_exhausted() && budget.has_room());
        budget.add(1);
        assert!(budget.is_exhausted() && !budget.has_room());
        budget.release(1);
        assert!(budget.has_room());
        assert!(budget.is_exhausted(), "one free place is too few to resume");
        budget.release(1);
        assert!(!budget.is_exhausted());
        assert_eq!(budget.posts(), 2);
    }

    #[test]
    fn it_is_exhausted_at_the_bytes_whatever_the_count() {
        let mut budget = InFlightBudget::new(NonZeroUsize::new(100).unwrap(), 1000);
        budget.add(5000);
        assert!(budget.is_exhausted());
        budget.release(5000);
        assert!(!budget.is_exhausted());
    }

    #[test]
    fn a_budget_of_one_is_free_when_that_record_is_settled() {
        let mut budget = InFlightBudget::new(NonZeroUsize::MIN, 1000);
        budget.add(1);
        assert!(budget.is_exhausted());
        budget.release(1);
        assert!(!budget.is_exhausted());
    }
}
