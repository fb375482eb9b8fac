//! What else is known of a post? Annotated examples, which of them are like it, and what a language model says after them.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

mod auxiliary;
mod config;
mod examples;
mod import;
mod index;
mod example_retriever;
mod prompt;
mod similar;
mod similarity;

pub use auxiliary::{Knowledge, Known, NoKnowledge};
pub use config::{Config, Mode};
pub use example_retriever::ExampleRetriever;
pub use examples::{Example, Examples, ExamplesError, LineFault};
pub use import::{ImportError, Published};
pub use index::{Index, IndexError, Out};
pub use prompt::KnowledgePrompt;
pub use similar::{Reply, Request, Similar, Texts};
pub use similarity::{NEIGHBOURS, Neighbour, Vectors};

/// A file that takes its place when it is whole, and that others may read then.
fn readable_by_all(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(folder)
}
