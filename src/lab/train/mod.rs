//! Training of the pocket bundle's networks: seeded, one network at a time on request, resumed from checkpoints.
//!
//! Read [`recipe`] first (sizes and schedules), then `pocket` (all trainings of a new bundle) and `retrieve` (an encoder of
//! posts for an existing bundle). `tagger`, `ofa`, `segmenter`, `umt` and `mqspn` define the losses; `training_loop`, `optimiser`
//! and `checkpoint` are shared.

mod assemble;
mod assignment;
mod checkpoint;
mod mqspn;
mod prefetch;
mod retrieve;
mod training_loop;
mod ofa;
mod optimiser;
mod phrases;
mod pocket;
pub mod recipe;
mod segmenter;
pub mod set_loss;
mod tagger;
pub mod tokenizers;
mod umt;

pub use assemble::{DEMO_SEED, assemble};
pub use mqspn::train_joint;
pub use optimiser::Schedule;
pub use pocket::{Network, TrainingRun, train_pocket};
pub use retrieve::train_retriever;
