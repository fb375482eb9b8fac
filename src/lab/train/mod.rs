//! How the networks of the pocket bundle learn: seeded, one at a time if asked, from a checkpoint if there is one.
//!
//! `recipe` says how large and how long, `pocket` in which order, `know` what comes to a bundle that is there; the rest is what each network is taught, and the
//! loop, the optimiser and the checkpoints that they share.

mod assemble;
mod checkpoint;
mod prefetch;
mod retrieve;
mod training_loop;
mod ofa;
mod optimiser;
mod phrases;
mod pocket;
pub mod recipe;
mod segmenter;
mod tagger;
pub mod tokenizers;
mod umt;

pub use assemble::{DEMO_SEED, assemble};
pub use optimiser::Schedule;
pub use pocket::{Network, TrainingRun, train_pocket};
pub use retrieve::train_retriever;
