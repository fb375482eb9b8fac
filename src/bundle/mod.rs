//! What is a bundle? A folder with a manifest, four networks' weights, their tokenizers and a lexicon.
//!
//! Opening one is strict: the manifest has no unknown keys, every file has the hash that the manifest gives, every
//! tensor of a checkpoint has its parameter and every parameter its tensor. A network that was silently left half
//! random answers as confidently as a good one.

mod error;
mod manifest;
mod open;
pub mod untrained;
mod weights;

pub use error::{BundleError, Fault};
pub use manifest::{
    Entail, FileEntry, Ground, Manifest, OfaArchitecture, Recognise, SamArchitecture, Segment,
    TaggerArchitecture,
};
pub use open::{Bundle, write_manifest};
pub use weights::{load_weights, save_weights};
