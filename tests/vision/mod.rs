//! Tests of vision models in place of networks: the real binary, a scripted model, real JPEGs and a tiny segmenter.

mod end_to_end;
mod engine;
mod left_out;
mod trouble;
mod wired;
mod wrong_answers;
