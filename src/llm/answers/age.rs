//! Is an answer still good? By its age alone; the clock is passed in.

use std::time::Duration;

use super::asked::Id;
use super::record::Record;

/// How good an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// It is given.
    Fresh,
    /// It is given, and renewed behind whoever took it.
    Stale,
    /// It is as if it had never been.
    Gone,
}

/// How long answers live.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lives {
    /// The longest that an answer is fresh.
    pub(super) ttl: Duration,
    /// The part of it that an answer may lose, 0 to 1.
    pub(super) jitter: f64,
    /// How long it is known that there is no answer.
    pub(super) negative_ttl: Duration,
    /// How long an answer is stale, before it is gone.
    pub(super) stale_for: Duration,
}

/// Clocks of machines differ by this at most. What was made later than now by more was made before a clock was set back,
/// or by one that is wrong.
const SKEW: Duration = Duration::from_secs(600);

impl Lives {
    /// How good an answer is now, in milliseconds since 1970.
    pub(super) fn age(&self, id: &Id, record: &Record, now: u64) -> Age {
        let age = Duration::from_millis(now.saturating_sub(record.made_at));
        let ahead = Duration::from_millis(record.made_at.saturating_sub(now));
        if age >= self.whole(id, record) {
            Age::Gone
        } else if ahead > SKEW {
            // Nobody knows how old it is. It is given and renewed, so that nobody waits where a clock was set back, and
            // only as far from now as stale ones are: it would live until its time has come.
            let stale = if record.text.is_some() { self.stale_for } else { Duration::ZERO };
            if ahead > stale.max(SKEW) { Age::Gone } else { Age::Stale }
        } else if age >= self.fresh(id, record) {
            Age::Stale
        } else {
            Age::Fresh
        }
    }

    /// How long until it is gone.
    pub(super) fn left(&self, id: &Id, record: &Record, now: u64) -> Duration {
        let age = Duration::from_millis(now.saturating_sub(record.made_at));
        self.whole(id, record).saturating_sub(age)
    }

    /// The age at which any answer is gone.
    pub(super) fn longest(&self) -> Duration {
        self.ttl.saturating_add(self.stale_for).max(self.negative_ttl)
    }

    fn whole(&self, id: &Id, record: &Record) -> Duration {
        // That there was no answer is not worth repeating once it is doubted.
        let stale = if record.text.is_some() { self.stale_for } else { Duration::ZERO };
        self.fresh(id, record).saturating_add(stale)
    }

    /// Answers that were made at one time end at different times, each always at the same: by their keys, which are
    /// hashes.
    fn fresh(&self, id: &Id, record: &Record) -> Duration {
        let ttl = if record.text.is_some() { self.ttl } else { self.negative_ttl };
        let (first, _) = id.key.split_at(4);
        let drawn = first.iter().fold(0_u32, |drawn, &byte| (drawn << 8) | u32::from(byte));
        let lost = self.jitter * f64::from(drawn) / 2_f64.powi(32);
        ttl.mul_f64((1.0 - lost).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Kind;
    use super::*;

    const LIVES: Lives = Lives {
        ttl: Duration::from_secs(1000),
        jitter: 0.1,
        negative_ttl: Duration::from_secs(10),
        stale_for: Duration::from_secs(100),
    };

    fn id(first: u8) -> Id {
        Id { kind: Kind::Expansion, key: [first; 32] }
    }

    fn made(seconds: u64, text: Option<&str>) -> Record {
        Record {
            subject: String::new(),
            model: String::new(),
            text: text.map(Into::into),
            refused: None,
            made_at: seconds * 1000,
        }
    }

    #[test]
    fn an_answer_is_fresh_then_stale_then_gone_and_no_answer_is_never_stale() {
        let (text, none) = (made(5000, Some("a")), made(5000, None));
        let cases = [
            (0, &text, 5000, Age::Fresh),
            (0, &text, 5999, Age::Fresh),
            (0, &text, 6000, Age::Stale),
            (0, &text, 6099, Age::Stale),
            (0, &text, 6100, Age::Gone),
            (255, &text, 5900, Age::Fresh),
            (255, &text, 5901, Age::Stale),
            (0, &none, 5009, Age::Fresh),
            (0, &none, 5010, Age::Gone),
            (0, &text, 4401, Age::Fresh),
            (0, &text, 4399, Age::Gone),
        ];
        for (first, record, now, expected) in cases {
            assert_eq!(
                LIVES.age(&id(first), record, now * 1000),
                expected,
                "{first} {now} {:?}",
                record.text
            );
        }
    }

    #[test]
    fn an_answer_from_the_future_is_renewed_as_long_as_stale_ones_are_and_no_answer_is_gone() {
        let lives = Lives { stale_for: Duration::from_secs(3600), ..LIVES };
        let (text, none) = (made(50_000, Some("a")), made(50_000, None));
        let cases = [
            (&text, 49_400, Age::Fresh),
            (&text, 49_399, Age::Stale),
            (&text, 46_400, Age::Stale),
            (&text, 46_399, Age::Gone),
            (&none, 49_400, Age::Fresh),
            (&none, 49_399, Age::Gone),
        ];
        for (record, now, expected) in cases {
            assert_eq!(lives.age(&id(0), record, now * 1000), expected, "{now} {:?}", record.text);
        }
    }

    proptest! {
        #[test]
        fn what_is_left_ends_when_it_is_gone_and_a_crowd_ends_over_the_whole_jitter(
            keys in prop::collection::vec(any::<[u8; 32]>(), 50..60),
        ) {
            let record = made(5000, Some("a"));
            let mut ends: Vec<u64> = Vec::new();
            for key in keys {
                let id = Id { kind: Kind::Expansion, key };
                let left = LIVES.left(&id, &record, 5_000_000);
                prop_assert!(left <= LIVES.longest());
                let end = 5_000_000 + u64::try_from(left.as_millis()).unwrap();
                prop_assert_eq!(LIVES.age(&id, &record, end - 1), Age::Stale);
                prop_assert_eq!(LIVES.age(&id, &record, end + 1), Age::Gone);
                ends.push(end);
            }
            ends.sort_unstable();
            prop_assert!(ends[ends.len() - 1] - ends[0] > 30_000, "{ends:?}");
        }
    }
}
