//! The networks: the only folder, with `train` and `bundle` on top of it, in which tensors exist. One network a file.

pub mod crf;
pub mod device;
mod encodings;
pub mod ofa;
pub mod preset;
pub mod sam;
pub mod served;
pub mod tagger;
pub mod xlm_roberta;
