//! Fair order of requests. Flows take turns: the second request of one waits for the first ones of all others.

use std::collections::HashMap;

use super::Flow;

/// A request's place in the order: by rounds, in each of which every flow has one request, and within a round by arrival.
///
/// By requests rather than by cost: the costs of a lane's requests are alike, and a long text that waited until all
/// others had had as much would wait for many short ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    round: u64,
    arrival: u64,
}

/// Gives out turns.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    /// The round that is being served.
    round: u64,
    arrivals: u64,
    /// The last round that each flow has a request in, as far as it is still to come.
    last_rounds: HashMap<Flow, u64>,
    /// Rounds that have been served are forgotten when there are so many entries: each flow costs the same, however many
    /// there are.
    forget_at: usize,
}

/// Entries that are not worth forgetting: a few times the posts in flight.
const MIN_ENTRIES: usize = 256;

/// No request is so many rounds ahead, which is more than a flow has places in a lane: a flow that was often served
/// beside others, where batches had room, does not pay for it with a long wait.
const MOST_AHEAD: u64 = 256;

impl Turns {
    /// The turn of a request that begins to wait: in the round after the one that is being served, or after that of its
    /// flow's last request. Nobody enters the round that is being served, so every round comes to its end.
    pub(super) fn enter(&mut self, flow: Flow) -> Turn {
        if self.last_rounds.len() >= self.forget_at.max(MIN_ENTRIES) {
            let served = self.round;
            self.last_rounds.retain(|_, last| *last > served);
            self.forget_at = 2 * self.last_rounds.len();
        }
        let last = self.last_rounds.entry(flow).or_default();
        *last = (self.round.max(*last) + 1).min(self.round + MOST_AHEAD);
        self.arrivals += 1;
        Turn { round: *last, arrival: self.arrivals }
    }

    /// The first of all turns has come.
    pub(super) fn come_to(&mut self, turn: Turn) {
        self.round = self.round.max(turn.round);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Flows;
    use super::*;

    #[test]
    fn one_flow_is_first_come_first_served() {
        let mut turns = Turns::default();
        let given: Vec<Turn> = (0..10)
            .map(|number| {
                let turn = turns.enter(Flow::default());
                if number % 3 == 0 {
                    turns.come_to(turn);
                }
                turn
            })
            .collect();
        assert!(given.is_sorted(), "{given:?}");
    }

    #[test]
    fn a_newcomer_comes_after_one_request_of_each_flow_that_waits() {
        let (mut turns, flows) = (Turns::default(), Flows::default());
        let [first, second, newcomer] = [flows.begin(), flows.begin(), flows.begin()];
        let crowd: Vec<Turn> = (0..5).flat_map(|_| [first, second]).map(|flow| turns.enter(flow)).collect();
        let turn = turns.enter(newcomer);
        assert_eq!(crowd.iter().filter(|other| **other < turn).count(), 2);
    }

    #[test]
    fn newcomers_without_end_do_not_keep_anybody_waiting() {
        let (mut turns, flows) = (Turns::default(), Flows::default());
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
            turns.come_to(next);
            waiting.push(turns.enter(flows.begin()));
        }
        panic!("its turn never came");
    }

    #[test]
    fn flows_whose_rounds_are_over_are_forgotten() {
        let (mut turns, flows) = (Turns::default(), Flows::default());
        for _ in 0..100_000 {
            let turn = turns.enter(flows.begin());
            turns.come_to(turn);
        }
        assert!(turns.last_rounds.len() <= MIN_ENTRIES);
    }
}
