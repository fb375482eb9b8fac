//! The pocket world: invents entities, posts, pictures and the truth about them, all from one seed.
//!
//! Entities have hidden looks. A name tells its type, more or less, and nothing of the look; the lexicon tells the
//! look. A sample is a pure function of seed, split and number, so that training may draw them on any thread.

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
pub use lexicon::{LexiconEntry, lexicon};
pub use palette::{COLOURS, Colour};
pub use sample::{GoldMention, GoldPicture, GoldText, Sample, SceneObject, World};
pub use split::Split;

#[cfg(test)]
mod tests;
