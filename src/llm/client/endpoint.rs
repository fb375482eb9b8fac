//! How is one endpoint asked? In turn, at its rate, again where that may help, and not at all where it is known to be away.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use super::answer::Answer;
use super::config::Config;
use super::error::{EndpointError, LlmError};
use super::question::Question;
use super::rate::Rate;
use super::request;
use super::structured::{ResponseFormat, Taken};
use super::web::Web;
use crate::common::http_util::{Breaker, BreakerPass, CallOutcome, CircuitOpen, RetrySchedule, with_retries};
use crate::telemetry::{BreakerState, Causes, LlmFault, LlmMetrics};

/// A language model that is asked by many at one time. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    config: Config,
    web: Web,
    /// One for each question that is asked or waits.
    places: Semaphore,
    /// One for each question that is asked.
    turns: Semaphore,
    rate: Option<Rate>,
    breaker: Mutex<Breaker>,
    /// Whether the server takes the form in which answers are asked for.
    taken: Taken,
    metrics: LlmMetrics,
}

/// A question that the breaker let through; where nobody says how it ended, nobody knows.
struct Entered<'a> {
    shared: &'a Shared,
    pass: BreakerPass,
    is_told: bool,
}

impl Endpoint {
    /// The endpoint of that name. Nothing is asked yet.
    ///
    /// # Errors
    /// A setting is out of range, or TLS is broken.
    pub fn new(name: &str, config: &Config, metrics: LlmMetrics) -> Result<Self, EndpointError> {
        let name: Arc<str> = name.into();
        // A burst of what may be asked at one time anyway.
        let at_once = NonZeroU32::new(u32::try_from(config.concurrency).unwrap_or(u32::MAX));
        let rate = NonZeroU32::new(config.requests_per_minute).zip(at_once);
        let shared = Shared {
            web: Web::new(&name, config)?,
            places: Semaphore::new(config.concurrency + config.max_waiting),
            turns: Semaphore::new(config.concurrency),
            rate: rate.map(|(per_minute, at_once)| Rate::new(per_minute, at_once)),
            breaker: Mutex::new(Breaker::new(config.breaker_failures, config.breaker_pause)),
            taken: Taken::default(),
            metrics,
            config: config.clone(),
            name,
        };
        shared.metrics.response_format(
            config.response_format.as_str(),
            &ResponseFormat::ALL.map(ResponseFormat::as_str),
        );
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the settings call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The model, by the name that the server has for it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.shared.config.model
    }

    /// The longest time for one question.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.shared.config.patience
    }

    /// Everything that decides the answer besides the question: model and parameters, for a cache's key.
    #[must_use]
    pub fn parameters(&self) -> String {
        request::parameters(&self.shared.config)
    }

    /// Asks a question, again where a fault may pass, until there is an answer or patience is at its end.
    ///
    /// # Errors
    /// No answer; [`LlmError::class`] says what kept it away. A refusal of the model's is an answer, without text.
    pub async fn ask(&self, question: &Question) -> Result<Answer, LlmError> {
        self.ask_since(question, Instant::now()).await
    }

    /// The same for a question that has waited elsewhere: its patience began then.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_since(&self, question: &Question, since: Instant) -> Result<Answer, LlmError> {
        let begun = Instant::now();
        let asked = self.shared.ask(question, since + self.shared.config.patience).await;
        let (metrics, took) = (&self.shared.metrics, begun.elapsed());
        match &asked {
            Ok(answer) => metrics.answered((answer.tokens_in, answer.tokens_out), took),
            Err(error) => metrics.failed(error.class(), took),
        }
        asked
    }

    /// Tells for which reasons its answers may be refused, by those who judge them.
    pub fn know_refusals(&self, reasons: &[&'static str]) {
        self.shared.metrics.know_refusals(reasons);
    }

    /// Counts an answer that is not believed for this reason.
    pub fn refused(&self, reason: &'static str) {
        self.shared.metrics.refused(reason);
    }

    /// Whether questions are asked as usual.
    ///
    /// # Errors
    /// They are not, after too many failures in a row: what failed last, for people.
    pub fn well(&self) -> Result<(), String> {
        let closed = self.shared.breaker(|breaker| breaker.is_closed(Instant::now().into_std()));
        closed.map_err(|refusal| self.shared.refused(&refusal).to_string())
    }

    /// Asks once whether somebody is there who lets us in, by the list of models. Counts neither as a question nor for
    /// [`Self::well`].
    ///
    /// # Errors
    /// Nobody is there in time, or we are not let in.
    pub async fn reachable(&self) -> Result<(), LlmError> {
        let shared = &self.shared;
        let limit = shared.config.timeout;
        timeout(limit, shared.web.models()).await.unwrap_or_else(|_| {
            let message = format!("did not list its models within {}", humantime::format_duration(limit));
            Err(LlmError::passing(&shared.name, (LlmFault::Timeout, None), message))
        })
    }
}

