//! Pocket world: synthetic entities, posts and pictures with ground truth, generated from one seed.
//!
//! Read `sample` first, then `appearance` and `scene`. Each entity has an appearance that its name does not reveal;
//! the lexicon maps names to appearances. A sample is a pure function of seed, split and index, so training can
//! generate samples on any thread.

mod annotation;
mod background;
mod composition;
mod rng;
mod clauses;
mod dataset;
pub mod difficulty;
mod entity;
mod gold;
mod lexicon;
mod appearance;
mod names;
mod palette;
mod people;
mod places;
mod post;
mod sample;
mod scene;
mod logos;
mod shape;
mod split;
mod sprite;
mod things;
mod post_text;

pub use annotation::{AnnotatedEntity, annotation};
pub use appearance::{Appearance, Description, KINDS};
pub use dataset::{DatasetError, write_dataset};
pub use lexicon::{LexiconEntry, described, lexicon};
pub use palette::{COLOURS, Colour};
pub use sample::{GoldMention, GoldPicture, GoldText, Sample, SceneObject, World};
pub use split::Split;

#[cfg(test)]
mod tests;
