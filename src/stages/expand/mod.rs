//! Expand stage: from a mention to the phrase that the entailer and the grounder read.
//!
//! Read [`expander`] first. The sources are the lexicon and language models, asked with the [`prompt`]; [`template`]
//! makes the phrase.

mod config;
mod expander;
mod prompt;
mod template;

pub use config::{Config, Mix, SourceName};
pub use expander::{ExpandedPhrase, Expander, LlmExpansion, NoExpansion, Source};
pub use prompt::{Context, ExpansionPrompt, Scope};
pub use template::{PhraseFormat, PhraseTemplate, TemplateError};
