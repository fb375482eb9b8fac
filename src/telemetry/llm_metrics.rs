//! Metrics of language models: outcomes, attempts, tokens, times and breaker states.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

use super::registration::{Registry, register, seconds_buckets};

/// Why a question to a language model, or an attempt at it, has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LlmFault {
    /// No answer came in time.
    Timeout,
    /// There is no connection, or it broke.
    Connection,
    /// The server wants to be asked less often.
    RateLimited,
    /// The server has trouble of its own.
    Server,
    /// The server does not answer this question, or not us.
    Refused,
    /// What came is no answer.
    Malformed,
    /// More came than an answer may have.
    TooLarge,
    /// Too many wait here already, or no turn came in time.
    Busy,
    /// It is not asked for a while, since it failed too often.
    Open,
}

impl LlmFault {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::Timeout,
        Self::Connection,
        Self::RateLimited,
        Self::Server,
        Self::Refused,
        Self::Malformed,
        Self::TooLarge,
        Self::Busy,
        Self::Open,
    ];

    /// Its name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::RateLimited => "rate-limited",
            Self::Server => "server",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::Busy => "busy",
            Self::Open => "open",
        }
    }
}

/// Why a part of an answer that is believed is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftOut {
    /// The text of the post does not have the entity.
    Text,
    /// The bundle does not have the entity's type.
    Type,
    /// The box is not valid, or its picture does not exist.
    Box,
}

impl LeftOut {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Text, Self::Type, Self::Box];

    /// Its name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Type => "type",
            Self::Box => "box",
        }
    }
}

/// Whether a language model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// It is.
    Closed,
    /// One question finds out whether it can be again.
    HalfOpen,
    /// It is not, for a while.
    Open,
}

/// What an answered question is called in metrics.
const ANSWERED: &str = "answered";

/// The counters of one endpoint, looked up once.
#[derive(Debug, Clone)]
pub struct LlmMetrics {
    questions: Outcomes,
    attempts: Outcomes,
    tokens_in: IntCounter,
    tokens_out: IntCounter,
    seconds: Histogram,
    in_flight: IntGauge,
    breaker: IntGauge,
    refused: IntCounterVec,
    left_out: [IntCounter; LeftOut::ALL.len()],
    format: IntGaugeVec,
    endpoint: String,
}

