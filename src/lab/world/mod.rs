//! The pocket world: invents entities, posts, pictures and the truth about them, all from one seed.
//!
//! Entities have hidden looks. A name tells its type, more or less, and nothing of the look; the lexicon tells the
//! look. A sample is a pure function of seed, split and number, so that training may draw them on any thread.

mod annotation;
mod backdrop;
mod cast;
mod chance;
mod clauses;
mod dataset;
pub mod difficulty;
mod entity;
mod gold;
mod lexicon;
mod looks;
mod names;
mod palette;
mod people;
mod places;
mod sample;
mod scene;
mod signs;
mod sketch;
mod stamp;
mod things;
mod tweet;

pub use annotation::{Named, annotation};
pub use dataset::{DatasetError, write_dataset};
pub use lexicon::{LexiconEntry, lexicon};
pub use looks::{Description, KINDS, Look};
pub use palette::{COLOURS, Colour};
pub use sample::{GoldMention, GoldPicture, GoldText, Sample, SceneObject, Split, World};

#[cfg(test)]
mod tests;
