//! What would the scheduler do? The engine's own decisions on a clock of our own: a year takes seconds.

use std::time::{Duration, Instant};

use super::{Cost, Flow, Policy, Queue};

/// A request that will come.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// When, from the start.
    pub at: Duration,
    /// For which lane, by index.
    pub lane: usize,
    /// What it weighs.
    pub cost: Cost,
}

/// A lane whose network is a formula.
pub struct SimulatedLane {
    /// The engine's queue; items are indices of arrivals.
    pub queue: Queue<usize>,
    /// How long a batch of so many members and such a padded cost takes.
    pub service: Box<dyn Fn(usize, u64) -> Duration>,
}

/// What became of one arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// When its batch was bound.
    pub started: Duration,
    /// When its batch was done.
    pub finished: Duration,
    /// How many were in its batch.
    pub members: usize,
    /// The padded cost of its batch.
    pub padded: u64,
}

/// Runs one device over all arrivals, which come in the order of time, and says for each what became of it.
#[must_use]
pub fn simulate(arrivals: &[Arrival], lanes: &mut [SimulatedLane]) -> Vec<Served> {
    // Instants cannot be made from nothing; only differences from this one matter.
    let epoch = Instant::now();
    let mut served = vec![
        Served { started: Duration::MAX, finished: Duration::MAX, members: 0, padded: 0 };
        arrivals.len()
    ];
    let mut now = Duration::ZERO;
    let mut next = 0;
    let mut policy = Policy::default();
    loop {
        while let Some(arrival) = arrivals.get(next).filter(|arrival| arrival.at <= now) {
            lanes[arrival.lane].queue.push(next, Flow::default(), arrival.cost, epoch + arrival.at);
            next += 1;
        }
        let offers: Vec<_> = lanes.iter().map(|lane| lane.queue.offer()).collect();
        if let Some(lane) = policy.choose(&offers, epoch + now) {
            now += run(&mut lanes[lane], now, &mut served);
        } else if let Some(arrival) = arrivals.get(next) {
            now = arrival.at;
        } else {
            return served;
        }
    }
}

fn run(lane: &mut SimulatedLane, now: Duration, served: &mut [Served]) -> Duration {
    let batch = lane.queue.bind(|_| true);
    let (members, padded) = (batch.members.len(), batch.padded());
    let took = (lane.service)(members, padded);
    lane.queue.batch_was_clean(padded, took);
    for member in batch.members {
        served[member.item] = Served { started: now, finished: now + took, members, padded };
    }
    took
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::super::Budget;
    use super::*;

    fn lane(max_requests: usize, patience: Duration, service: fn(usize) -> f64) -> SimulatedLane {
        let max_requests = NonZeroUsize::new(max_requests).unwrap();
        let queue = Queue::new(Budget { max_requests, max_cost: 1000, patience });
        SimulatedLane {
            queue,
            service: Box::new(move |members, _| Duration::from_secs_f64(service(members))),
        }
    }

    fn every(period_ms: u64, lane: usize, count: u64) -> impl Iterator<Item = Arrival> {
        (0..count).map(move |index| Arrival {
            at: Duration::from_millis(index * period_ms),
            lane,
            cost: Cost(1),
        })
    }

    #[test]
    fn a_lone_request_never_waits() {
        let arrivals: Vec<_> = every(100, 0, 50).collect();
        let served = simulate(&arrivals, &mut [lane(32, Duration::from_secs(5), |_| 0.05)]);
        for (arrival, served) in arrivals.iter().zip(&served) {
            assert_eq!((served.started, served.members), (arrival.at, 1));
        }
    }

    #[test]
    fn a_batch_takes_in_all_that_came_while_the_one_before_ran() {
        let arrivals: Vec<_> = every(1, 0, 21).collect();
        let served = simulate(&arrivals, &mut [lane(32, Duration::from_secs(5), |_| 0.01)]);
        assert_eq!(served[0].members, 1);
        assert!(served[1..11].iter().all(|served| served.members == 10), "{served:?}");
    }

    #[test]
    fn a_rare_stage_is_served_within_its_patience_and_one_batch_though_another_is_always_full() {
        let patience = Duration::from_millis(500);
        // The second lane gets twice what it can answer; the first one request a second.
        let mut arrivals: Vec<_> = every(5, 1, 4000).chain(every(1000, 0, 20)).collect();
        arrivals.sort_by_key(|arrival| arrival.at);
        let served = simulate(
            &arrivals,
            &mut [lane(8, patience, |_| 0.08), lane(8, Duration::from_secs(3600), |_| 0.08)],
        );
        for (arrival, served) in arrivals.iter().zip(&served).filter(|(arrival, _)| arrival.lane == 0) {
            let waited = served.started - arrival.at;
            assert!(waited <= patience + Duration::from_millis(80), "waited {waited:?}");
        }
    }

    #[test]
    fn the_same_arrivals_are_served_the_same_way() {
        let arrivals: Vec<_> = every(3, 0, 500).collect();
        let run =
            || simulate(&arrivals, &mut [lane(8, Duration::from_secs(1), |members| 0.002 * members as f64)]);
        assert_eq!(run(), run());
    }
}
