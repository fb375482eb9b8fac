//! Cached endpoints: a question is asked once, and its answer is used only if it has the form that was asked for.
//!
//! Read [`cached_endpoint`] first. [`cache_key`] is the hash of everything that the model receives. [`parse_answer`] goes
//! from a server's answer to a text that is used: it removes the [`reasoning`] and the [`template_tokens`], opens the JSON
//! object ([`json_answer`]), checks that the rest is [`plain_text`] without [`refusals`], and that a phrase is one
//! [`noun_phrase`]. Answers that are objects of the caller go through its [`answer_reader`]. Whatever is in doubt is rejected, with a [`reject_reason`]. [`post_text`] escapes untrusted text for
//! prompts.

mod answer_format;
mod answer_reader;
mod cache_key;
mod cached_endpoint;
mod jpeg;
mod json_answer;
mod no_answer;
mod noun_phrase;
mod parse_answer;
mod plain_text;
mod post_text;
mod prompt_file;
mod reasoning;
mod refusals;
mod reject_reason;
mod template_tokens;

pub use crate::telemetry::LeftOut;
pub use answer_format::AnswerFormat;
pub use answer_reader::AnswerReader;
pub use cache_key::cache_key;
pub use cached_endpoint::{CachedEndpoint, Degrade};
pub use jpeg::sent_size;
pub use json_answer::extract_json;
pub use no_answer::NoAnswer;
pub use parse_answer::{parse_answer, parse_object, revalidate};
pub use plain_text::reason_of_prose;
pub use post_text::{MAX_NAME_CHARS, escape_untrusted, normalised_text, quotable_name, subject_of_name};
pub use prompt_file::{PromptFault, PromptFileError, PromptLine, check_lines, read_prompt};
pub use reject_reason::RejectReason;
