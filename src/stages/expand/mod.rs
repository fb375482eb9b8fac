//! What would a picture of it show? From a mention to a phrase that can be looked for.

mod config;
mod expander;
mod lexicon;
mod look_ups;
mod prompt;
mod template;

pub use config::{Config, Mix, SourceName};
pub use expander::{Asking, Expander, Found, NoExpansion, Source};
pub use lexicon::{Lexicon, LexiconError, LineFault};
pub use look_ups::LookUps;
pub use prompt::{Context, ExpansionPrompt, Scope};
pub use template::{PhraseFormat, PhraseTemplate, TemplateError};
