//! Knowledge stage: what a language model says about a post after annotated examples, for the tagger to read.
//!
//! Read [`generator`] first. [`examples`] is the file of examples, [`example_retriever`] finds the most similar ones with
//! the vectors of [`post_encoder`] and the stored [`index`], [`prompt`] words the question, and [`import`] converts
//! published annotations.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

mod generator;
mod config;
mod examples;
mod import;
mod index;
mod example_retriever;
mod prompt;
mod post_encoder;
mod replayed;
mod vectors;

pub use config::{Config, Mode};
pub use example_retriever::ExampleRetriever;
pub use examples::{Example, Examples, ExamplesError, LineFault};
pub use generator::{GeneratedKnowledge, KnowledgeGenerator, NoKnowledge};
pub use import::{ImportError, PublishedFiles};
pub use index::{Index, IndexError, IndexSource};
pub use post_encoder::{PostEncoder, Reply, Request, TextTokenizer};
pub use prompt::KnowledgePrompt;
pub use replayed::ReplayedKnowledge;
pub use vectors::{Neighbour, Vectors};

/// A temporary file that replaces its target when it is complete, readable by all users then.
fn atomic_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(folder)
}
