//! Bundles of published networks: a recipe says where they are, the files come into the hub's cache, and the bundle appears
//! when all of them are imported.
//!
//! Read [`recipe`] (what a recipe says), [`plan`] (which files it wants), [`download`] (how they come), [`lock`] (what they
//! were) and [`assemble`] (how they become a bundle).

mod assemble;
mod download;
mod error;
mod lock;
mod plan;
mod recipe;
mod shipped;
mod work;

pub use assemble::Assembled;
pub use download::Downloads;
pub use error::FetchError;
pub use lock::{LOCK, Lock, Locked};
pub use recipe::{Recipe, Source, StageRecipe};
pub use shipped::{read, shipped};

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::domain::Stage;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Order {
    /// The recipe's name.
    pub name: String,
    /// The recipe.
    pub recipe: Recipe,
    /// Weights that users give in place of published ones, by stage.
    pub own: BTreeMap<Stage, PathBuf>,
    /// The bundle's folder.
    pub out: PathBuf,
    /// Whether other commits and hashes than those of the bundle that is there are taken.
    pub update: bool,
}
