//! Checkpoints as others publish them: files of PyTorch and of safetensors are read without running anything, and their
//! tensors are written under the names that the networks here give them.
//!
//! [`Checkpoint`] finds the tensors of a file, [`Family`] knows their names here, [`convert`] writes them.

mod error;
mod input;
mod tensor;
mod pickle;
mod state_dict;
mod settings;
mod torch_file;
mod safetensors_file;
mod opened;
mod shards;
mod source;
mod pattern;
mod pickled_words;
mod family;
mod cast;
mod write;

pub use error::CheckpointError;
pub(in crate::networks) use error::first_few;
#[cfg(test)]
pub(in crate::networks) use family::becomes;
pub use family::{Family, Renamed};
pub use opened::Format;
pub(in crate::networks) use pattern::{reason, rewrite};
pub(in crate::networks) use pickled_words::pickled_words;
pub use safetensors::Dtype;
pub use settings::{Noted, Settings};
pub use source::Checkpoint;
pub(in crate::networks) use state_dict::AVERAGES;
pub use write::{Dropped, Float, Instead, Kept, Report, convert, convert_with};
