//! Tests of vision models in place of networks: the real binary, a scripted model, real JPEGs and a tiny segmenter.

mod engine;
mod trouble;
mod wired;
