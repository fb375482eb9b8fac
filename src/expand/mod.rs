//! What would a picture of it show? From a mention to a phrase that can be looked for.

mod expander;
mod lexicon;
mod template;

pub use expander::{Expander, Source};
pub use lexicon::{Lexicon, LexiconError, LineFault};
pub use template::{PhraseFormat, PhraseTemplate, TemplateError};
