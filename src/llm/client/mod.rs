//! Client of language models: one question, one answer, from any endpoint that speaks OpenAI's chat completions.
//!
//! Read [`endpoint`] first: concurrency, the rate limit ([`rate_limit`]), the circuit breaker and the retries
//! ([`crate::common::http_util`]). [`request`] builds the body and [`response_format`] the form that is asked for, [`http`]
//! sends it, and [`answer`] reads the response. [`box_format`] is how a vision model writes boxes. Whether an answer is used is decided by [`super::cached`].

mod answer;
mod box_format;
mod config;
mod endpoint;
mod error;
mod extra;
mod http;
mod limited_body;
mod question;
mod rate_limit;
mod request;
mod response_format;
mod usage;

pub use answer::{Answer, FinishReason};
pub use box_format::BoxFormat;
pub use config::{Config, TokenLimit};
pub use endpoint::Endpoint;
pub use error::{EndpointError, LlmError};
pub use question::{AnswerSchema, Picture, Question};
pub use response_format::ResponseFormat;
pub use usage::{Usage, UsagePerPost};
