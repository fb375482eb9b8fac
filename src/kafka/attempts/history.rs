//! History: which posts are suspects or poison, as derived from the events of this process and of dead ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::event::{Event, RecordId};

/// Deaths of processes that worked on the post alone. One may be a coincidence, two are not.
const POISON_DEATHS: u32 = 2;
/// How many suspects are kept, far more than posts in flight. The oldest are dropped first.
const MAX_SUSPECTS: usize = 4096;

/// What is known about a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No process died while it worked on the post.
    Clear,
    /// A process died while it worked on the post: it must be worked on alone.
    Suspect,
    /// It has killed processes: it must not be worked on.
    Poison {
        /// Processes that died while they worked on it alone.
        deaths: u32,
    },
}

/// The state that events lead to.
#[derive(Debug, Default, Clone)]
pub(super) struct History {
    /// Begun and not done.
    open: BTreeSet<RecordId>,
    /// For each suspect: processes that died while they worked on it alone.
    suspects: BTreeMap<RecordId, u32>,
    /// Suspects in the order in which they were added.
    age: VecDeque<RecordId>,
    stopping: bool,
}

impl History {
    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::Begun(id) => drop(self.open.insert(id)),
            Event::Done(id) => {
                self.open.remove(&id);
                // The process survived it. A poison post is never worked on.
                if self.suspects.get(&id).is_some_and(|&deaths| deaths < POISON_DEATHS) {
                    self.suspects.remove(&id);
                    self.age.retain(|other| *other != id);
                }
            }
            Event::Suspected(id, deaths) => self.suspect(id, deaths),
            Event::Stopping => self.stopping = true,
        }
    }

    /// Takes over the history of a dead process. Its open posts become suspects, unless it was told to stop.
    pub(super) fn inherit(&mut self, dead: Self) {
        let (open, stopping) = (dead.open.clone(), dead.stopping);
        let alone = u32::from(open.len() == 1);
        self.learn(dead);
        if stopping {
            return;
        }
        for id in open {
            let deaths = self.suspects.get(&id).copied().unwrap_or(0);
            self.suspect(id, deaths + alone);
        }
    }

    /// Takes over the suspects of another process, alive or dead.
    pub(super) fn learn(&mut self, other: Self) {
        for id in other.age {
            let deaths = other.suspects.get(&id).copied().unwrap_or(0);
            self.suspect(id, deaths);
        }
    }

    pub(super) fn verdict(&self, id: &RecordId) -> Verdict {
        match self.suspects.get(id) {
            None => Verdict::Clear,
            Some(&deaths) if deaths < POISON_DEATHS => Verdict::Suspect,
            Some(&deaths) => Verdict::Poison { deaths },
        }
    }

    /// The shortest list of events that leads to this history.
    pub(super) fn events(&self) -> Vec<Event> {
        let suspects = self.age.iter().map(|id| Event::Suspected(id.clone(), self.suspects[id]));
        let open = self.open.iter().cloned().map(Event::Begun);
        suspects.chain(open).chain(self.stopping.then_some(Event::Stopping)).collect()
    }

    fn suspect(&mut self, id: RecordId, deaths: u32) {
        let known = self.suspects.get(&id).copied();
        self.suspects.insert(id.clone(), known.map_or(deaths, |known| known.max(deaths)));
        if known.is_none() {
            self.age.push_back(id);
        }
        while self.age.len() > MAX_SUSPECTS {
            if let Some(oldest) = self.age.pop_front() {
                self.suspects.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(offset: i64) -> RecordId {
        RecordId { topic: "posts".into(), partition: 0, offset, timestamp: 0 }
    }

    /// The history of a process after one that began `open` and then died.
    fn after_death(before: &History, open: &[i64]) -> History {
        let mut dying = before.clone();
        open.iter().for_each(|&offset| dying.apply(Event::Begun(id(offset))));
        let mut next = History::default();
        next.inherit(dying);
        next
    }

    #[test]
    fn suspects_are_cleared_one_by_one_and_the_deadly_one_becomes_poison() {
        let mut history = after_death(&History::default(), &[1, 2, 3]);
        assert_eq!([1, 2, 3].map(|offset| history.verdict(&id(offset))), [Verdict::Suspect; 3]);
        assert_eq!(history.verdict(&id(4)), Verdict::Clear);
        history.apply(Event::Begun(id(1)));
        history.apply(Event::Done(id(1)));
        assert_eq!(history.verdict(&id(1)), Verdict::Clear);
        let history = after_death(&history, &[2]);
        assert_eq!(history.verdict(&id(2)), Verdict::Suspect, "one death may be a coincidence");
        assert_eq!(history.verdict(&id(3)), Verdict::Suspect, "it was not worked on alone yet");
        let history = after_death(&history, &[2]);
        assert_eq!(history.verdict(&id(2)), Verdict::Poison { deaths: 2 });
        let history = after_death(&history, &[7, 8]);
        assert_eq!(history.verdict(&id(2)), Verdict::Poison { deaths: 2 }, "poison stays poison");
    }

    #[test]
    fn posts_of_a_process_that_was_told_to_stop_are_no_suspects() {
        let mut stopped = History::default();
        stopped.apply(Event::Begun(id(1)));
        stopped.apply(Event::Stopping);
        let mut next = History::default();
        next.inherit(stopped);
        assert_eq!(next.verdict(&id(1)), Verdict::Clear);
    }

    #[test]
    fn of_two_histories_the_higher_count_of_deaths_counts() {
        let dead = after_death(&History::default(), &[1]);
        let mut next = dead.clone();
        next.inherit(after_death(&dead, &[1]));
        assert_eq!(next.verdict(&id(1)), Verdict::Poison { deaths: 2 });
    }

    #[test]
    fn its_events_lead_to_the_same_history() {
        let mut history = after_death(&after_death(&History::default(), &[5, 4]), &[5]);
        history.apply(Event::Begun(id(9)));
        let mut again = History::default();
        history.events().into_iter().for_each(|event| again.apply(event));
        assert_eq!(again.events(), history.events());
        assert_eq!(again.verdict(&id(5)), Verdict::Suspect);
    }

    #[test]
    fn the_oldest_suspects_are_dropped() {
        let crowd: Vec<i64> = (0..MAX_SUSPECTS as i64 + 10).collect();
        let history = after_death(&History::default(), &crowd);
        assert_eq!(history.verdict(&id(9)), Verdict::Clear);
        assert_eq!(history.verdict(&id(10)), Verdict::Suspect);
        assert_eq!(history.events().len(), MAX_SUSPECTS);
    }
}
