//! What is a bundle? A folder with a manifest, four networks' weights, their vocabularies and a lexicon.
//!
//! Opening one is strict: the manifest has no unknown keys, every file has the hash that the manifest gives, every
//! tensor of a checkpoint has its parameter and every parameter its tensor. A network that was silently left half
//! random answers as confidently as a good one.

mod blank;
mod config;
mod dimensions;
mod disk;
mod error;
mod files;
mod import;
mod join;
mod retrieve;
mod manifest;
mod open;
mod random;
mod self_test;
mod serve;
mod shrunk;
mod stages;
pub mod untrained;
mod weights;

pub use blank::{BLANKS, ENTAIL_PROMPT, GROUND_PROMPT, blank, blank_stage, presets};
pub use config::Config;
pub use dimensions::Dimensions;
pub use error::{BundleError, Fault};
pub use files::{FileEntry, Weights};
pub use import::{Import, ImportError, Imported};
pub use manifest::{Manifest, Part};
pub use open::{Bundle, write_manifest, write_unfilled};
pub use retrieve::{Retrieve, RetrieveNetwork};
pub use self_test::SelfTestError;
pub use shrunk::{Vocabulary, shrunk};
pub use stages::{
    Entail, EntailNetwork, Ground, GroundNetwork, Precision, Recognise, RecogniseNetwork, Segment,
    SegmentNetwork, Summary,
};
pub use weights::{load_weights, save_weights};
