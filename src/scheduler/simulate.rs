//! Simulator: the scheduler's own decisions on a simulated clock.

use std::time::{Duration, Instant};

use super::bisect::answer_all;
use super::queue::padded_of;
use super::{Bound, Cost, Flow, ModelError, Policy, Queue};

/// A request that arrives.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// When, from the start.
    pub at: Duration,
    /// For which lane, by index.
    pub lane: usize,
    /// Its cost.
    pub cost: Cost,
}

/// A lane whose network is a formula.
pub struct SimulatedLane {
    /// The engine's queue; items are indices of arrivals.
    pub queue: Queue<usize>,
    /// How long a batch of so many members and such a padded cost takes.
    pub service: Box<dyn Fn(usize, u64) -> Duration>,
    /// The largest padded cost that fits into memory at this time, from the start.
    pub memory: Box<dyn Fn(Duration) -> u64>,
    /// When batches did not fit, or parts of them.
    pub out_of_memory: Vec<Duration>,
}

impl SimulatedLane {
    /// A lane with memory for everything.
    #[must_use]
    pub fn new(queue: Queue<usize>, service: Box<dyn Fn(usize, u64) -> Duration>) -> Self {
        Self { queue, service, memory: Box::new(|_| u64::MAX), out_of_memory: Vec::new() }
    }
}

/// The outcome of one arrival.
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

/// Runs one device with one executor over all arrivals, sorted by time, and returns the outcome of each.
#[must_use]
pub fn simulate(arrivals: &[Arrival], lanes: &mut [SimulatedLane]) -> Vec<Served> {
    simulate_several(1, arrivals, lanes)
}

