//! Filter of dead letters: by class, stage, time and words.

use std::time::SystemTime;

use super::dead_letter::DeadLetter;
use crate::cli::moment;
use crate::domain::RejectionClass;

/// Conditions of dead letters; all given ones must hold.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Filter {
    /// The class; may be given several times.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(RejectionClass::ALL.map(RejectionClass::as_str)))]
    class: Vec<String>,
    /// The stage that rejected the post, such as `decode`; may be given several times.
    #[arg(long)]
    stage: Vec<String>,
    /// Words in the message.
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    /// Written since this time, such as 2026-01-31T08:00:00Z, or for this long, such as 2h.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<SystemTime>,
    /// Written before this time or age.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    until: Option<SystemTime>,
    /// The most attempts, replays included.
    #[arg(long, value_name = "COUNT")]
    max_attempts: Option<u32>,
    /// The most letters.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

impl Filter {
    pub(super) fn matches(&self, letter: &DeadLetter) -> bool {
        let of = |wanted: &[String], is: &str| wanted.is_empty() || wanted.iter().any(|one| one == is);
        let written = letter.written;
        of(&self.class, &letter.class)
            && of(&self.stage, &letter.stage)
            && self.contains.as_ref().is_none_or(|words| letter.message.contains(words))
            && self.since.is_none_or(|since| written.is_some_and(|written| written >= since))
            && self.until.is_none_or(|until| written.is_some_and(|written| written < until))
            && self.max_attempts.is_none_or(|most| letter.attempts <= most)
    }

    /// Whether the limit allows more letters than those found.
    pub(super) fn wants_more(&self, found: usize) -> bool {
        self.limit.is_none_or(|limit| found < limit)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn letter() -> DeadLetter {
        DeadLetter {
            class: "malformed".to_owned(),
            stage: "decode".to_owned(),
            message: "not JSON: line 1".to_owned(),
            written: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)),
            attempts: 3,
            ..DeadLetter::default()
        }
    }

    #[test]
    fn all_that_is_given_must_hold() {
        let at = |second| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
        let words = |text: &str| vec![text.to_owned()];
        let cases = [
            ("nothing", Filter::default(), true),
            ("its class", Filter { class: words("malformed"), ..Filter::default() }, true),
            ("another", Filter { class: words("poison"), ..Filter::default() }, false),
            ("another stage", Filter { stage: words("entail"), ..Filter::default() }, false),
            ("its words", Filter { contains: Some("JSON".to_owned()), ..Filter::default() }, true),
            ("since then", Filter { since: at(1000), ..Filter::default() }, true),
            ("tried so often", Filter { max_attempts: Some(3), ..Filter::default() }, true),
            ("tried too often", Filter { max_attempts: Some(2), ..Filter::default() }, false),
            ("before then", Filter { until: at(1000), ..Filter::default() }, false),
            (
                "one of two",
                Filter { class: words("malformed"), stage: words("entail"), ..Filter::default() },
                false,
            ),
        ];
        for (name, filter, expected) in cases {
            assert_eq!(filter.matches(&letter()), expected, "{name}");
        }
        let two = Filter { limit: Some(2), ..Filter::default() };
        assert!(two.wants_more(1) && !two.wants_more(2));
    }
}
