//! What does a language model add to the answers, and what do its faults leave of them? The pocket bundle, asked whole, with
//! a model that is told what to say.

mod engine;
mod expansions;
mod faults;
mod pictures;
mod planted;
mod tagger;
mod unbelieved;
mod wired;

pub(crate) use wired::{endpoint, knowing};
