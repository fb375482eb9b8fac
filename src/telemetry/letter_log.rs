//! Which dead letters does the log name? The first few of each class in a minute; the others as a number.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Dead letters of one class that are named within [`MINUTE`]: enough to look some up, and with all classes at their limit
/// still less than a line a second.
const NAMED: u64 = 5;
/// How long a class's letters are counted before the rest of them are told as a number.
const MINUTE: Duration = Duration::from_secs(60);

/// Decides which dead letters are named. The clock is passed in.
#[derive(Debug, Default)]
pub struct LetterLog(Mutex<BTreeMap<&'static str, Counted>>);

/// The letters of one class since a moment.
#[derive(Debug)]
struct Counted {
    since: Instant,
    letters: u64,
}

/// Letters of one class that were not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unnamed {
    /// Their class.
    pub class: &'static str,
    /// How many.
    pub letters: u64,
}

impl LetterLog {
    /// A letter of that class was written: whether the log names it.
    pub fn is_named(&self, class: &'static str, now: Instant) -> bool {
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = classes.entry(class).or_insert(Counted { since: now, letters: 0 });
        counted.letters += 1;
        counted.letters <= NAMED
    }

    /// The letters that were not named, of the classes whose minute is over. Their next letter begins another one.
    pub fn unnamed(&self, now: Instant) -> Vec<Unnamed> {
        self.taken(|counted| now.saturating_duration_since(counted.since) >= MINUTE)
    }

    /// The letters that were not named, of all classes: there will be no more.
    pub fn last_unnamed(&self) -> Vec<Unnamed> {
        self.taken(|_| true)
    }

    fn taken(&self, is_over: impl Fn(&Counted) -> bool) -> Vec<Unnamed> {
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = classes.extract_if(.., |_, counted| is_over(counted));
        let unnamed =
            over.map(|(class, counted)| Unnamed { class, letters: counted.letters.saturating_sub(NAMED) });
        unnamed.filter(|unnamed| unnamed.letters > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_of_a_class_are_named_in_a_minute_and_the_others_are_counted() {
        let (log, start) = (LetterLog::default(), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        let named = |class, second| log.is_named(class, at(second));
        assert_eq!((0..8).filter(|&second| named("malformed", second)).count(), 5);
        assert!(named("expired", 10), "another class has a limit of its own");
        assert_eq!(log.unnamed(at(59)), []);
        assert_eq!(log.unnamed(at(60)), [Unnamed { class: "malformed", letters: 3 }]);
        assert_eq!(log.unnamed(at(70)), [], "all of its letters were named");
        assert!(named("malformed", 71), "another minute");
        assert_eq!(log.unnamed(at(90)), []);
    }

    #[test]
    fn what_was_not_named_is_told_when_there_will_be_no_more() {
        let (log, now) = (LetterLog::default(), Instant::now());
        assert_eq!((0..7).filter(|_| log.is_named("poison", now)).count(), 5);
        assert_eq!(log.last_unnamed(), [Unnamed { class: "poison", letters: 2 }]);
        assert_eq!(log.last_unnamed(), []);
    }
}
