//! WebP: the container and its chunks, and what the codes of a lossless picture take.

mod code_groups;
mod container;

pub(super) use code_groups::code_groups;
pub(super) use container::{Coding, check, end};