/// Runs one device with so many executors, at least one, over all arrivals, sorted by time, and returns the outcome of
/// each. Whichever executor is free first binds the next batch; a batch takes as long beside others as alone.
#[must_use]
pub fn simulate_several(executors: usize, arrivals: &[Arrival], lanes: &mut [SimulatedLane]) -> Vec<Served> {
    // Instants cannot be made from nothing; only differences from this one matter.
    let epoch = Instant::now();
    let mut served = vec![
        Served { started: Duration::MAX, finished: Duration::MAX, members: 0, padded: 0 };
        arrivals.len()
    ];
    let mut free_at = vec![Duration::ZERO; executors.max(1)];
    let mut now = Duration::ZERO;
    let mut next = 0;
    let mut policy = Policy::default();
    loop {
        let Some(executor) = free_at.iter_mut().min() else { return served };
        now = now.max(*executor);
        while let Some(arrival) = arrivals.get(next).filter(|arrival| arrival.at <= now) {
            lanes[arrival.lane].queue.push(next, Flow::default(), arrival.cost, epoch + arrival.at);
            next += 1;
        }
        let offers: Vec<_> = lanes.iter().map(|lane| lane.queue.offer()).collect();
        if let Some(lane) = policy.choose(&offers, epoch + now) {
            *executor = now + run(&mut lanes[lane], now, &mut served);
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
    let mut took = Duration::ZERO;
    let was_cut_off = |part: &[Bound<usize>]| batch.was_cut_off && part.len() == members;
    answer_all(&batch.members, || false, |part, _| run_part(lane, (part, was_cut_off(part)), now, &mut took));
    for member in batch.members {
        served[member.item] = Served { started: now, finished: now + took, members, padded };
    }
    took
}

/// A batch that does not fit takes as long as if it had.
fn run_part(
    lane: &mut SimulatedLane,
    (part, was_cut_off): (&[Bound<usize>], bool),
    now: Duration,
    took: &mut Duration,
) -> Result<Vec<()>, ModelError> {
    let padded = padded_of(part);
    let time = (lane.service)(part.len(), padded);
    *took += time;
    if padded <= (lane.memory)(now) {
        lane.queue.batch_was_clean(padded, time, was_cut_off);
        return Ok(vec![(); part.len()]);
    }
    lane.out_of_memory.push(now);
    if part.len() > 1 {
        lane.queue.memory_ran_out(padded);
    }
    Err(ModelError::OutOfMemory(format!("for a batch of {padded}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::num::NonZeroUsize;

    use super::super::Budget;
    use super::*;

    fn lane(max_requests: usize, patience: Duration, service: fn(usize) -> f64) -> SimulatedLane {
        let max_requests = NonZeroUsize::new(max_requests).unwrap();
        let queue = Queue::new(Budget { max_requests, max_tokens: 1000, patience });
        SimulatedLane::new(queue, Box::new(move |members, _| Duration::from_secs_f64(service(members))))
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
    fn executors_share_a_lane_and_each_is_busy_while_requests_wait() {
        let arrivals: Vec<_> = every(0, 0, 400).collect();
        let one = || lane(4, Duration::from_secs(5), |_| 0.01);
        for executors in [1, 2, 5] {
            let served = simulate_several(executors, &arrivals, &mut [one()]);
            let end = served.iter().map(|served| served.finished).max();
            assert_eq!(end, Some(Duration::from_millis(1000 / executors as u64)), "{executors}");
        }
        // Each request finds an executor that is free, with two of them at less than their full load.
        let arrivals: Vec<_> = every(6, 0, 100).collect();
        let served = simulate_several(2, &arrivals, &mut [one()]);
        assert!(arrivals.iter().zip(&served).all(|(arrival, served)| served.started == arrival.at));
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

    /// A lane that is never idle, on a device that holds so much at a time.
    fn crowded(max_tokens: u32, memory: impl Fn(Duration) -> u64 + 'static) -> SimulatedLane {
        let max_requests = NonZeroUsize::new(64).unwrap();
        let queue = Queue::new(Budget { max_requests, max_tokens, patience: Duration::from_secs(5) });
        // A network that batches well: what a batch does not take costs much.
        let service = Box::new(|_, padded| Duration::from_micros(20_000 + 10 * padded));
        SimulatedLane { memory: Box::new(memory), ..SimulatedLane::new(queue, service) }
    }

    /// Requests that all wait from the start.
    fn crowd(count: u64, cost: impl Fn(u64) -> u32) -> Vec<Arrival> {
        (0..count).map(|index| Arrival { at: Duration::ZERO, lane: 0, cost: Cost(cost(index)) }).collect()
    }

    /// When the last was served.
    fn took(served: &[Served]) -> Duration {
        served.iter().map(|served| served.finished).max().unwrap()
    }

    /// From then on, which is after the size was looked for, one batch in five hundred at most did not fit.
    fn assert_seldom(name: &str, lane: &SimulatedLane, served: &[Served], from: Duration) {
        let started: BTreeSet<Duration> =
            served.iter().map(|served| served.started).filter(|&started| started >= from).collect();
        let failures = lane.out_of_memory.iter().filter(|&&at| at >= from).count();
        let batches = started.len();
        assert!(
            batches >= 500 && failures * 500 <= batches,
            "{name}: {failures} failures in {batches} batches"
        );
    }

    #[test]
    fn memory_of_unknown_size_is_found_and_hardly_ever_exceeded() {
        let texts = |index: u64| 20 + (index.wrapping_mul(2_654_435_761) % 300) as u32;
        type CostOf = fn(u64) -> u32;
        let costs: [(&str, CostOf); 3] = [
            ("pictures of one size", |_| 530),
            ("pictures that fit a few at a time", |_| 1_050),
            ("texts of many lengths", texts),
        ];
        for (name, cost) in costs {
            for memory in [2_400_u64, 3_300, 5_300, 7_000] {
                let arrivals = crowd(40_000, cost);
                let mut lanes = [crowded(8_192, move |_| memory)];
                let served = simulate(&arrivals, &mut lanes);
                let known = u32::try_from(memory).unwrap();
                let best = simulate(&arrivals, &mut [crowded(known, move |_| memory)]);
                let share = took(&best).as_secs_f64() / took(&served).as_secs_f64();
                let name = format!("{name}, {memory}");
                assert!(share >= 0.95, "{name}: {share:.3} of the best rate");
                assert_seldom(&name, &lanes[0], &served, took(&served) / 4);
            }
        }
    }

    #[test]
    fn memory_that_becomes_free_or_is_taken_away_is_found_again() {
        let (early, late) = (Duration::from_secs(60), Duration::from_secs(300));
        let memory = move |at| match at {
            at if at < early => 2_400,
            at if at < late => 7_000,
            _ => 3_300,
        };
        let mut lanes = [crowded(8_192, memory)];
        let served = simulate(&crowd(75_000, |_| 400), &mut lanes);
        let largest = |from: u64, to: u64| {
            let between = Duration::from_secs(from)..Duration::from_secs(to);
            let padded = served.iter().filter(|served| between.contains(&served.started));
            padded.map(|served| served.padded).filter(|&padded| padded <= memory(between.start)).max()
        };
        for (from, to, holds) in [(40, 60, 2_400), (250, 300, 7_000), (350, 400, 3_300)] {
            let found = largest(from, to).unwrap();
            assert!(100 * found >= 95 * holds, "{found} of {holds} from {from} s");
        }
    }
}
