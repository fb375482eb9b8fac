//! How is a language model asked? One question, one answer, by any endpoint that speaks OpenAI's chat completions.
//!
//! An [`Endpoint`] is asked by many at one time. [`rate`] says how often it is asked, [`crate::common::http_util`] whether at all
//! and how often again; [`request`] is what it is sent, [`structured`] in which form
//! it shall answer, [`web`] how, [`answer`] what its bytes say. What an
//! answer is worth is for others to judge.

mod answer;
mod body;
mod config;
mod endpoint;
mod error;
mod extra;
mod question;
mod rate;
mod request;
mod structured;
mod web;

pub use answer::{Answer, Finish};
pub use config::{Config, TokenLimit};
pub use endpoint::Endpoint;
pub use error::{EndpointError, LlmError};
pub use question::{Picture, Question};
pub use structured::ResponseFormat;
