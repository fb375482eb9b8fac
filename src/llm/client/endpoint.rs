//! Endpoint: one language model, with a limit on concurrency, a rate limit, retries and a circuit breaker.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use super::answer::Answer;
use super::box_format::BoxFormat;
use super::config::Config;
use super::error::{EndpointError, LlmError};
use super::http::HttpClient;
use super::question::Question;
use super::rate_limit::RateLimit;
use super::request;
use super::response_format::{FormatSupport, ResponseFormat};
use super::usage::{Usage, UsageCounters};
use crate::common::Reloadable;
use crate::common::http_util::{Breaker, BreakerPass, CallOutcome, CircuitOpen, RetrySchedule, with_retries};
use crate::telemetry::{BreakerState, Causes, LeftOut, LlmFault, LlmMetrics};

/// A language model with many concurrent callers. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    config: Config,
    http: HttpClient,
    /// A permit for each question that runs or waits.
    admitted: Semaphore,
    /// A permit for each question that runs.
    running: Semaphore,
    /// Requests a minute, with the number that the limit was made from.
    rate: Reloadable<Option<(NonZeroU32, RateLimit)>>,
    breaker: Mutex<Breaker>,
    /// Whether the server supports the response format.
    format_support: FormatSupport,
    metrics: LlmMetrics,
    usage: UsageCounters,
}

/// A question that the breaker admitted. If it is dropped without a result, the outcome is unknown.
struct AdmittedQuestion<'a> {
    shared: &'a Shared,
    pass: BreakerPass,
    is_reported: bool,
}

impl Endpoint {
    /// The endpoint with this name. Sends nothing yet.
    ///
    /// # Errors
    /// A setting is out of range, or TLS cannot be set up.
    pub fn new(name: &str, config: &Config, metrics: LlmMetrics) -> Result<Self, EndpointError> {
        let name: Arc<str> = name.into();
        let shared = Shared {
            http: HttpClient::new(&name, config)?,
            admitted: Semaphore::new(config.concurrency + config.max_waiting),
            running: Semaphore::new(config.concurrency),
            rate: Reloadable::new(rate_limit(NonZeroU32::new(config.requests_per_minute), config)),
            breaker: Mutex::new(Breaker::new(config.breaker_failures, config.breaker_pause)),
            format_support: FormatSupport::default(),
            metrics,
            usage: UsageCounters::default(),
            config: config.clone(),
            name,
        };
        shared.metrics.response_format(
            config.response_format.as_str(),
            &ResponseFormat::ALL.map(ResponseFormat::as_str),
        );
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Its name in the settings.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The model, by its name on the server.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.shared.config.model
    }

    /// How the model writes boxes.
    #[must_use]
    pub fn box_format(&self) -> BoxFormat {
        self.shared.config.box_format
    }

    /// Limits requests a minute anew, or no longer. Questions that wait for their turn by the old limit keep it. False where
    /// this is the limit already.
    pub fn limit_rate(&self, per_minute: Option<NonZeroU32>) -> bool {
        let shared = &self.shared;
        let is_new = (*shared.rate.get()).as_ref().map(|(now, _)| *now) != per_minute;
        if is_new {
            shared.rate.set(rate_limit(per_minute, &shared.config));
        }
        is_new
    }

