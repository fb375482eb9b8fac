//! Which dead letters are meant? By class, stage, time and words.

use std::time::{Duration, SystemTime};

use super::letter::Letter;
use crate::domain::RejectionClass;

/// Which dead letters; all that is given must hold.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Choice {
    /// Of this class; may be given several times.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(RejectionClass::ALL.map(RejectionClass::as_str)))]
    class: Vec<String>,
    /// Refused by this stage, such as `decode`; may be given several times.
    #[arg(long)]
    stage: Vec<String>,
    /// Whose message contains these words.
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    /// Set aside since then: a time such as 2026-01-31T08:00:00Z, or so long ago, such as 2h.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<SystemTime>,
    /// Set aside before then, likewise.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<SystemTime>,
    /// Tried so often at most, replays included.
    #[arg(long, value_name = "COUNT")]
    max_attempts: Option<u32>,
    /// So many at most.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

impl Choice {
    pub(super) fn takes(&self, letter: &Letter) -> bool {
        let of = |wanted: &[String], is: &str| wanted.is_empty() || wanted.iter().any(|one| one == is);
        let written = letter.written;
        of(&self.class, &letter.class)
            && of(&self.stage, &letter.stage)
            && self.contains.as_ref().is_none_or(|words| letter.message.contains(words))
            && self.since.is_none_or(|since| written.is_some_and(|written| written >= since))
            && self.until.is_none_or(|until| written.is_some_and(|written| written < until))
            && self.max_attempts.is_none_or(|most| letter.attempts <= most)
    }

    /// Whether any more are wanted where so many were found.
    pub(super) fn wants_more(&self, found: usize) -> bool {
        self.limit.is_none_or(|limit| found < limit)
    }
}

fn moment(text: &str) -> Result<SystemTime, String> {
    if let Ok(moment) = humantime::parse_rfc3339_weak(text) {
        return Ok(moment);
    }
    let ago: Duration = humantime::parse_duration(text)
        .map_err(|_| "neither a time such as 2026-01-31T08:00:00Z nor a length such as 2h".to_owned())?;
    SystemTime::now().checked_sub(ago).ok_or_else(|| "longer ago than clocks go".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            class: "malformed".to_owned(),
            stage: "decode".to_owned(),
            message: "not JSON: line 1".to_owned(),
            written: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)),
            attempts: 3,
            ..Letter::default()
        }
    }

    #[test]
    fn all_that_is_given_must_hold() {
        let at = |second| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
        let words = |text: &str| vec![text.to_owned()];
        let cases = [
            ("nothing", Choice::default(), true),
            ("its class", Choice { class: words("malformed"), ..Choice::default() }, true),
            ("another", Choice { class: words("poison"), ..Choice::default() }, false),
            ("another stage", Choice { stage: words("entail"), ..Choice::default() }, false),
            ("its words", Choice { contains: Some("JSON".to_owned()), ..Choice::default() }, true),
            ("since then", Choice { since: at(1000), ..Choice::default() }, true),
            ("tried so often", Choice { max_attempts: Some(3), ..Choice::default() }, true),
            ("tried too often", Choice { max_attempts: Some(2), ..Choice::default() }, false),
            ("before then", Choice { until: at(1000), ..Choice::default() }, false),
            (
                "one of two",
                Choice { class: words("malformed"), stage: words("entail"), ..Choice::default() },
                false,
            ),
        ];
        for (name, choice, expected) in cases {
            assert_eq!(choice.takes(&letter()), expected, "{name}");
        }
        let two = Choice { limit: Some(2), ..Choice::default() };
        assert!(two.wants_more(1) && !two.wants_more(2));
    }

    #[test]
    fn times_are_moments_or_so_long_ago() {
        assert_eq!(moment("1970-01-01T00:16:40Z"), Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)));
        let two_hours_ago = moment("2h").unwrap();
        let ago = SystemTime::now().duration_since(two_hours_ago).unwrap();
        assert!((7200..7300).contains(&ago.as_secs()));
        assert!(moment("yesterday").is_err());
    }
}
