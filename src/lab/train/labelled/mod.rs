//! Training of a tagger on labelled texts: a recipe, a data set, and an encoder to begin with.
//!
//! Read [`recipe`] (what can be set), then [`training`] (all steps from files to a bundle), [`beginning`] (where weights come
//! from), [`texts`] and [`order`] (what is read, in which order) and [`task`] (loss and score).

mod recipe;
mod texts;
mod order;
mod beginning;
mod task;
mod training;
#[cfg(test)]
mod tests;

pub use beginning::Origin;
pub use recipe::{Recipe, RecipeError};
pub use training::{TaggerTraining, Trained};
