//! Expand stage: from a mention to the phrase that the entailer and the grounder read.
//!
//! Read [`expander`] first. The sources are the lexicon, published answers ([`expansion_file`]) and language models,
//! asked with the [`prompt`]; [`template`] makes the phrase.

mod config;
mod expander;
mod expansion_file;
mod prompt;
mod template;

pub use config::{Config, Mix, SourceName};
pub use expander::{ExpandedPhrase, Expander, LlmExpansion, NoExpansion, Source};
pub use expansion_file::ExpansionFile;
pub use prompt::{Context, ExpansionPrompt, Scope};
pub use template::{PhraseFormat, PhraseTemplate, TemplateError};
