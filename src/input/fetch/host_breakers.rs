//! Host breakers: a host that did not answer many times in a row is not asked for a while, since each such request
//! holds a slot that others wait for.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use tracing::warn;

use super::error::{FetchError, FetchErrorKind};
use crate::common::http_util::{Breaker, BreakerPass, CallOutcome, CircuitOpen};
use crate::telemetry::{BreakerState, LogThrottle};

/// Failing hosts that are remembered. Untrusted records name hosts, so their number is bounded; past it the least
/// recently used is asked as usual again.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).expect("not 0");
/// The least time between two warnings: untrusted records can name any number of dead hosts.
const WARN_EVERY: Duration = Duration::from_secs(30);

/// The breakers of failing hosts. A host that answers has none.
#[derive(Debug)]
pub(super) struct HostBreakers {
    max_failures: u32,
    pause: Duration,
    failing: Mutex<LruCache<String, Breaker>>,
    warnings: Mutex<LogThrottle>,
}

/// A request that its breaker let through. Dropped without an outcome, it counts as unknown.
#[derive(Debug)]
pub(super) struct HostPass<'a> {
    breakers: &'a HostBreakers,
    host: &'a str,
    pass: BreakerPass,
    is_recorded: bool,
}

impl HostBreakers {
    /// After `max_failures` in a row a host is not asked for `pause`.
    pub(super) fn new(max_failures: u32, pause: Duration) -> Self {
        let failing = Mutex::new(LruCache::new(REMEMBERED));
        Self { max_failures, pause, failing, warnings: Mutex::new(LogThrottle::new(WARN_EVERY)) }
    }

    /// Whether a request to the host would be let through.
    ///
    /// # Errors
    /// It would not; the message shows the URL as `shown`.
    pub(super) fn check(&self, host: &str, shown: &str, now: Instant) -> Result<(), FetchError> {
        let checked = self.failing().peek(host).map_or(Ok(()), |breaker| breaker.check(now));
        checked.map_err(|refusal| self.refused(&refusal, shown))
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
    ) -> Result<HostPass<'a>, FetchError> {
        let entered =
            self.failing().get_mut(host).map_or(Ok(BreakerPass::Regular), |breaker| breaker.admit(now));
        let pass = entered.map_err(|refusal| self.refused(&refusal, shown))?;
        Ok(HostPass { breakers: self, host, pass, is_recorded: false })
    }

    fn refused(&self, refusal: &CircuitOpen, shown: &str) -> FetchError {
        let when = match refusal.retry_in {
            Some(left) => format!("it is asked again in {left:.0?}"),
            None => "one request finds out now whether it answers".to_owned(),
        };
        let message = format!(
            "at `{shown}` was not asked for: its host gave no answer {} times in a row, and {when}",
            self.max_failures
        );
        FetchError { kind: FetchErrorKind::HostSuspended { retry_in: refusal.retry_in }, message }
    }

    fn record(&self, host: &str, pass: BreakerPass, how: CallOutcome<'_>, now: Instant) {
        let mut failing = self.failing();
        match how {
            CallOutcome::Success => {
                failing.pop(host);
            }
            CallOutcome::Failure(why) => {
                let breaker = failing
                    .get_or_insert_mut(host.to_owned(), || Breaker::new(self.max_failures, self.pause));
                let before = breaker.state();
                breaker.record(pass, now, how);
                let is_shut = before != BreakerState::Open && breaker.state() == BreakerState::Open;
                if is_shut && self.warnings.lock().unwrap_or_else(PoisonError::into_inner).is_due(now) {
                    warn!(host, why, "a host is not asked for pictures for a while");
                }
            }
            CallOutcome::Unknown => {
                if let Some(breaker) = failing.get_mut(host) {
                    breaker.record(pass, now, how);
                }
            }
        }
    }

    fn failing(&self) -> MutexGuard<'_, LruCache<String, Breaker>> {
        // The map is consistent at every point where a panic could leave the lock.
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostPass<'_> {
    /// Records how the request ended. A host that answers with an error has answered. Where there was no memory for the
    /// bytes, it is unknown whether the host would have sent them all.
    pub(super) fn record(mut self, fault: Option<&FetchError>, now: Instant) {
        self.is_recorded = true;
        let how = match fault.map(|error| (error.kind, &error.message)) {
            Some((FetchErrorKind::NoAnswer, message)) => CallOutcome::Failure(message),
            Some((FetchErrorKind::OutOfMemory, _)) => CallOutcome::Unknown,
            _ => CallOutcome::Success,
        };
        self.breakers.record(self.host, self.pass, how, now);
    }
}

impl Drop for HostPass<'_> {
    fn drop(&mut self) {
        if !self.is_recorded {
            self.breakers.record(self.host, self.pass, CallOutcome::Unknown, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(10);

    fn fail(hosts: &HostBreakers, host: &str, now: Instant) {
        let silent = FetchError::no_answer("is away".to_owned());
        hosts.enter(host, "it", now).unwrap().record(Some(&silent), now);
    }

    #[test]
    fn a_host_that_does_not_answer_is_not_asked_for_a_while_and_the_others_are() {
        let hosts = HostBreakers::new(2, PAUSE);
        let now = Instant::now();
        fail(&hosts, "a", now);
        fail(&hosts, "a", now);
        fail(&hosts, "b", now);
        let error = hosts.check("a", "it", now).unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::HostSuspended { retry_in: Some(PAUSE) });
        assert!(error.message.contains("gave no answer 2 times in a row, and it is asked again in 10s"));
        assert!(hosts.check("b", "it", now).is_ok());
        let later = now + PAUSE;
        let probe = hosts.enter("a", "it", later).unwrap();
        assert_eq!(
            hosts.enter("a", "it", later).unwrap_err().kind,
            FetchErrorKind::HostSuspended { retry_in: None }
        );
        probe.record(None, later);
        assert!(hosts.failing().peek("a").is_none(), "it answers, and is forgotten");
    }

    #[test]
    fn an_error_status_is_an_answer_and_a_dropped_request_is_no_failure() {
        let hosts = HostBreakers::new(2, PAUSE);
        let now = Instant::now();
        for fault in [FetchError::permanent(String::new()), FetchError::transient(String::new())] {
            fail(&hosts, "a", now);
            hosts.enter("a", "it", now).unwrap().record(Some(&fault), now);
        }
        fail(&hosts, "a", now);
        drop(hosts.enter("a", "it", now).unwrap());
        hosts.enter("a", "it", now).unwrap().record(Some(&FetchError::out_of_memory("it")), now);
        assert!(hosts.check("a", "it", now).is_ok());
        fail(&hosts, "a", now);
        assert!(hosts.check("a", "it", now).is_err(), "the row went on");
    }

    #[test]
    fn the_number_of_remembered_hosts_is_bounded() {
        let hosts = HostBreakers::new(1, PAUSE);
        let now = Instant::now();
        for number in 0..2 * REMEMBERED.get() {
            fail(&hosts, &format!("{number}.example"), now);
        }
        assert_eq!(hosts.failing().len(), REMEMBERED.get());
    }
}