    /// What it was asked so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.usage.so_far((self.shared.config.price_in, self.shared.config.price_out))
    }

    /// The longest time for one question.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.shared.config.patience
    }

    /// Everything that decides the answer besides the question: model and parameters, for the cache key.
    #[must_use]
    pub fn parameters(&self) -> String {
        request::parameters(&self.shared.config)
    }

    /// Asks a question, with retries after transient faults, until there is an answer or the patience ends.
    ///
    /// # Errors
    /// There is no answer; [`LlmError::class`] says why. A refusal of the model is an answer without text.
    pub async fn ask(&self, question: &Question) -> Result<Answer, LlmError> {
        self.ask_since(question, Instant::now()).await
    }

    /// As [`Self::ask`], for a question that has waited elsewhere since then: the wait counts against its patience.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_since(&self, question: &Question, since: Instant) -> Result<Answer, LlmError> {
        let begun = Instant::now();
        let result = self.shared.ask(question, since + self.shared.config.patience).await;
        let (metrics, took) = (&self.shared.metrics, begun.elapsed());
        match &result {
            Ok(answer) => {
                let tokens = (answer.tokens_in, answer.tokens_out);
                self.shared.usage.answered(tokens);
                metrics.answered(tokens, took);
            }
            Err(error) => metrics.failed(error.class(), took),
        }
        result
    }

    /// Creates the metrics of these reject reasons.
    pub fn declare_reject_reasons(&self, reasons: &[&'static str]) {
        self.shared.metrics.know_refusals(reasons);
    }

    /// Counts an answer that is rejected for this reason.
    pub fn refused(&self, reason: &'static str) {
        self.shared.metrics.refused(reason);
    }

    /// Counts parts of an answer that are left out for this reason.
    pub fn left_out(&self, reason: LeftOut, parts: usize) {
        self.shared.metrics.left_out(reason, parts);
    }

    /// Whether the breaker is closed.
    ///
    /// # Errors
    /// It is open, after too many failures in a row; the text gives the last failure.
    pub fn health(&self) -> Result<(), String> {
        let closed = self.shared.breaker(|breaker| breaker.is_closed(Instant::now().into_std()));
        closed.map_err(|refusal| self.shared.refused(&refusal).to_string())
    }

    /// Checks once that the server answers and accepts the key, by its list of models. Not counted as a question, nor for
    /// [`Self::health`].
    ///
    /// # Errors
    /// The server does not answer in time, or rejects the key.
    pub async fn reachable(&self) -> Result<(), LlmError> {
        let shared = &self.shared;
        let limit = shared.config.timeout;
        timeout(limit, shared.http.models()).await.unwrap_or_else(|_| {
            let message = format!("did not list its models within {}", humantime::format_duration(limit));
            Err(LlmError::passing(&shared.name, (LlmFault::Timeout, None), message))
        })
    }
}

/// The limit on requests a minute, if there is one. The burst is the concurrency.
fn rate_limit(per_minute: Option<NonZeroU32>, config: &Config) -> Option<(NonZeroU32, RateLimit)> {
    let burst = NonZeroU32::new(u32::try_from(config.concurrency).unwrap_or(u32::MAX));
    per_minute.zip(burst).map(|(per_minute, burst)| (per_minute, RateLimit::new(per_minute, burst)))
}

impl Shared {
    async fn ask(&self, question: &Question, deadline: Instant) -> Result<Answer, LlmError> {
        let busy = |message| LlmError::of_question(&self.name, LlmFault::Busy, message);
        let Ok(_admitted) = self.admitted.try_acquire() else {
            let Config { concurrency, max_waiting, .. } = self.config;
            let message = format!("has {concurrency} questions under way and {max_waiting} waiting");
            return Err(busy(message));
        };
        // Checked before the queue, so that questions that cannot succeed do not occupy it.
        self.breaker(|breaker| breaker.check(Instant::now().into_std()))
            .map_err(|refusal| self.refused(&refusal))?;
        let permit = timeout_at(deadline, self.running.acquire()).await;
        let _permit = permit.map_err(|_| busy(format!("had no turn within {}", self.patience())))?;
        let admitted = self.admit().map_err(|refusal| self.refused(&refusal))?;
        let _in_flight = self.metrics.asking();
        let Config { retries, backoff, .. } = self.config;
        let again = |error: &LlmError, wait| debug!(error = %Causes(&error), wait_seconds = std::time::Duration::as_secs_f64(&wait), "a question is asked again");
        let attempt = || self.attempt(question, deadline);
        let asked = with_retries(RetrySchedule { retries, backoff }, deadline, attempt, again).await;
        let asked = asked.map_err(|last| {
            last.unwrap_or_else(|| busy(format!("was not asked within {}", self.patience())))
        });
        admitted.ended(&asked);
        asked
    }

