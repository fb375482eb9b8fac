//! Training of a segmenter on the masks of a data set, each prompted by its box.
//!
//! Read [`recipe`] (what can be set), then [`training`] (all steps from files to a bundle), [`beginning`] (the network of a
//! bundle), [`regions`] and [`pictures`] (what is read), [`batches`] with [`prompts`] (what a step is asked), [`encodings`]
//! (pictures that are encoded once) and [`task`] (loss and score).

mod recipe;
mod beginning;
mod pictures;
mod regions;
mod prompts;
mod batches;
mod encodings;
mod task;
mod training;
#[cfg(test)]
mod parity_tests;
#[cfg(test)]
mod tests;

pub use recipe::MaskRecipe;
pub use training::MaskTraining;
