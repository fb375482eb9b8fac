//! May a post hold more bytes of pictures? Only where every post can still get all it may need, one after the other
//! (Dijkstra's banker's algorithm): posts that each hold a part and wait for more would otherwise wait for each other.

use std::collections::BTreeMap;

/// Who holds how many bytes. A pure state machine.
#[derive(Debug)]
pub(super) struct Ledger {
    whole: u64,
    free: u64,
    posts: BTreeMap<u64, Account>,
    next: u64,
}

/// What one post holds.
#[derive(Debug, Clone, Copy)]
struct Account {
    held: u64,
    /// What it may come to hold besides.
    open: u64,
    /// All its pictures are here, and wait for the decoder.
    is_fetched: bool,
}

impl Ledger {
    pub(super) fn new(whole: u64) -> Self {
        Self { whole, free: whole, posts: BTreeMap::new(), next: 0 }
    }

    /// A post that holds nothing yet and comes to hold `most` at the most; the number of its account. One that needs
    /// more than there is, gets all there is.
    pub(super) fn open(&mut self, most: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        let open = most.min(self.whole);
        self.posts.insert(number, Account { held: 0, open, is_fetched: false });
        number
    }

    /// Gives a post so many bytes, unless others could then be left without for ever.
    pub(super) fn take(&mut self, post: u64, bytes: u64) -> bool {
        let Some(account) = self.posts.get_mut(&post) else { return false };
        if bytes > self.free {
            return false;
        }
        let before = *account;
        account.held += bytes;
        account.open = account.open.saturating_sub(bytes);
        self.free -= bytes;
        if self.is_safe() {
            return true;
        }
        self.posts.insert(post, before);
        self.free += bytes;
        false
    }

    /// Takes bytes back that the post may need again: an attempt has failed.
    pub(super) fn give_back(&mut self, post: u64, bytes: u64) {
        if let Some(account) = self.posts.get_mut(&post) {
            let bytes = bytes.min(account.held);
            account.held -= bytes;
            account.open += bytes;
            self.free += bytes;
        }
    }

    /// The post will never need so much of what it might have needed.
    pub(super) fn renounce(&mut self, post: u64, bytes: u64) {
        if let Some(account) = self.posts.get_mut(&post) {
            account.open = account.open.saturating_sub(bytes);
        }
    }

    /// All pictures of the post are here.
    pub(super) fn fetched(&mut self, post: u64) {
        if let Some(account) = self.posts.get_mut(&post) {
            *account = Account { held: account.held, open: 0, is_fetched: true };
        }
    }

    /// The post is done with.
    pub(super) fn close(&mut self, post: u64) {
        self.free += self.posts.remove(&post).map_or(0, |account| account.held);
    }

    /// Whether half of the room is held by posts whose pictures are all here: it is the decoder that is slow then, and
    /// no server.
    pub(super) fn decoder_is_behind(&self) -> bool {
        let fetched = self.posts.values().filter(|account| account.is_fetched);
        2 * fetched.map(|account| account.held).sum::<u64>() >= self.whole
    }

    /// Whether all can be served, those first who need least.
    fn is_safe(&self) -> bool {
        let mut accounts: Vec<Account> = self.posts.values().copied().collect();
        accounts.sort_unstable_by_key(|account| account.open);
        let mut free = self.free;
        accounts.into_iter().all(|Account { held, open, .. }| {
            let is_served = open <= free;
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
        ledger.renounce(second, 60);
        assert!(!ledger.take(second, 1));
        ledger.close(first);
        assert!(ledger.take(second, 40), "what it renounced it may take all the same, if there is room");
    }

    #[test]
    fn what_an_attempt_gives_back_the_next_may_take() {
        let mut ledger = Ledger::new(100);
        let (post, other) = (ledger.open(60), ledger.open(40));
        assert!(ledger.take(post, 60) && !ledger.take(other, 41));
        ledger.give_back(post, 60);
        assert!(ledger.take(other, 40) && ledger.take(post, 60));
    }

    #[test]
    fn the_decoder_is_behind_when_half_of_the_room_waits_for_it() {
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
        /// Whatever is asked for in whatever order: no more is given than there is, and every post can be served in turn.
        #[test]
        fn nobody_waits_for_ever(
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
                    1 => ledger.renounce(post, bytes),
                    2 => ledger.fetched(post),
                    3 => ledger.close(post),
                    _ => {
                        ledger.take(post, bytes.min(account.open));
                    }
                }
                prop_assert_eq!(ledger.free + ledger.posts.values().map(|post| post.held).sum::<u64>(), 100);
                prop_assert!(ledger.is_safe());
            }
            // Each in turn, those first who need least: all get what they may need.
            let mut left: Vec<(u64, u64)> = ledger.posts.iter().map(|(&post, account)| (account.open, post)).collect();
            left.sort_unstable();
            for (open, post) in left {
                prop_assert!(ledger.take(post, open));
                ledger.close(post);
            }
            prop_assert_eq!(ledger.free, 100);
        }
    }
}
