//! Freshness: whether an answer is used, by its age alone. The clock is passed in.

use std::time::Duration;

use super::id::AnswerId;
use super::record::Record;

/// The state of a stored answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It is used.
    Fresh,
    /// It is used, and renewed in the background.
    Stale,
    /// It is ignored.
    Expired,
}

/// How long answers are used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lifetimes {
    /// The longest time that an answer is fresh.
    pub(super) ttl: Duration,
    /// The part of that time by which lifetimes differ, 0 to 1.
    pub(super) jitter: f64,
    /// How long an answer without a text is fresh.
    pub(super) negative_ttl: Duration,
    /// How long an answer is stale before it expires.
    pub(super) stale_for: Duration,
}

/// The largest difference between clocks of machines. An answer from further in the future is from a clock that was set
/// back or is wrong.
const CLOCK_SKEW: Duration = Duration::from_secs(600);

impl Lifetimes {
    /// The state of an answer at `now`, in milliseconds since 1970.
    pub(super) fn freshness(&self, id: &AnswerId, record: &Record, now: u64) -> Freshness {
        let age = Duration::from_millis(now.saturating_sub(record.made_at));
        let ahead = Duration::from_millis(record.made_at.saturating_sub(now));
        if age >= self.total(id, record) {
            Freshness::Expired
        } else if ahead > CLOCK_SKEW {
            // Its age is unknown. It is used and renewed, so that no caller waits after a clock was set back; but not further
            // from now than stale answers are, because otherwise it would be used until that future time.
            let stale = if record.text.is_some() { self.stale_for } else { Duration::ZERO };
            if ahead > stale.max(CLOCK_SKEW) { Freshness::Expired } else { Freshness::Stale }
        } else if age >= self.fresh_for(id, record) {
            Freshness::Stale
        } else {
            Freshness::Fresh
        }
    }

    /// The time until it expires.
    pub(super) fn time_left(&self, id: &AnswerId, record: &Record, now: u64) -> Duration {
        let age = Duration::from_millis(now.saturating_sub(record.made_at));
        self.total(id, record).saturating_sub(age)
    }

    /// The age at which every answer has expired.
    pub(super) fn max_age(&self) -> Duration {
        self.ttl.saturating_add(self.stale_for).max(self.negative_ttl)
    }

    fn total(&self, id: &AnswerId, record: &Record) -> Duration {
        // An answer without a text is not used when it is stale.
        let stale = if record.text.is_some() { self.stale_for } else { Duration::ZERO };
        self.fresh_for(id, record).saturating_add(stale)
    }

    /// The jitter comes from the key, which is a hash: answers of one moment expire at different times, and each answer
    /// always at the same time.
    fn fresh_for(&self, id: &AnswerId, record: &Record) -> Duration {
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

    const LIFETIMES: Lifetimes = Lifetimes {
        ttl: Duration::from_secs(1000),
        jitter: 0.1,
        negative_ttl: Duration::from_secs(10),
        stale_for: Duration::from_secs(100),
    };

    fn id(first: u8) -> AnswerId {
        AnswerId { kind: Kind::Expansion, key: [first; 32] }
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
    fn an_answer_is_fresh_then_stale_then_expired_and_one_without_a_text_is_never_stale() {
        let (text, none) = (made(5000, Some("a")), made(5000, None));
        let cases = [
            (0, &text, 5000, Freshness::Fresh),
            (0, &text, 5999, Freshness::Fresh),
            (0, &text, 6000, Freshness::Stale),
            (0, &text, 6099, Freshness::Stale),
            (0, &text, 6100, Freshness::Expired),
            (255, &text, 5900, Freshness::Fresh),
            (255, &text, 5901, Freshness::Stale),
            (0, &none, 5009, Freshness::Fresh),
            (0, &none, 5010, Freshness::Expired),
            (0, &text, 4401, Freshness::Fresh),
            (0, &text, 4399, Freshness::Expired),
        ];
        for (first, record, now, expected) in cases {
            assert_eq!(
                LIFETIMES.freshness(&id(first), record, now * 1000),
                expected,
                "{first} {now} {:?}",
                record.text
            );
        }
    }

    #[test]
    fn an_answer_from_the_future_is_renewed_as_long_as_stale_ones_are_and_one_without_a_text_expires() {
        let lifetimes = Lifetimes { stale_for: Duration::from_secs(3600), ..LIFETIMES };
        let (text, none) = (made(50_000, Some("a")), made(50_000, None));
        let cases = [
            (&text, 49_400, Freshness::Fresh),
            (&text, 49_399, Freshness::Stale),
            (&text, 46_400, Freshness::Stale),
            (&text, 46_399, Freshness::Expired),
            (&none, 49_400, Freshness::Fresh),
            (&none, 49_399, Freshness::Expired),
        ];
        for (record, now, expected) in cases {
            assert_eq!(lifetimes.freshness(&id(0), record, now * 1000), expected, "{now} {:?}", record.text);
        }
    }

    proptest! {
        #[test]
        fn the_time_left_ends_at_expiry_and_many_answers_expire_over_the_whole_jitter(
            keys in prop::collection::vec(any::<[u8; 32]>(), 50..60),
        ) {
            let record = made(5000, Some("a"));
            let mut ends: Vec<u64> = Vec::new();
            for key in keys {
                let id = AnswerId { kind: Kind::Expansion, key };
                let left = LIFETIMES.time_left(&id, &record, 5_000_000);
                prop_assert!(left <= LIFETIMES.max_age());
                let end = 5_000_000 + u64::try_from(left.as_millis()).unwrap();
                prop_assert_eq!(LIFETIMES.freshness(&id, &record, end - 1), Freshness::Stale);
                prop_assert_eq!(LIFETIMES.freshness(&id, &record, end + 1), Freshness::Expired);
                ends.push(end);
            }
            ends.sort_unstable();
            prop_assert!(ends[ends.len() - 1] - ends[0] > 30_000, "{ends:?}");
        }
    }
}
