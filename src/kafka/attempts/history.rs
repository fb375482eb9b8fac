//! What follows from what was written down? Who is suspected of having killed a process, and who is convicted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::event::{Event, Key};

/// Deaths of processes that worked on nothing else: once may be chance, twice is not.
const DEADLY: u32 = 2;
/// The most suspects that are remembered, far above what is worked on at one time; the oldest are forgotten first.
const MOST: usize = 4096;

/// What is to be thought of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is known against it.
    Free,
    /// A process died while it worked on it: it is worked on alone.
    Suspect,
    /// It has killed: it is not worked on.
    Poison {
        /// Processes that died while they worked on it.
        deaths: u32,
    },
}

/// What happened to the posts that are or were worked on.
#[derive(Debug, Default, Clone)]
pub(super) struct History {
    open: BTreeSet<Key>,
    /// How many processes died of each alone.
    suspects: BTreeMap<Key, u32>,
    /// The order in which they became suspects.
    age: VecDeque<Key>,
    stopping: bool,
}

impl History {
    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::Begun(key) => drop(self.open.insert(key)),
            Event::Done(key) => {
                self.open.remove(&key);
                // It was worked on and nobody died. What is convicted is never worked on.
                if self.suspects.get(&key).is_some_and(|&deaths| deaths < DEADLY) {
                    self.suspects.remove(&key);
                    self.age.retain(|other| *other != key);
                }
            }
            Event::Suspected(key, deaths) => self.suspect(key, deaths),
            Event::Stopping => self.stopping = true,
        }
    }

    /// Takes over what another process left behind that has died.
    pub(super) fn inherit(&mut self, dead: Self) {
        let (open, stopping) = (dead.open.clone(), dead.stopping);
        let alone = u32::from(open.len() == 1);
        self.learn(dead);
        if stopping {
            return;
        }
        for key in open {
            let deaths = self.suspects.get(&key).copied().unwrap_or(0);
            self.suspect(key, deaths + alone);
        }
    }

    /// Takes over what another process knows, whether it lives or not.
    pub(super) fn learn(&mut self, other: Self) {
        for key in other.age {
            let deaths = other.suspects.get(&key).copied().unwrap_or(0);
            self.suspect(key, deaths);
        }
    }

    pub(super) fn verdict(&self, key: &Key) -> Verdict {
        match self.suspects.get(key) {
            None => Verdict::Free,
            Some(&deaths) if deaths < DEADLY => Verdict::Suspect,
            // One more, in whose crowd it was first suspected.
            Some(&deaths) => Verdict::Poison { deaths },
        }
    }

    /// The fewest events that lead to the same history.
    pub(super) fn events(&self) -> Vec<Event> {
        let suspects = self.age.iter().map(|key| Event::Suspected(key.clone(), self.suspects[key]));
        let open = self.open.iter().cloned().map(Event::Begun);
        suspects.chain(open).chain(self.stopping.then_some(Event::Stopping)).collect()
    }

    fn suspect(&mut self, key: Key, deaths: u32) {
        let known = self.suspects.get(&key).copied();
        self.suspects.insert(key.clone(), known.map_or(deaths, |known| known.max(deaths)));
        if known.is_none() {
            self.age.push_back(key);
        }
        while self.age.len() > MOST {
            if let Some(oldest) = self.age.pop_front() {
                self.suspects.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(offset: i64) -> Key {
        Key { topic: "posts".into(), partition: 0, offset, timestamp: 0 }
    }

    /// The process after one that began `open` and then died.
    fn after_death(before: &History, open: &[i64]) -> History {
        let mut dying = before.clone();
        open.iter().for_each(|&offset| dying.apply(Event::Begun(key(offset))));
        let mut next = History::default();
        next.inherit(dying);
        next
    }

    #[test]
    fn a_crowd_is_suspected_and_cleared_one_by_one_and_the_deadly_one_convicted() {
        let mut history = after_death(&History::default(), &[1, 2, 3]);
        assert_eq!([1, 2, 3].map(|offset| history.verdict(&key(offset))), [Verdict::Suspect; 3]);
        assert_eq!(history.verdict(&key(4)), Verdict::Free);
        history.apply(Event::Begun(key(1)));
        history.apply(Event::Done(key(1)));
        assert_eq!(history.verdict(&key(1)), Verdict::Free);
        let history = after_death(&history, &[2]);
        assert_eq!(history.verdict(&key(2)), Verdict::Suspect, "once may be chance");
        assert_eq!(history.verdict(&key(3)), Verdict::Suspect, "it was not looked at yet");
        let history = after_death(&history, &[2]);
        assert_eq!(history.verdict(&key(2)), Verdict::Poison { deaths: 2 });
        let history = after_death(&history, &[7, 8]);
        assert_eq!(history.verdict(&key(2)), Verdict::Poison { deaths: 2 }, "what is convicted stays so");
    }

    #[test]
    fn the_end_of_a_process_that_was_told_to_stop_is_no_fault_of_its_posts() {
        let mut stopped = History::default();
        stopped.apply(Event::Begun(key(1)));
        stopped.apply(Event::Stopping);
        let mut next = History::default();
        next.inherit(stopped);
        assert_eq!(next.verdict(&key(1)), Verdict::Free);
    }

    #[test]
    fn deaths_in_two_processes_count_as_the_most_of_either() {
        let dead = after_death(&History::default(), &[1]);
        let mut next = dead.clone();
        next.inherit(after_death(&dead, &[1]));
        assert_eq!(next.verdict(&key(1)), Verdict::Poison { deaths: 2 });
    }

    #[test]
    fn its_own_events_lead_to_the_same_history() {
        let mut history = after_death(&after_death(&History::default(), &[5, 4]), &[5]);
        history.apply(Event::Begun(key(9)));
        let mut again = History::default();
        history.events().into_iter().for_each(|event| again.apply(event));
        assert_eq!(again.events(), history.events());
        assert_eq!(again.verdict(&key(5)), Verdict::Suspect);
    }

    #[test]
    fn the_oldest_suspects_are_forgotten() {
        let crowd: Vec<i64> = (0..MOST as i64 + 10).collect();
        let history = after_death(&History::default(), &crowd);
        assert_eq!(history.verdict(&key(9)), Verdict::Free);
        assert_eq!(history.verdict(&key(10)), Verdict::Suspect);
        assert_eq!(history.events().len(), MOST);
    }
}
