//! Which hosts are not asked for a while? Those that gave no answer many times in a row: each such request holds a turn
//! that others wait for.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use tracing::warn;

use super::error::{FetchError, FetchErrorKind};
use crate::common::http_util::{Breaker, Ended, Pass, Shut};
use crate::telemetry::{BreakerState, LogThrottle};

/// Hosts that are remembered. Strangers name them: past this number the one forgotten longest ago is asked as usual again.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).expect("not 0");
/// How often the log tells of a host: strangers can name any number of dead ones.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// The hosts that failed last. One that answers is forgotten at once.
#[derive(Debug)]
pub(super) struct Hosts {
    most: u32,
    pause: Duration,
    failing: Mutex<LruCache<String, Breaker>>,
    said: Mutex<LogThrottle>,
}

/// A request that was let through; where nobody says how it ended, nobody knows.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    hosts: &'a Hosts,
    host: &'a str,
    pass: Pass,
    is_told: bool,
}

impl Hosts {
    /// After `most` failures in a row a host is not asked for `pause`.
    pub(super) fn new(most: u32, pause: Duration) -> Self {
        let failing = Mutex::new(LruCache::new(REMEMBERED));
        Self { most, pause, failing, said: Mutex::new(LogThrottle::new(SAY_EVERY)) }
    }

    /// Whether a host would be asked.
    ///
    /// # Errors
    /// It is not; the message shows the address as `shown`.
    pub(super) fn check(&self, host: &str, shown: &str, now: Instant) -> Result<(), FetchError> {
        let checked = self.failing().peek(host).map_or(Ok(()), |breaker| breaker.check(now));
        checked.map_err(|shut| self.refused(&shut, shown))
    }

    /// Lets a request through.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(super) fn enter<'a>(
        &'a self,
        host: &'a str,
        shown: &str,
        now: Instant,
    ) -> Result<Entered<'a>, FetchError> {
        let entered = self.failing().get_mut(host).map_or(Ok(Pass::Usual), |breaker| breaker.enter(now));
        let pass = entered.map_err(|shut| self.refused(&shut, shown))?;
        Ok(Entered { hosts: self, host, pass, is_told: false })
    }

    fn refused(&self, shut: &Shut, shown: &str) -> FetchError {
        let when = match shut.left {
            Some(left) => format!("it is asked again in {left:.0?}"),
            None => "one request finds out now whether it answers".to_owned(),
        };
        let message = format!(
            "at `{shown}` was not asked for: its host gave no answer {} times in a row, and {when}",
            self.most
        );
        FetchError { kind: FetchErrorKind::HostIsShut { left: shut.left }, message }
    }

    fn ended(&self, host: &str, pass: Pass, how: Ended<'_>, now: Instant) {
        let mut failing = self.failing();
        match how {
            Ended::Well => {
                failing.pop(host);
            }
            Ended::Failed(why) => {
                let breaker =
                    failing.get_or_insert_mut(host.to_owned(), || Breaker::new(self.most, self.pause));
                let before = breaker.state();
                breaker.ended(pass, now, how);
                let is_shut = before != BreakerState::Open && breaker.state() == BreakerState::Open;
                if is_shut && self.said.lock().unwrap_or_else(PoisonError::into_inner).is_due(now) {
                    warn!(host, why, "a host is not asked for pictures for a while");
                }
            }
            Ended::Unknown => {
                if let Some(breaker) = failing.get_mut(host) {
                    breaker.ended(pass, now, how);
                }
            }
        }
    }

    fn failing(&self) -> MutexGuard<'_, LruCache<String, Breaker>> {
        // The map is whole at every moment at which a panic could leave it.
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered<'_> {
    /// What has become of the request. A host that says no has answered; whether one whose bytes found no room would have
    /// sent them all, nobody knows.
    pub(super) fn ended(mut self, fault: Option<&FetchError>, now: Instant) {
        self.is_told = true;
        let how = match fault.map(|error| (error.kind, &error.message)) {
            Some((FetchErrorKind::NoAnswer, message)) => Ended::Failed(message),
            Some((FetchErrorKind::NoRoom, _)) => Ended::Unknown,
            _ => Ended::Well,
        };
        self.hosts.ended(self.host, self.pass, how, now);
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.hosts.ended(self.host, self.pass, Ended::Unknown, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn fail(hosts: &Hosts, host: &str, now: Instant) {
        let silent = FetchError::no_answer("is away".to_owned());
        hosts.enter(host, "it", now).unwrap().ended(Some(&silent), now);
    }

    #[test]
    fn a_host_that_gives_no_answer_is_left_alone_for_a_while_and_the_others_are_asked() {
        let hosts = Hosts::new(2, PAUSE);
        let now = Instant::now();
        fail(&hosts, "a", now);
        fail(&hosts, "a", now);
        fail(&hosts, "b", now);
        let error = hosts.check("a", "it", now).unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::HostIsShut { left: Some(PAUSE) });
        assert!(error.message.contains("gave no answer 2 times in a row, and it is asked again in 10s"));
        assert!(hosts.check("b", "it", now).is_ok());
        let later = now + PAUSE;
        let probe = hosts.enter("a", "it", later).unwrap();
        assert_eq!(
            hosts.enter("a", "it", later).unwrap_err().kind,
            FetchErrorKind::HostIsShut { left: None }
        );
        probe.ended(None, later);
        assert!(hosts.failing().peek("a").is_none(), "it answers, and is forgotten");
    }

    #[test]
    fn a_host_that_says_no_has_answered_and_one_whose_asker_has_gone_has_not_failed() {
        let hosts = Hosts::new(2, PAUSE);
        let now = Instant::now();
        for fault in [FetchError::lasting(String::new()), FetchError::passing(String::new())] {
            fail(&hosts, "a", now);
            hosts.enter("a", "it", now).unwrap().ended(Some(&fault), now);
        }
        fail(&hosts, "a", now);
        drop(hosts.enter("a", "it", now).unwrap());
        hosts.enter("a", "it", now).unwrap().ended(Some(&FetchError::no_room("it")), now);
        assert!(hosts.check("a", "it", now).is_ok());
        fail(&hosts, "a", now);
        assert!(hosts.check("a", "it", now).is_err(), "the row went on");
    }

    #[test]
    fn no_number_of_dead_hosts_takes_more_memory() {
        let hosts = Hosts::new(1, PAUSE);
        let now = Instant::now();
        for number in 0..2 * REMEMBERED.get() {
            fail(&hosts, &format!("{number}.example"), now);
        }
        assert_eq!(hosts.failing().len(), REMEMBERED.get());
    }
}
