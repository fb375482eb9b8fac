//! The networks: the only folder, with `train` and `bundle` on top of it, in which tensors exist. One network a file.

pub mod albef;
mod asked;
mod bert;
pub mod crf;
pub mod device;
mod encodings;
mod layers;
pub mod ofa;
pub mod preset;
pub mod remembered;
mod resnet;
mod rows;
pub mod sam;
pub mod served;
pub mod seqtr;
pub mod tagger;
pub mod umt;