/// A question that is being asked; it no longer is when this is dropped.
#[derive(Debug)]
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl LlmMetrics {
    /// A question was answered in this time, of so many tokens, by so many.
    pub fn answered(&self, (tokens_in, tokens_out): (u64, u64), took: Duration) {
        self.questions.answered.inc();
        self.tokens_in.inc_by(tokens_in);
        self.tokens_out.inc_by(tokens_out);
        self.seconds.observe(took.as_secs_f64());
    }

    /// A question was not answered, which was known after this time.
    pub fn failed(&self, fault: LlmFault, took: Duration) {
        self.questions.failed[fault as usize].inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// An attempt ended, with a fault or without.
    pub fn attempted(&self, fault: Option<LlmFault>) {
        match fault {
            None => self.attempts.answered.inc(),
            Some(fault) => self.attempts.failed[fault as usize].inc(),
        }
    }

    /// Answers may be refused for these reasons: their counters start at 0.
    pub fn know_refusals(&self, reasons: &[&'static str]) {
        for reason in reasons {
            self.refused.with_label_values(&[self.endpoint.as_str(), reason]);
        }
    }

    /// A question was answered, and the answer is not believed for this reason.
    pub fn refused(&self, reason: &'static str) {
        self.refused.with_label_values(&[self.endpoint.as_str(), reason]).inc();
    }

    /// So many parts of an answer that a post uses are left out for this reason.
    pub fn left_out(&self, reason: LeftOut, parts: usize) {
        self.left_out[reason as usize].inc_by(parts as u64);
    }

    /// The form in which answers are asked for now, of `all` there are.
    pub fn response_format(&self, format: &'static str, all: &[&'static str]) {
        for one in all {
            self.format.with_label_values(&[self.endpoint.as_str(), one]).set(i64::from(*one == format));
        }
    }

    /// A question has its turn.
    #[must_use]
    pub fn asking(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Whether the endpoint is asked now.
    pub fn breaker(&self, state: BreakerState) {
        self.breaker.set(match state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        });
    }
}

/// A counter for each way to end.
#[derive(Debug, Clone)]
struct Outcomes {
    answered: IntCounter,
    failed: [IntCounter; LlmFault::ALL.len()],
}

impl Outcomes {
    fn new(family: &IntCounterVec, endpoint: &str) -> Self {
        let counter = |outcome| family.with_label_values(&[endpoint, outcome]);
        Self { answered: counter(ANSWERED), failed: LlmFault::ALL.map(|fault| counter(fault.as_str())) }
    }
}

/// The families of all endpoints.
pub(super) struct LlmFamilies {
    questions: IntCounterVec,
    attempts: IntCounterVec,
    tokens: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGaugeVec,
    breaker: IntGaugeVec,
    refused: IntCounterVec,
    left_out: IntCounterVec,
    format: IntGaugeVec,
}

impl LlmFamilies {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str, label: &str| {
            register(registry, IntCounterVec::new(Opts::new(name, help), &["endpoint", label]))
        };
        let gauges = |name: &str, help: &str| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), &["endpoint"]))
        };
        let seconds = HistogramOpts::new(
            "riveg_llm_seconds",
            "Time from a question to a language model to its outcome: turn, attempts and waits.",
        );
        Self {
            questions: counters(
                "riveg_llm_requests_total",
                "Questions to a language model, by outcome.",
                "outcome",
            ),
            attempts: counters(
                "riveg_llm_attempts_total",
                "Attempts at questions to a language model, by outcome.",
                "outcome",
            ),
            tokens: counters(
                "riveg_llm_tokens_total",
                "Tokens of answered questions, by direction, as the server counts them.",
                "direction",
            ),
            refused: counters(
                "riveg_llm_refused_total",
                "Answers of a language model that are not believed, by reason; `not-known`: it said so itself.",
                "reason",
            ),
            left_out: counters(
                "riveg_llm_left_out_total",
                "Parts of believed answers of a vision model about posts that were left out, once for each post, by reason: \
                 entities that the text does not have, unknown types, invalid boxes.",
                "reason",
            ),
            format: register(
                registry,
                IntGaugeVec::new(
                    Opts::new(
                        "riveg_llm_response_format",
                        "The form in which answers are asked for: 1 for the one in use, `none` also where the server \
                         takes no other.",
                    ),
                    &["endpoint", "format"],
                ),
            ),
            seconds: register(registry, HistogramVec::new(seconds.buckets(seconds_buckets()), &["endpoint"])),
            in_flight: gauges("riveg_llm_in_flight", "Questions that are being asked."),
            breaker: gauges(
                "riveg_llm_breaker_state",
                "Whether the endpoint is asked: 0, it is; 1, one question finds out; 2, it is not for a while.",
            ),
        }
    }

    /// The counters of one endpoint: they start at 0.
    pub(super) fn endpoint(&self, name: &str) -> LlmMetrics {
        LlmMetrics {
            questions: Outcomes::new(&self.questions, name),
            attempts: Outcomes::new(&self.attempts, name),
            tokens_in: self.tokens.with_label_values(&[name, "in"]),
            tokens_out: self.tokens.with_label_values(&[name, "out"]),
            seconds: self.seconds.with_label_values(&[name]),
            in_flight: self.in_flight.with_label_values(&[name]),
            breaker: self.breaker.with_label_values(&[name]),
            refused: self.refused.clone(),
            left_out: LeftOut::ALL.map(|reason| self.left_out.with_label_values(&[name, reason.as_str()])),
            format: self.format.clone(),
            endpoint: name.to_owned(),
        }
    }
}
