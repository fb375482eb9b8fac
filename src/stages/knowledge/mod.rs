//! What else is known of a post? Annotated examples, which of them are like it, and what a language model says after them.

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
mod vectors;

pub use config::{Config, Mode};
pub use example_retriever::ExampleRetriever;
pub use examples::{Example, Examples, ExamplesError, LineFault};
pub use generator::{GeneratedKnowledge, KnowledgeGenerator, NoKnowledge};
pub use import::{ImportError, PublishedFiles};
pub use index::{Index, IndexError, IndexSource};
pub use post_encoder::{PostEncoder, Reply, Request, TextTokenizer};
pub use prompt::KnowledgePrompt;
pub use vectors::{Neighbour, Vectors};

/// A file that takes its place when it is whole, and that others may read then.
fn readable_by_all(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(folder)
}