impl Shared {
    async fn ask(&self, question: &Question, deadline: Instant) -> Result<Answer, LlmError> {
        let busy = |message| LlmError::of_question(&self.name, LlmFault::Busy, message);
        let Ok(_place) = self.places.try_acquire() else {
            let Config { concurrency, max_waiting, .. } = self.config;
            let message = format!("has {concurrency} questions under way and {max_waiting} waiting");
            return Err(busy(message));
        };
        // Known before a turn comes: who waits in vain keeps others waiting.
        self.breaker(|breaker| breaker.check(Instant::now().into_std()))
            .map_err(|refusal| self.refused(&refusal))?;
        let turn = timeout_at(deadline, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| busy(format!("had no turn within {}", self.patience())))?;
        let entered = self.enter().map_err(|refusal| self.refused(&refusal))?;
        let _in_flight = self.metrics.asking();
        let Config { retries, backoff, .. } = self.config;
        let again = |error: &LlmError, wait| debug!(error = %Causes(&error), wait_seconds = std::time::Duration::as_secs_f64(&wait), "a question is asked again");
        let attempt = || self.attempt(question, deadline);
        let asked = with_retries(RetrySchedule { retries, backoff }, deadline, attempt, again).await;
        let asked = asked.map_err(|last| {
            last.unwrap_or_else(|| busy(format!("was not asked within {}", self.patience())))
        });
        entered.ended(&asked);
        asked
    }

    /// One attempt; two where the server may have refused the form of the answer and not the question.
    async fn attempt(&self, question: &Question, deadline: Instant) -> Result<Answer, LlmError> {
        let format =
            if self.taken.is_asked_for() { self.config.response_format } else { ResponseFormat::None };
        let asked = self.request(question, format, deadline).await;
        if question.field.is_none() || format == ResponseFormat::None {
            return asked;
        }
        match asked {
            Err(error) if is_of_question(&error) && self.taken.is_in_doubt(error.message()) => {
                let plain = self.request(question, ResponseFormat::None, deadline).await;
                if plain.is_ok() && self.taken.refused() {
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
                    self.taken.answered();
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
        if let Some(rate) = &self.rate {
            rate.turn().await;
        }
        let limit = self.config.timeout.min(deadline.saturating_duration_since(Instant::now()));
        let asked = timeout(limit, self.web.chat(body)).await.unwrap_or_else(|_| {
            let message = format!("gave no answer within {limit:.1?}");
            Err(LlmError::passing(&self.name, (LlmFault::Timeout, None), message))
        });
        self.metrics.attempted(asked.as_ref().err().map(LlmError::class));
        asked
    }

    fn enter(&self) -> Result<Entered<'_>, CircuitOpen> {
        let pass = self.breaker(|breaker| breaker.admit(Instant::now().into_std()))?;
        Ok(Entered { shared: self, pass, is_told: false })
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

    /// All that happens to the breaker is seen in metrics and, where it opens or closes, in the log.
    fn breaker<T>(&self, happens: impl FnOnce(&mut Breaker) -> T) -> T {
        // The state is whole at every moment at which a panic could leave it.
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.state();
        let made = happens(&mut breaker);
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
        made
    }

    fn patience(&self) -> humantime::FormattedDuration {
        humantime::format_duration(self.config.patience)
    }
}

/// Whether the server said no to this question, and may say yes to another.
fn is_of_question(error: &LlmError) -> bool {
    error.class() == LlmFault::Refused && !error.is_the_endpoints()
}

impl Entered<'_> {
    fn ended(mut self, asked: &Result<Answer, LlmError>) {
        self.is_told = true;
        let how = match asked {
            Ok(_) => CallOutcome::Success,
            // It said no to this question, so it is there.
            Err(error) if is_of_question(error) => CallOutcome::Success,
            Err(error) if error.is_the_endpoints() => CallOutcome::Failure(error.message()),
            Err(_) => CallOutcome::Unknown,
        };
        self.tell(how);
    }

    fn tell(&self, how: CallOutcome<'_>) {
        self.shared.breaker(|breaker| breaker.record(self.pass, Instant::now().into_std(), how));
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell(CallOutcome::Unknown);
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { name, config, .. } = &*self.shared;
        formatter.debug_struct("Endpoint").field("name", name).field("config", config).finish_non_exhaustive()
    }
}
