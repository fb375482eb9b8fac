//! Log limit of dead letters: the first few of each class in a minute are logged one by one, the others as a number.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Dead letters of one class that are logged within [`MINUTE`]: enough to look some up, and less than a line a second
/// with all classes at their limit.
const MAX_LOGGED: u64 = 5;
/// How long a class's letters are counted before the rest of them are told as a number.
const MINUTE: Duration = Duration::from_secs(60);

/// Decides which dead letters are logged one by one. The clock is passed in.
#[derive(Debug, Default)]
pub struct DeadLetterLog(Mutex<BTreeMap<&'static str, Counted>>);

/// The letters of one class since a moment.
#[derive(Debug)]
struct Counted {
    since: Instant,
    letters: u64,
}

/// Dead letters of one class that were not logged one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suppressed {
    /// Their class.
    pub class: &'static str,
    /// How many.
    pub letters: u64,
}

impl DeadLetterLog {
    /// A dead letter of that class was written: whether to log it.
    pub fn should_log(&self, class: &'static str, now: Instant) -> bool {
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = classes.entry(class).or_insert(Counted { since: now, letters: 0 });
        counted.letters += 1;
        counted.letters <= MAX_LOGGED
    }

    /// The suppressed letters of the classes whose minute is over. Their next letter begins another minute.
    pub fn take_suppressed(&self, now: Instant) -> Vec<Suppressed> {
        self.take(|counted| now.saturating_duration_since(counted.since) >= MINUTE)
    }

    /// The suppressed letters of all classes, at the end.
    pub fn take_all_suppressed(&self) -> Vec<Suppressed> {
        self.take(|_| true)
    }

    fn take(&self, is_over: impl Fn(&Counted) -> bool) -> Vec<Suppressed> {
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = classes.extract_if(.., |_, counted| is_over(counted));
        let suppressed = over.map(|(class, counted)| Suppressed {
            class,
            letters: counted.letters.saturating_sub(MAX_LOGGED),
        });
        suppressed.filter(|suppressed| suppressed.letters > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_of_a_class_are_logged_in_a_minute_and_the_others_are_counted() {
        let (log, start) = (DeadLetterLog::default(), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        let named = |class, second| log.should_log(class, at(second));
        assert_eq!((0..8).filter(|&second| named("malformed", second)).count(), 5);
        assert!(named("expired", 10), "another class has a limit of its own");
        assert_eq!(log.take_suppressed(at(59)), []);
        assert_eq!(log.take_suppressed(at(60)), [Suppressed { class: "malformed", letters: 3 }]);
        assert_eq!(log.take_suppressed(at(70)), [], "all of its letters were named");
        assert!(named("malformed", 71), "another minute");
        assert_eq!(log.take_suppressed(at(90)), []);
    }

    #[test]
    fn suppressed_letters_of_all_classes_are_counted_at_the_end() {
        let (log, now) = (DeadLetterLog::default(), Instant::now());
        assert_eq!((0..7).filter(|_| log.should_log("poison", now)).count(), 5);
        assert_eq!(log.take_all_suppressed(), [Suppressed { class: "poison", letters: 2 }]);
        assert_eq!(log.take_all_suppressed(), []);
    }
}
