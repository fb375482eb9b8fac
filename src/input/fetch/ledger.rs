//! Ledger of fetched bytes: a post gets more only where every post can still get all it may need, one after the other
//! (Dijkstra's banker's algorithm). Otherwise posts that hold a part and wait for more could wait for each other.

use std::collections::BTreeMap;

/// The bytes that each post holds. A pure state machine.
#[derive(Debug)]
pub(super) struct Ledger {
    capacity: u64,
    free: u64,
    posts: BTreeMap<u64, Account>,
    next: u64,
}

/// What one post holds, and what it may still claim.
#[derive(Debug, Clone, Copy)]
struct Account {
    held: u64,
    /// What it may come to hold besides.
    claim: u64,
    /// All its pictures are fetched, and wait for the decoder.
    is_fetched: bool,
}

impl Ledger {
    pub(super) fn new(capacity: u64) -> Self {
        Self { capacity, free: capacity, posts: BTreeMap::new(), next: 0 }
    }

    /// Opens the account of a post that comes to hold at most `most` bytes, or the whole capacity if that is less.
    /// Returns the account's number.
    pub(super) fn open(&mut self, most: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        let claim = most.min(self.capacity);
        self.posts.insert(number, Account { held: 0, claim, is_fetched: false });
        number
    }

    /// Gives a post `bytes`, unless other posts could then wait for ever.
    pub(super) fn take(&mut self, post: u64, bytes: u64) -> bool {
        let Some(account) = self.posts.get_mut(&post) else { return false };
        if bytes > self.free {
            return false;
        }
        let before = *account;
        account.held += bytes;
        account.claim = account.claim.saturating_sub(bytes);
        self.free -= bytes;
        if self.is_safe() {
            return true;
        }
        self.posts.insert(post, before);
        self.free += bytes;
        false
    }

    /// Takes bytes back after a failed attempt. The post may claim them again.
    pub(super) fn give_back(&mut self, post: u64, bytes: u64) {
        if let Some(account) = self.posts.get_mut(&post) {
            let bytes = bytes.min(account.held);
            account.held -= bytes;
            account.claim += bytes;
            self.free += bytes;
        }
    }

    /// Reduces what the post may still claim.
    pub(super) fn reduce_claim(&mut self, post: u64, bytes: u64) {
        if let Some(account) = self.posts.get_mut(&post) {
            account.claim = account.claim.saturating_sub(bytes);
        }
    }

    /// All pictures of the post are fetched.
    pub(super) fn fetched(&mut self, post: u64) {
        if let Some(account) = self.posts.get_mut(&post) {
            *account = Account { held: account.held, claim: 0, is_fetched: true };
        }
    }

    /// Closes the account, and frees what the post holds.
    pub(super) fn close(&mut self, post: u64) {
        self.free += self.posts.remove(&post).map_or(0, |account| account.held);
    }

    /// Whether half of the bytes are held by posts whose pictures are all fetched: then the decoder is slow, not the
    /// servers.
    pub(super) fn decoder_is_behind(&self) -> bool {
        let fetched = self.posts.values().filter(|account| account.is_fetched);
        2 * fetched.map(|account| account.held).sum::<u64>() >= self.capacity
    }

    /// Whether all posts can get their claims in turn, the smallest claim first.
    fn is_safe(&self) -> bool {
        let mut accounts: Vec<Account> = self.posts.values().copied().collect();
        accounts.sort_unstable_by_key(|account| account.claim);
        let mut free = self.free;
        accounts.into_iter().all(|Account { held, claim, .. }| {
            let is_served = claim <= free;
            free += held;
            is_served
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_post_that_needs_little_passes_those_that_hold_parts_of_much() {
        let mut ledger = Ledger::new(100);
        let (first, second) = (ledger.open(80), ledger.open(80));
        assert!(ledger.take(first, 40));
        assert!(ledger.take(second, 20), "the first can still get its other 40");
        assert!(!ledger.take(second, 1), "and could no more: both would wait for ever");
        let small = ledger.open(10);
        assert!(ledger.take(small, 10), "it gives them back before the first needs them");
        assert!(ledger.take(first, 30));
        assert!(!ledger.take(first, 10), "there are none left");
        ledger.close(small);
        assert!(ledger.take(first, 10));
        ledger.reduce_claim(second, 60);
        assert!(!ledger.take(second, 1));
        ledger.close(first);
        assert!(ledger.take(second, 40), "a reduced claim may be exceeded where there are free bytes");
    }

    #[test]
    fn bytes_that_an_attempt_gives_back_may_be_taken_again() {
        let mut ledger = Ledger::new(100);
        let (post, other) = (ledger.open(60), ledger.open(40));
        assert!(ledger.take(post, 60) && !ledger.take(other, 41));
        ledger.give_back(post, 60);
        assert!(ledger.take(other, 40) && ledger.take(post, 60));
    }

    #[test]
    fn the_decoder_is_behind_when_half_of_the_bytes_wait_for_it() {
        let mut ledger = Ledger::new(100);
        let (first, second) = (ledger.open(80), ledger.open(80));
        assert!(ledger.take(first, 60) && !ledger.decoder_is_behind());
        ledger.fetched(first);
        assert!(ledger.decoder_is_behind());
        assert!(ledger.take(second, 40), "what waits for the decoder comes back");
        ledger.close(first);
        assert!(!ledger.decoder_is_behind());
    }

    proptest! {
        /// Whatever is asked for in whatever order: no more is given than there is, and every post can be served in
        /// turn.
        #[test]
        fn no_post_waits_for_ever(
            needs in prop::collection::vec(1_u64..=100, 1..8),
            steps in prop::collection::vec((0_usize..8, 1_u64..60, 0_u8..8), 0..200),
        ) {
            let mut ledger = Ledger::new(100);
            let posts: Vec<u64> = needs.iter().map(|&most| ledger.open(most)).collect();
            for (who, bytes, what) in steps {
                let post = posts[who % posts.len()];
                let Some(&account) = ledger.posts.get(&post) else { continue };
                match what {
                    0 => ledger.give_back(post, bytes),
                    1 => ledger.reduce_claim(post, bytes),
                    2 => ledger.fetched(post),
                    3 => ledger.close(post),
                    _ => {
                        ledger.take(post, bytes.min(account.claim));
                    }
                }
                prop_assert_eq!(ledger.free + ledger.posts.values().map(|post| post.held).sum::<u64>(), 100);
                prop_assert!(ledger.is_safe());
            }
            // Each in turn, those first who need least: all get what they may need.
            let mut claims: Vec<(u64, u64)> =
                ledger.posts.iter().map(|(&post, account)| (account.claim, post)).collect();
            claims.sort_unstable();
            for (claim, post) in claims {
                prop_assert!(ledger.take(post, claim));
                ledger.close(post);
            }
            prop_assert_eq!(ledger.free, 100);
        }
    }
}
