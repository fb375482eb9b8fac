//! What is done to engines and broker, and when? A seeded plan, and the hand that carries it out.

use std::fmt;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Arguments;
use super::broker::Broker;
use super::crew::Crew;

/// What is done at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// SIGKILL to an engine.
    Kill(usize),
    /// SIGSTOP to an engine, SIGCONT after that long.
    Pause(usize, Duration),
    /// The broker crashes, and is away for a moment.
    Crash,
}

/// A moment that is shorter than the group's patience with a member.
const NAP: Duration = Duration::from_millis(1500);
/// One that is longer: the engine wakes up as a zombie, whose partitions are others' by then.
const COMA: Duration = Duration::from_secs(7);

/// All deeds of a run, each with its time.
pub(crate) struct Plan {
    deeds: Vec<(Duration, Deed)>,
    length: Duration,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wreaked {
    pub(crate) kills: usize,
    pub(crate) restarts: usize,
    pub(crate) pauses: usize,
    /// Pauses that were longer than the group waits.
    pub(crate) zombies: usize,
}

impl Plan {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(arguments.seed.wrapping_add(1));
        let length = Duration::from_secs(arguments.seconds);
        let mut deeds = Vec::new();
        deeds.extend((0..arguments.kills).map(|_| Deed::Kill(chance.random_range(0..1000))));
        deeds.extend((0..arguments.restarts).map(|_| Deed::Crash));
        deeds.extend((0..arguments.pauses).map(|number| {
            let long = if number % 2 == 0 { COMA } else { NAP };
            Deed::Pause(chance.random_range(0..1000), long)
        }));
        deeds.shuffle(&mut chance);
        let share = length.as_secs_f64() / deeds.len().max(1) as f64;
        // Each in its share of the time, at a moment of chance.
        let at = |index: usize, chance: &mut ChaCha8Rng| {
            Duration::from_secs_f64(share * (index as f64 + chance.random_range(0.1..0.9)))
        };
        let deeds =
            deeds.into_iter().enumerate().map(|(index, deed)| (at(index, &mut chance), deed)).collect();
        Self { deeds, length }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} deeds in {} s", self.deeds.len(), self.length.as_secs())
    }
}

/// Carries the plan out. A crash of the broker, and the time until it is there again, holds up what comes after it.
pub(crate) fn wreak(plan: Plan, broker: &Broker, crew: &Crew) -> Wreaked {
    let begun = Instant::now();
    let until =
        |moment: Duration| std::thread::sleep((begun + moment).saturating_duration_since(Instant::now()));
    let mut wreaked = Wreaked::default();
    let mut asleep: Vec<(Instant, usize)> = Vec::new();
    for (moment, deed) in plan.deeds {
        while let Some(&(wakes, number)) = asleep.first().filter(|(wakes, _)| *wakes < begun + moment) {
            until(wakes - begun);
            crew.wake(number);
            asleep.remove(0);
        }
        until(moment);
        match deed {
            Deed::Kill(number) => {
                crew.kill(crew.pick(number));
                wreaked.kills += 1;
            }
            Deed::Pause(number, long) => {
                let number = crew.pick(number);
                crew.pause(number);
                asleep.push((Instant::now() + long, number));
                asleep.sort_unstable();
                wreaked.pauses += 1;
                wreaked.zombies += usize::from(long == COMA);
            }
            Deed::Crash => {
                broker.crash();
                broker.come_up();
                wreaked.restarts += 1;
            }
        }
    }
    for (wakes, number) in asleep {
        until(wakes - begun);
        crew.wake(number);
    }
    until(plan.length);
    wreaked
}
