//! Building blocks: layers, encoders and caches that several networks are made of.

pub(super) mod asked;
pub(super) mod bert;
pub mod crf;
pub(super) mod deberta;
pub mod device;
pub(super) mod encodings;
mod forward_backward;
pub(super) mod layers;
pub mod preset;
pub mod promptable;
pub mod remembered;
pub(super) mod resnet;
pub(super) mod rows;
pub(super) mod share;
pub mod words;
