//! Link stage: which real entity a name means, among those that the lexicon gives for it.
//!
//! Read [`linker`] first. A name that can mean one entity alone is linked by the lexicon; for others a language model can be
//! asked with the [`prompt`], and [`choice`] reads its answer.

mod choice;
mod config;
mod linker;
mod prompt;

pub use config::{LinkConfig, LinkSource};
pub use linker::{Linked, Linker, LlmChoice, NoLink, Source};
pub use prompt::{LinkContext, LinkPrompt};
