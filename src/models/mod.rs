//! The networks: the only folder, with `train` and `bundle` on top of it, in which tensors exist. One network a file.

pub mod crf;
pub mod device;
mod encodings;
pub mod ofa;
pub mod sam;
pub mod seqtr;
pub mod tagger;
pub mod xlm_roberta;
