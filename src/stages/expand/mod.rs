//! What would a picture of it show? From a mention to a phrase that can be looked for.

mod config;
mod expander;
mod lexicon;
mod lexicon_counts;
mod prompt;
mod template;

pub use config::{Config, Mix, SourceName};
pub use expander::{ExpandedPhrase, Expander, LlmExpansion, NoExpansion, Source};
pub use lexicon::{Lexicon, LexiconError, LineFault};
pub use lexicon_counts::LexiconCounts;
pub use prompt::{Context, ExpansionPrompt, Scope};
pub use template::{PhraseFormat, PhraseTemplate, TemplateError};
