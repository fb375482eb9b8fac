//! Shall Redis be asked now? After a fault it is left alone for a moment, then one asks for all. The clock is passed in.

use std::time::{Duration, Instant};

/// What is known of how Redis does.
#[derive(Debug)]
pub(super) struct Rest {
    pause: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    Resting {
        until: Instant,
    },
    /// One is asking since then, and may have been dropped meanwhile.
    Tried {
        at: Instant,
    },
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Everybody.
    Ask,
    /// The asker alone, with a new connection.
    Try,
    /// Nobody.
    Wait,
}

impl Rest {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, state: State::Well }
    }

    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        match self.state {
            State::Well => Turn::Ask,
            State::Resting { until } if now >= until => self.tried(now),
            State::Tried { at } if now.saturating_duration_since(at) >= self.pause => self.tried(now),
            State::Resting { .. } | State::Tried { .. } => Turn::Wait,
        }
    }

    /// Whether it was not well before.
    pub(super) fn went_well(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Well) != State::Well
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.state = State::Resting { until: now + self.pause };
    }

    fn tried(&mut self, now: Instant) -> Turn {
        self.state = State::Tried { at: now };
        Turn::Try
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_fault_one_asks_for_all_once_a_pause_is_over() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut rest = Rest::new(Duration::from_secs(2));
        assert_eq!((rest.turn(at(0)), rest.went_well()), (Turn::Ask, false));
        rest.failed(at(0));
        assert_eq!([1, 2, 3].map(|second| rest.turn(at(second))), [Turn::Wait, Turn::Try, Turn::Wait]);
        rest.failed(at(3));
        assert_eq!([4, 5].map(|second| rest.turn(at(second))), [Turn::Wait, Turn::Try]);
        assert_eq!(rest.turn(at(7)), Turn::Try, "who tried may have left");
        assert!(rest.went_well());
        assert_eq!(rest.turn(at(7)), Turn::Ask);
    }
}
