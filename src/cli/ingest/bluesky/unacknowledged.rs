//! Unacknowledged events: those that the broker has not confirmed, and the time up to which it has everything.
//!
//! Confirmations of different partitions come in any order, so that the time moves on only past the oldest event that
//! waits for its own.

use std::collections::VecDeque;

/// Events that may wait: two seconds of the whole network's changes.
const MAX_EVENTS: usize = 4096;

/// Bytes that may wait.
const MAX_BYTES: usize = 32 << 20;

/// Events in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged {
    waiting: VecDeque<Entry>,
    /// The number of the first that waits.
    first: u64,
    bytes: usize,
    cursor: Option<u64>,
}

#[derive(Debug)]
struct Entry {
    /// The latest time that was read up to the next event.
    covers: u64,
    bytes: usize,
    is_done: bool,
}

impl Unacknowledged {
    /// Whether another event may be sent. A long one is sent alone.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.is_empty() || (self.waiting.len() < MAX_EVENTS && self.bytes < MAX_BYTES)
    }

    /// The time up to which the broker has everything that was read.
    pub(super) fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    /// The number of events that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// An event is sent. Returns its number.
    pub(super) fn push(&mut self, time: u64, bytes: usize) -> u64 {
        // What was before the first event is nobody's loss.
        self.cursor.get_or_insert(time.saturating_sub(1));
        self.waiting.push_back(Entry { covers: time, bytes, is_done: false });
        self.bytes += bytes;
        self.first + self.waiting.len() as u64 - 1
    }

    /// An event was read that is not sent.
    pub(super) fn passed(&mut self, time: u64) {
        match self.waiting.back_mut() {
            Some(last) => last.covers = last.covers.max(time),
            None => self.cursor = self.cursor.max(Some(time)),
        }
    }

    /// The broker has the event of this number, or never takes it.
    pub(super) fn done(&mut self, number: u64) {
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.waiting.get_mut(place)) {
            entry.is_done = true;
        }
        while let Some(entry) = self.waiting.pop_front_if(|entry| entry.is_done) {
            self.first += 1;
            self.bytes -= entry.bytes;
            self.cursor = self.cursor.max(Some(entry.covers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_moves_past_an_event_only_when_all_before_it_are_confirmed() {
        let mut events = Unacknowledged::default();
        let numbers = [10, 20, 30].map(|time| events.push(time, 1));
        events.passed(35);
        assert_eq!((numbers, events.cursor()), ([0, 1, 2], Some(9)));
        events.done(1);
        assert_eq!((events.cursor(), events.len()), (Some(9), 3), "the first one waits");
        events.done(0);
        assert_eq!((events.cursor(), events.len()), (Some(20), 1));
        events.done(2);
        assert_eq!((events.cursor(), events.len()), (Some(35), 0), "what is not sent is covered too");
        events.passed(40);
        events.done(2);
        assert_eq!(events.cursor(), Some(40));
        // Repeats of an earlier time do not turn it back.
        let repeated = events.push(15, 1);
        events.done(repeated);
        assert_eq!(events.cursor(), Some(40));
    }

    #[test]
    fn events_and_bytes_are_bounded_and_one_long_event_is_sent() {
        let mut events = Unacknowledged::default();
        assert!(events.has_room());
        let long = events.push(1, 2 * MAX_BYTES);
        assert!(!events.has_room());
        events.done(long);
        assert!(events.has_room());
        for time in 0..MAX_EVENTS as u64 {
            events.push(time, 1);
        }
        assert!(!events.has_room());
    }

    #[test]
    fn any_order_of_confirmations_ends_with_everything_covered() {
        // Each event's place after a shuffle by a number that has no factor in common with their count.
        for step in [1, 3, 7, 9] {
            let mut events = Unacknowledged::default();
            let numbers: Vec<u64> = (1..=10).map(|time| events.push(time, 1)).collect();
            let mut confirmed = Vec::new();
            for place in (0..10).map(|turn| turn * step % 10) {
                events.done(numbers[place]);
                confirmed.push(place as u64 + 1);
                let complete = (1..=10).take_while(|time| confirmed.contains(time)).last().unwrap_or(0);
                assert_eq!(events.cursor(), Some(complete), "{confirmed:?}");
            }
        }
    }
}
