//! Weights: the files of a bundle that hold them, their hashes, and how they come into a network.
//!
//! Read [`files`] (entries of a manifest), [`source`] (a network with its weights), [`load`] (strict loading),
//! [`shared`] (weights of several executors), [`random_init`] (weights from a seed) and [`error`].

mod error;
mod files;
mod hash;
mod load;
mod precision;
mod random_init;
mod shared;
mod source;

pub use error::{BundleError, Fault, SelfTestError};
pub use files::{FileEntry, Weights};
pub(in crate::networks) use hash::{hash_of, hexadecimal, unchanged};
pub use load::{load_weights, save_weights};
pub use precision::Precision;
pub use random_init::randomise;
pub use shared::SharedWeights;
pub use source::WeightSource;
