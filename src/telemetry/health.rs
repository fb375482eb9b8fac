//! Health: whether the engine is ready and alive. The clock is passed in.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{StallLimits, WorkProgress};

/// State of the engine for its probes. Shared by all parts.
#[derive(Debug, Default)]
pub struct Health {
    state: Mutex<State>,
    progress: WorkProgress,
    limits: StallLimits,
}

/// A loop that must keep turning.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat {
    /// When it turned last.
    pub last: Instant,
    /// How long it may stand still.
    pub limit: Duration,
}

#[derive(Debug, Default)]
struct State {
    models_warm: bool,
    partitions_assigned: bool,
    draining: bool,
    lost: Option<String>,
    waits: BTreeMap<&'static str, String>,
    notes: BTreeMap<&'static str, String>,
    loops: BTreeMap<&'static str, Heartbeat>,
}

impl Health {
    /// Health that includes the progress of work, within limits.
    #[must_use]
    pub fn watching(progress: WorkProgress, limits: StallLimits) -> Self {
        Self { state: Mutex::default(), progress, limits }
    }

    /// Every network answered its samples.
    pub fn models_are_warm(&self) {
        self.state().models_warm = true;
    }

    /// The consumer group has assigned partitions, or none because there are fewer than engines.
    pub fn partitions_are_assigned(&self) {
        self.state().partitions_assigned = true;
    }

    /// The engine takes no posts from Kafka, and so needs no partitions.
    pub fn reads_no_topic(&self) {
        self.partitions_are_assigned();
    }

    /// The engine reads no more posts.
    pub fn is_draining(&self) {
        self.state().draining = true;
    }

    /// A fault has happened that only a restart mends.
    pub fn is_lost(&self, reason: &str) {
        self.state().lost.get_or_insert_with(|| reason.to_owned());
    }

    /// The part of that name cannot work for a temporary reason, such as an unreachable broker.
    pub fn waits(&self, name: &'static str, reason: String) {
        self.state().waits.insert(name, reason);
    }

    /// The reason has passed.
    pub fn no_longer_waits(&self, name: &'static str) {
        self.state().waits.remove(name);
    }

    /// An optional dependency of that name is unavailable, or available again (`None`). If `strict`, the engine is not
    /// ready meanwhile; otherwise it is ready with a note.
    pub fn optional_part(&self, name: &'static str, strict: bool, away: Option<String>) {
        let mut state = self.state();
        state.waits.remove(name);
        state.notes.remove(name);
        if let Some(reason) = away {
            if strict { &mut state.waits } else { &mut state.notes }.insert(name, reason);
        }
    }

    /// Notes of a ready engine; empty: none.
    pub fn notes(&self) -> String {
        let notes: Vec<String> = self.state().notes.values().cloned().collect();
        notes.join(", ")
    }

    /// The loop of that name turned at `now`, and will turn again within `limit`.
    pub fn ticked(&self, name: &'static str, limit: Duration, now: Instant) {
        self.state().loops.insert(name, Heartbeat { last: now, limit });
    }

    /// The loop of that name has ended in order.
    pub fn ended(&self, name: &'static str) {
        self.state().loops.remove(name);
    }

    /// Whether posts can be read.
    ///
    /// # Errors
    /// What is missing or makes no progress.
    pub fn ready(&self, now: Instant) -> Result<(), String> {
        let stalled = self.progress.stalled(now, self.limits.ready);
        let state = self.state();
        let missing = [
            (!state.models_warm, "the networks are not warm"),
            (!state.partitions_assigned, "no partitions are assigned"),
            (state.draining, "the engine is draining"),
            (state.lost.is_some(), "the engine is broken"),
        ];
        let words: Vec<&str> = missing
            .into_iter()
            .filter_map(|(is, word)| is.then_some(word))
            .chain(state.waits.values().map(String::as_str))
            .chain(stalled.iter().map(String::as_str))
            .collect();
        if words.is_empty() { Ok(()) } else { Err(words.join(", ")) }
    }

