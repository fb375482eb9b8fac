//! Training on labelled data: a recipe, a data set, and a network to begin with.
//!
//! Of a tagger read [`recipe`] (what can be set), then [`training`] (all steps from files to a bundle), [`beginning`] (where
//! weights come from), [`texts`] (what is read) and [`task`] (loss and score). [`pairs`] trains gate and grounder, [`masks`] the
//! segmenter. Shared are [`recipe_file`], [`rates`] and [`adaptation`] (what learns), [`damage`] and [`splits`] (of data sets),
//! [`bundle_network`] (to begin with), [`order`] (of texts, pairs and regions), [`present`] (batches), [`course`] (the loop and
//! its records) and [`result`].

mod recipe_file;
mod adaptation;
mod damage;
mod splits;
mod bundle_network;
mod order;
mod present;
mod course;
mod rates;
mod result;
mod recipe;
mod texts;
mod beginning;
mod task;
mod training;
mod pairs;
mod masks;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod adapter_tests;
#[cfg(test)]
mod precision_tests;
#[cfg(test)]
mod tests;

pub use beginning::Origin;
pub use course::{Machine, Trained};
pub use masks::{MaskRecipe, MaskTraining};
pub use pairs::{PairRecipe, PairTraining};
pub use recipe::Recipe;
pub use recipe_file::RecipeError;
pub use training::TaggerTraining;
