//! Round robin between flows: the second request of one flow comes after the first requests of all others.

use std::collections::HashMap;

use super::Flow;

/// A request's position: first by round, in each of which every flow has one request, then by arrival.
///
/// Rounds count requests, not cost: the costs in a lane are similar, and a long text that waited until all other flows
/// had used as much would wait for many short ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    round: u64,
    arrival: u64,
}

/// Assigns turns.
#[derive(Debug, Clone, Default)]
pub(super) struct RoundRobin {
    /// The current round.
    round: u64,
    arrivals: u64,
    /// The last round in which each flow has a request, if that round is still to come.
    last_rounds: HashMap<Flow, u64>,
    /// Number of entries at which past rounds are removed. It grows with the entries, so the cost for each flow is
    /// constant.
    forget_at: usize,
}

/// Below this number of entries removal does not pay: a few times the posts in flight.
const MIN_ENTRIES: usize = 256;

/// A request is at most this many rounds ahead, which is more than a flow has places in a lane: a flow that was often
/// served beside others, where batches had room, does not wait long for that later.
const MAX_ROUNDS_AHEAD: u64 = 256;

impl RoundRobin {
    /// The turn of a new request: in the round after the current one, or after that of its flow's last request. No
    /// request enters the current round, so every round ends.
    pub(super) fn enter(&mut self, flow: Flow) -> Turn {
        if self.last_rounds.len() >= self.forget_at.max(MIN_ENTRIES) {
            let served = self.round;
            self.last_rounds.retain(|_, last| *last > served);
            self.forget_at = 2 * self.last_rounds.len();
        }
        let last = self.last_rounds.entry(flow).or_default();
        *last = (self.round.max(*last) + 1).min(self.round + MAX_ROUNDS_AHEAD);
        self.arrivals += 1;
        Turn { round: *last, arrival: self.arrivals }
    }

    /// Makes the round of this turn, the first of all, the current one.
    pub(super) fn advance_to(&mut self, turn: Turn) {
        self.round = self.round.max(turn.round);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Flows;
    use super::*;

    #[test]
    fn one_flow_is_first_come_first_served() {
        let mut turns = RoundRobin::default();
        let given: Vec<Turn> = (0..10)
            .map(|number| {
                let turn = turns.enter(Flow::default());
                if number % 3 == 0 {
                    turns.advance_to(turn);
                }
                turn
            })
            .collect();
        assert!(given.is_sorted(), "{given:?}");
    }

    #[test]
    fn a_newcomer_comes_after_one_request_of_each_flow_that_waits() {
        let (mut turns, flows) = (RoundRobin::default(), Flows::default());
        let [first, second, newcomer] = [flows.begin(), flows.begin(), flows.begin()];
        let crowd: Vec<Turn> = (0..5).flat_map(|_| [first, second]).map(|flow| turns.enter(flow)).collect();
        let turn = turns.enter(newcomer);
        assert_eq!(crowd.iter().filter(|other| **other < turn).count(), 2);
    }

    #[test]
    fn endless_newcomers_delay_no_request_without_bound() {
        let (mut turns, flows) = (RoundRobin::default(), Flows::default());
        let crowd = flows.begin();
        turns.enter(crowd);
        let patient = turns.enter(crowd);
        let mut waiting: Vec<Turn> = (0..3).map(|_| turns.enter(flows.begin())).collect();
        for served in 0..20 {
            waiting.sort_unstable();
            let next = waiting.remove(0);
            if patient < next {
                assert!(served <= 6, "after {served}");
                return;
            }
            turns.advance_to(next);
            waiting.push(turns.enter(flows.begin()));
        }
        panic!("its turn never came");
    }

    #[test]
    fn entries_of_past_rounds_are_removed() {
        let (mut turns, flows) = (RoundRobin::default(), Flows::default());
        for _ in 0..100_000 {
            let turn = turns.enter(flows.begin());
            turns.advance_to(turn);
        }
        assert!(turns.last_rounds.len() <= MIN_ENTRIES);
    }
}
