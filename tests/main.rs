//! All integration tests, in one binary: linking against libtorch costs time and memory once.

#[path = "parity/tagger.rs"]
mod parity_tagger;
