//! Training on labelled data: a recipe, a data set, and a network to begin with.
//!
//! Of a tagger read [`recipe`] (what can be set), then [`training`] (all steps from files to a bundle), [`beginning`] (where
//! weights come from), [`texts`] (what is read) and [`task`] (loss and score). [`pairs`] trains gate and grounder. Shared are
//! [`recipe_file`], [`adaptation`] (what learns), [`damage`] (of data sets), [`order`] (of texts and pairs) and [`course`] (the loop and its records).

mod recipe_file;
mod adaptation;
mod damage;
mod order;
mod course;
mod recipe;
mod texts;
mod beginning;
mod task;
mod training;
mod pairs;
#[cfg(test)]
mod adapter_tests;
#[cfg(test)]
mod tests;

pub use beginning::Origin;
pub use course::Trained;
pub use pairs::{PairRecipe, PairTraining};
pub use recipe::Recipe;
pub use recipe_file::RecipeError;
pub use training::TaggerTraining;