    /// Whether every loop turns, all work makes progress and no fault needs a restart.
    ///
    /// # Errors
    /// What stands still, for how long, or what is broken.
    pub fn alive(&self, now: Instant) -> Result<(), String> {
        let state = self.state();
        let still = state.loops.iter().filter_map(|(name, beat)| {
            let still = now.saturating_duration_since(beat.last);
            (still > beat.limit).then(|| format!("`{name}` has not turned for {:.1} s", still.as_secs_f64()))
        });
        let stalled = self.progress.stalled(now, self.limits.alive);
        let faults: Vec<String> = state.lost.clone().into_iter().chain(still).chain(stalled).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join(", ")) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment: a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_warm_and_assigned_and_not_draining() {
        let health = Health::default();
        assert_eq!(
            health.ready(Instant::now()),
            Err("the networks are not warm, no partitions are assigned".to_owned())
        );
        health.models_are_warm();
        assert!(health.ready(Instant::now()).is_err());
        health.partitions_are_assigned();
        assert_eq!(health.ready(Instant::now()), Ok(()));
        health.is_draining();
        assert_eq!(health.ready(Instant::now()), Err("the engine is draining".to_owned()));
    }

    #[test]
    fn a_part_that_waits_makes_the_engine_unready_but_not_dead_and_names_the_reason() {
        let health = Health::default();
        health.models_are_warm();
        health.partitions_are_assigned();
        health.waits("ingest", "topic `posts` does not exist".to_owned());
        assert_eq!(health.ready(Instant::now()), Err("topic `posts` does not exist".to_owned()));
        assert_eq!(health.alive(Instant::now()), Ok(()));
        health.no_longer_waits("ingest");
        assert_eq!(health.ready(Instant::now()), Ok(()));
    }

    #[test]
    fn a_missing_optional_part_is_a_note_unless_it_is_strict() {
        let health = Health::default();
        health.models_are_warm();
        health.partitions_are_assigned();
        health.optional_part("llm", false, Some("`a` is away".to_owned()));
        assert_eq!((health.ready(Instant::now()), health.notes()), (Ok(()), "`a` is away".to_owned()));
        health.optional_part("llm", true, Some("`a` is away".to_owned()));
        assert_eq!(
            (health.ready(Instant::now()), health.notes()),
            (Err("`a` is away".to_owned()), String::new())
        );
        health.optional_part("llm", true, None);
        assert_eq!((health.ready(Instant::now()), health.notes()), (Ok(()), String::new()));
    }

    #[test]
    fn alive_is_every_loop_turning_within_its_limit() {
        let health = Health::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(health.alive(after(1000)), Ok(()), "no loop runs yet: starting is not a fault");
        health.ticked("consumer", Duration::from_secs(10), start);
        health.ticked("producer", Duration::from_secs(30), start);
        assert_eq!(health.alive(after(10)), Ok(()));
        assert_eq!(health.alive(after(11)), Err("`consumer` has not turned for 11.0 s".to_owned()));
        health.ticked("consumer", Duration::from_secs(10), after(11));
        assert_eq!(health.alive(after(12)), Ok(()));
        health.ended("consumer");
        assert_eq!(health.alive(after(25)), Ok(()), "a loop that has ended may stand still");
    }

    #[test]
    fn work_without_progress_is_not_ready_and_then_not_alive() {
        let progress = WorkProgress::default();
        let limits = StallLimits { ready: Duration::from_secs(10), alive: Duration::from_secs(100) };
        let health = Health::watching(progress.clone(), limits);
        health.models_are_warm();
        health.partitions_are_assigned();
        let start = Instant::now();
        progress.advance("segment", start);
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!((health.ready(after(10)), health.alive(after(10))), (Ok(()), Ok(())));
        let says = |seconds| Err(format!("`segment` has made no progress for {seconds} s"));
        assert_eq!((health.ready(after(11)), health.alive(after(11))), (says(11), Ok(())));
        assert_eq!(health.alive(after(101)), says(101));
        progress.finish("segment");
        assert_eq!(health.ready(after(101)), Ok(()));
    }

    #[test]
    fn a_lost_engine_is_neither_ready_nor_alive() {
        let health = Health::default();
        health.models_are_warm();
        health.partitions_are_assigned();
        health.is_lost("the device is lost: fell off the bus");
        assert!(health.ready(Instant::now()).is_err());
        assert_eq!(health.alive(Instant::now()), Err("the device is lost: fell off the bus".to_owned()));
    }
}
