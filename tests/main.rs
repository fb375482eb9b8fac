//! All integration tests, in one binary: linking against libtorch costs time and memory once.
