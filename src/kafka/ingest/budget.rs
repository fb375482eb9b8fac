//! May more be read? Records that are read and not settled are bounded by count and by bytes.

use std::num::NonZeroUsize;

/// What is read and not settled, against its bounds.
#[derive(Debug)]
pub(super) struct Budget {
    max_posts: NonZeroUsize,
    max_bytes: usize,
    posts: usize,
    bytes: usize,
    spent: bool,
}

impl Budget {
    pub(super) fn new(max_posts: NonZeroUsize, max_bytes: usize) -> Self {
        Self { max_posts, max_bytes, posts: 0, bytes: 0, spent: false }
    }

    /// A record was read. One that is larger than the whole bound passes alone.
    pub(super) fn take(&mut self, bytes: usize) {
        self.posts += 1;
        self.bytes += bytes;
        self.spent |= self.posts >= self.max_posts.get() || self.bytes >= self.max_bytes;
    }

    /// A record was settled, or gave up its claim.
    pub(super) fn give_back(&mut self, bytes: usize) {
        self.posts -= 1;
        self.bytes -= bytes;
        // Pausing a partition throws away what was fetched ahead: reading goes on only when there is room for a while.
        self.spent &= self.posts > self.max_posts.get() / 2 || self.bytes > self.max_bytes / 2;
    }

    /// Whether one more record may be read.
    pub(super) fn has_room(&self) -> bool {
        self.posts < self.max_posts.get() && self.bytes < self.max_bytes
    }

    /// Whether a partition that was paused stays so.
    pub(super) fn is_spent(&self) -> bool {
        self.spent
    }

    /// Records that are read and not settled.
    pub(super) fn posts(&self) -> usize {
        self.posts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spent_at_the_count_and_open_again_at_half_of_it() {
        let mut budget = Budget::new(NonZeroUsize::new(4).unwrap(), 1000);
        (0..3).for_each(|_| budget.take(1));
        assert!(!budget.is_spent() && budget.has_room());
        budget.take(1);
        assert!(budget.is_spent() && !budget.has_room());
        budget.give_back(1);
        assert!(budget.has_room());
        assert!(budget.is_spent(), "one place is too few to resume for");
        budget.give_back(1);
        assert!(!budget.is_spent());
        assert_eq!(budget.posts(), 2);
    }

    #[test]
    fn it_is_spent_at_the_bytes_whatever_the_count() {
        let mut budget = Budget::new(NonZeroUsize::new(100).unwrap(), 1000);
        budget.take(5000);
        assert!(budget.is_spent());
        budget.give_back(5000);
        assert!(!budget.is_spent());
    }

    #[test]
    fn a_budget_of_one_opens_when_that_one_is_settled() {
        let mut budget = Budget::new(NonZeroUsize::MIN, 1000);
        budget.take(1);
        assert!(budget.is_spent());
        budget.give_back(1);
        assert!(!budget.is_spent());
    }
}