    /// One attempt, or two if the server may have refused the response format instead of the question.
    async fn attempt(&self, question: &Question, deadline: Instant) -> Result<Answer, LlmError> {
        let format = if self.format_support.should_request() {
            self.config.response_format
        } else {
            ResponseFormat::None
        };
        let asked = self.request(question, format, deadline).await;
        if question.schema.is_none() || format == ResponseFormat::None {
            return asked;
        }
        match asked {
            Err(error) if is_of_question(&error) && self.format_support.may_be_the_cause(error.message()) => {
                let plain = self.request(question, ResponseFormat::None, deadline).await;
                if plain.is_ok() && self.format_support.rejected() {
                    self.metrics.response_format(
                        ResponseFormat::None.as_str(),
                        &ResponseFormat::ALL.map(ResponseFormat::as_str),
                    );
                    warn!(
                        endpoint = %self.name, setting = format.as_str(),
                        "the server does not take response_format: its answers are asked for as plain text"
                    );
                }
                plain
            }
            asked => {
                if asked.is_ok() {
                    self.format_support.accepted();
                }
                asked
            }
        }
    }

    /// Sends one request.
    async fn request(
        &self,
        question: &Question,
        format: ResponseFormat,
        deadline: Instant,
    ) -> Result<Answer, LlmError> {
        let body = request::body(&self.config, question, format).into();
        if let Some((_, rate)) = &*self.rate.get() {
            rate.permit().await;
        }
        let limit = self.config.timeout.min(deadline.saturating_duration_since(Instant::now()));
        let asked = timeout(limit, self.http.chat(body)).await.unwrap_or_else(|_| {
            let message = format!("gave no answer within {limit:.1?}");
            Err(LlmError::passing(&self.name, (LlmFault::Timeout, None), message))
        });
        self.metrics.attempted(asked.as_ref().err().map(LlmError::class));
        asked
    }

    fn admit(&self) -> Result<AdmittedQuestion<'_>, CircuitOpen> {
        let pass = self.breaker(|breaker| breaker.admit(Instant::now().into_std()))?;
        Ok(AdmittedQuestion { shared: self, pass, is_reported: false })
    }

    fn refused(&self, refusal: &CircuitOpen) -> LlmError {
        let when = match refusal.retry_in {
            Some(left) if left.is_zero() => "the next question finds out".to_owned(),
            Some(left) => format!("it is asked again in {left:.0?}"),
            None => "it is asked one question now, to find out".to_owned(),
        };
        let most = self.config.breaker_failures;
        let message =
            format!("failed {most} questions in a row, and {when}; the last time it {}", refusal.cause);
        LlmError::of_question(&self.name, LlmFault::Open, message)
    }

    /// Changes the breaker. Its state goes to the metrics, and opening and closing to the log.
    fn breaker<T>(&self, change: impl FnOnce(&mut Breaker) -> T) -> T {
        // A panic cannot leave the state inconsistent.
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.state();
        let result = change(&mut breaker);
        let now = breaker.state();
        if before != now {
            self.metrics.breaker(now);
            match now {
                BreakerState::Open => {
                    warn!(endpoint = %self.name, "a language model is not asked for a while")
                }
                BreakerState::HalfOpen => debug!(endpoint = %self.name, "one question finds out"),
                BreakerState::Closed => warn!(endpoint = %self.name, "a language model is asked again"),
            }
        }
        result
    }

    fn patience(&self) -> humantime::FormattedDuration {
        humantime::format_duration(self.config.patience)
    }
}

/// Whether the server refused this question, but may answer another.
fn is_of_question(error: &LlmError) -> bool {
    error.class() == LlmFault::Refused && !error.is_endpoint_fault()
}

impl AdmittedQuestion<'_> {
    fn ended(mut self, asked: &Result<Answer, LlmError>) {
        self.is_reported = true;
        let outcome = match asked {
            Ok(_) => CallOutcome::Success,
            // The server refused this question, so it works.
            Err(error) if is_of_question(error) => CallOutcome::Success,
            Err(error) if error.is_endpoint_fault() => CallOutcome::Failure(error.message()),
            Err(_) => CallOutcome::Unknown,
        };
        self.report(outcome);
    }

    fn report(&self, outcome: CallOutcome<'_>) {
        self.shared.breaker(|breaker| breaker.record(self.pass, Instant::now().into_std(), outcome));
    }
}

impl Drop for AdmittedQuestion<'_> {
    fn drop(&mut self) {
        if !self.is_reported {
            self.report(CallOutcome::Unknown);
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { name, config, .. } = &*self.shared;
        formatter.debug_struct("Endpoint").field("name", name).field("config", config).finish_non_exhaustive()
    }
}
