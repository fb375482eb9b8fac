//! Fault injection: a seeded plan of kills, pauses and broker crashes, and its execution.

use std::fmt;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Arguments;
use super::broker::Broker;
use super::supervisor::Supervisor;

/// One injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGKILL to an engine.
    Kill(usize),
    /// SIGSTOP to an engine, SIGCONT after the duration.
    Pause(usize, Duration),
    /// The broker crashes and restarts.
    Crash,
}

/// Shorter than the group's session timeout.
const SHORT_PAUSE: Duration = Duration::from_millis(1500);
/// Longer than the session timeout: the engine resumes as a zombie whose partitions have been reassigned.
const LONG_PAUSE: Duration = Duration::from_secs(7);

/// All faults of a run with their times.
pub(crate) struct Plan {
    faults: Vec<(Duration, Fault)>,
    length: Duration,
}

/// Numbers of injected faults.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FaultCounts {
    pub(crate) kills: usize,
    pub(crate) restarts: usize,
    pub(crate) pauses: usize,
    /// Pauses longer than the session timeout.
    pub(crate) zombies: usize,
}

impl Plan {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed.wrapping_add(1));
        let length = Duration::from_secs(arguments.seconds);
        let mut faults = Vec::new();
        faults.extend((0..arguments.kills).map(|_| Fault::Kill(rng.random_range(0..1000))));
        faults.extend((0..arguments.restarts).map(|_| Fault::Crash));
        faults.extend((0..arguments.pauses).map(|number| {
            let length = if number % 2 == 0 { LONG_PAUSE } else { SHORT_PAUSE };
            Fault::Pause(rng.random_range(0..1000), length)
        }));
        faults.shuffle(&mut rng);
        let share = length.as_secs_f64() / faults.len().max(1) as f64;
        // Each fault has an equal share of the run, and a random moment within it.
        let at = |index: usize, rng: &mut ChaCha8Rng| {
            Duration::from_secs_f64(share * (index as f64 + rng.random_range(0.1..0.9)))
        };
        let faults =
            faults.into_iter().enumerate().map(|(index, fault)| (at(index, &mut rng), fault)).collect();
        Self { faults, length }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} faults in {} s", self.faults.len(), self.length.as_secs())
    }
}

/// Executes the plan. A broker crash delays the faults after it until the broker has restarted.
pub(crate) fn inject(plan: Plan, broker: &Broker, supervisor: &Supervisor) -> FaultCounts {
    let begun = Instant::now();
    let until =
        |moment: Duration| std::thread::sleep((begun + moment).saturating_duration_since(Instant::now()));
    let mut counts = FaultCounts::default();
    let mut paused: Vec<(Instant, usize)> = Vec::new();
    for (moment, fault) in plan.faults {
        while let Some(&(resumes, number)) = paused.first().filter(|(resumes, _)| *resumes < begun + moment) {
            until(resumes - begun);
            supervisor.resume(number);
            paused.remove(0);
        }
        until(moment);
        match fault {
            Fault::Kill(number) => {
                supervisor.kill(supervisor.pick(number));
                counts.kills += 1;
            }
            Fault::Pause(number, length) => {
                let number = supervisor.pick(number);
                supervisor.pause(number);
                paused.push((Instant::now() + length, number));
                paused.sort_unstable();
                counts.pauses += 1;
                counts.zombies += usize::from(length == LONG_PAUSE);
            }
            Fault::Crash => {
                broker.crash();
                broker.boot();
                counts.restarts += 1;
            }
        }
    }
    for (resumes, number) in paused {
        until(resumes - begun);
        supervisor.resume(number);
    }
    until(plan.length);
    counts
}
