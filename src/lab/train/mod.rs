//! Training of networks: seeded, one network at a time, resumed from checkpoints.
//!
//! `labelled` trains on data sets. Of the pocket bundle read [`recipe`] first (sizes and schedules), then `pocket`
//! (all trainings of a new bundle), `retrieve` (an encoder of posts for an existing bundle) and `mqspn` (a joint network);
//! `tagger`, `ofa`, `segmenter` with `mask_loss`, and `umt` define the losses. `training_loop`, `optimiser`, `parameters`,
//! `stopping`, `checkpoint` and `record` are shared.

mod assemble;
mod assignment;
mod checkpoint;
mod labelled;
mod mask_loss;
mod mqspn;
mod prefetch;
mod record;
mod retrieve;
mod training_loop;
mod ofa;
mod optimiser;
mod parameters;
mod phrases;
mod pocket;
pub mod recipe;
mod segmenter;
pub mod set_loss;
mod stopping;
mod tagger;
mod text_batch;
pub mod tokenizers;
mod umt;

pub use assemble::{DEMO_SEED, assemble};
pub use labelled::{
    Machine, MaskRecipe, MaskTraining, Origin, PairRecipe, PairTraining, Recipe, RecipeError, TaggerTraining,
    Trained,
};
pub use mqspn::train_joint;
pub use optimiser::{Decay, Schedule};
pub use pocket::{Network, TrainingRun, train_pocket};
pub use retrieve::train_retriever;
pub use training_loop::{Taken, Validation, Watch};
