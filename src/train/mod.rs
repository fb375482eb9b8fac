//! How the networks of the pocket bundle learn.

pub mod tokenizers;
