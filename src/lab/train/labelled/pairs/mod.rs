//! Training of an OFA as gate or as grounder on pairs of picture and phrase.
//!
//! Read [`recipe`] (what can be set), then [`training`] (all steps from files to a bundle), [`files`] (the pairs of a data
//! set), [`beginning`] (the network of a bundle), [`rows`] and [`batches`] (what is read, and pictures as they are needed) and
//! [`task`] (loss and score).

mod recipe;
mod files;
mod beginning;
mod rows;
mod batches;
mod task;
mod training;
#[cfg(test)]
mod tests;

pub use recipe::PairRecipe;
pub use training::PairTraining;
