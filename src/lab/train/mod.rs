//! Training of the pocket bundle's networks: seeded, one network at a time on request, resumed from checkpoints.
//!
//! Read [`recipe`] first (sizes and schedules), then `pocket` (all trainings of a new bundle) and `retrieve` (an encoder of
//! posts for an existing bundle). `tagger`, `ofa`, `segmenter` and `umt` define the losses; `training_loop`, `optimiser`
//! and `checkpoint` are shared.

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
