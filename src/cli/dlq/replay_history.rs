//! Replay history: the newest letter of each record, and whether it was replayed since.
//!
//! A replayed record that fails again has a new letter with one more attempt. A replayed record that is annotated has
//! none. So each replay writes a marker to the dead-letter topic: every operator sees it, and the topic deletes it
//! together with the letters.

use std::collections::HashMap;

use super::dead_letter::DeadLetter;

/// The state of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its record was not replayed.
    Live,
    /// Its record was replayed and has not failed again.
    Replayed,
    /// Its record was replayed and failed again as a later letter.
    CameBack,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Replayed => "replayed",
            Self::CameBack => "came-back",
        }
    }
}

/// A marker: this record was replayed after this number of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) record: blake3::Hash,
    pub(super) attempts: u32,
}

/// The letters and markers of a topic without their records: some hundred bytes each.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The newest letter of each record: its attempts and its position.
    newest: HashMap<blake3::Hash, (u32, (i32, i64))>,
    /// The attempts after which each record was replayed last.
    replayed: HashMap<blake3::Hash, u32>,
}

impl History {
    pub(super) fn add_letter(&mut self, letter: &DeadLetter) {
        let this = (letter.attempts, letter.position);
        let newest = self.newest.entry(letter.record()).or_insert(this);
        // Equal keys lie in one partition, so that of equal attempts (a crash writes some letters twice) one counts.
        *newest = this.max(*newest);
    }

    pub(super) fn add_marker(&mut self, marker: Marker) {
        let replayed = self.replayed.entry(marker.record).or_default();
        *replayed = marker.attempts.max(*replayed);
    }

    /// How a letter stands. One that came after all was read is live.
    pub(super) fn state(&self, letter: &DeadLetter) -> State {
        let record = letter.record();
        if self.newest.get(&record).is_some_and(|&newest| newest > (letter.attempts, letter.position)) {
            State::CameBack
        } else if self.replayed.get(&record).is_some_and(|&attempts| attempts >= letter.attempts) {
            State::Replayed
        } else {
            State::Live
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dead_letter::tests::letter;
    use super::*;

    fn attempt(attempts: u32, offset: i64) -> DeadLetter {
        DeadLetter { attempts, position: (0, offset), ..letter() }
    }

    fn states(history: &History, letters: &[DeadLetter]) -> Vec<State> {
        letters.iter().map(|letter| history.state(letter)).collect()
    }

    #[test]
    fn of_a_record_that_came_back_three_times_the_last_letter_is_live() {
        let letters: Vec<DeadLetter> =
            (1..=4).map(|attempts| attempt(attempts, 10 * i64::from(attempts))).collect();
        let mut history = History::default();
        for letter in &letters {
            history.add_letter(letter);
            let marker = Marker { record: letter.record(), attempts: letter.attempts };
            if letter.attempts < 4 {
                history.add_marker(marker);
            }
        }
        use State::{CameBack, Live, Replayed};
        assert_eq!(states(&history, &letters), [CameBack, CameBack, CameBack, Live]);
        history.add_marker(Marker { record: letters[3].record(), attempts: 4 });
        assert_eq!(states(&history, &letters), [CameBack, CameBack, CameBack, Replayed]);
    }

    #[test]
    fn a_letter_that_was_written_twice_counts_once_and_a_record_that_lies_about_its_past_hides_no_other() {
        let mut history = History::default();
        let twice = [attempt(1, 5), attempt(1, 6)];
        let liar = DeadLetter { value: Some(b"something else".to_vec()), ..attempt(99, 7) };
        twice.iter().chain([&liar]).for_each(|letter| history.add_letter(letter));
        assert_eq!(states(&history, &twice), [State::CameBack, State::Live]);
        assert_eq!(history.state(&liar), State::Live);
        assert_eq!(history.state(&attempt(1, 8)), State::Live, "it came after all was read");
    }
}
