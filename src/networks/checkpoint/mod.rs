//! What is in a checkpoint that somebody else published? Reads files of PyTorch and of safetensors, running nothing,
//! and writes their tensors under the names that the networks here give them.
//!
//! [`Checkpoint`] finds the tensors of a file, [`Family`] knows what they are called here, [`convert`] writes them.

mod error;
mod input;
mod tensor;
mod pickle;
mod state_dict;
mod settings;
mod torch_file;
mod safetensors_file;
mod source;
mod rename;
mod cast;
mod write;

pub use error::CheckpointError;
pub use rename::{Family, Renamed};
pub use safetensors::Dtype;
pub use settings::{Noted, Settings};
pub use source::{Checkpoint, Format};
pub use write::{Dropped, Float, Instead, Kept, Report, convert, convert_with};
