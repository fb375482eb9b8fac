//! Tests of language models in the whole pipeline: the pocket bundle with a scripted model.

mod engine;
mod expansions;
mod faults;
mod links;
mod pictures;
mod planted;
mod tagger;
mod unbelieved;
mod wired;

pub(crate) use wired::{endpoint, knowing};
