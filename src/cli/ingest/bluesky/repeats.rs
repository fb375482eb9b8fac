//! Repeats: the changes that were read lately, by which those that Jetstream sends again are dropped.

use std::collections::{HashSet, VecDeque};

/// Changes that are remembered. A connection begins five seconds before the last one ended: the whole network has about
/// a hundred posts a second, and a thousand changes of all kinds. They take some 3 MiB.
const REMEMBERED: usize = 65_536;

/// The fingerprints of the latest changes.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    known: HashSet<u128>,
    order: VecDeque<u128>,
}

impl Repeats {
    /// Remembers a change. Returns whether it is new.
    pub(super) fn is_new(&mut self, fingerprint: u128) -> bool {
        if !self.known.insert(fingerprint) {
            return false;
        }
        self.order.push_back(fingerprint);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_new_once_while_it_is_remembered_and_memory_is_bounded() {
        let mut repeats = Repeats::default();
        assert!(repeats.is_new(0) && !repeats.is_new(0));
        assert!((1..=REMEMBERED as u128).all(|number| repeats.is_new(number)));
        assert_eq!((repeats.known.len(), repeats.order.len()), (REMEMBERED, REMEMBERED));
        assert!(repeats.is_new(0), "the oldest is forgotten");
        assert!(!repeats.is_new(REMEMBERED as u128));
    }
}
