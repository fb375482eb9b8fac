//! Bundles: a folder with a manifest, four networks' weights, their vocabularies and a lexicon.
//!
//! Opening one is strict: the manifest has no unknown keys, every file has the hash that the manifest gives, every
//! tensor of a checkpoint has its parameter and every parameter its tensor. A network that was silently left half
//! random answers with the same confidence as a good one.
//!
//! Read [`stages`] and [`manifest`] (what `bundle.toml` says), [`open`] and [`write`], [`serve`] (networks at work),
//! [`questions`], [`proposals`] and [`self_test`], [`join`] (stages of several bundles), [`precision`] (another than the
//! manifest's), [`template`] (new bundles) and [`import`] (published checkpoints).

mod config;
mod disk;
mod import;
mod join;
mod labels;
mod manifest;
mod open;
mod precision;
mod proposals;
mod questions;
mod self_test;
mod self_test_question;
mod serve;
mod stages;
mod template;
mod thresholds;
mod training;
#[cfg(test)]
#[path = "../../../tests/support/tiny/mod.rs"]
pub(crate) mod tiny;
mod write;

pub use config::Config;
pub use import::{
    ConfigFault, GivenLabels, Import, Imported, MappedTypes, PublishedEncoder, Recipe, StoredWeights,
    TrainedPart, TrainedStage, TypeMap, check_task_of_config, labels_of_config,
};
pub use manifest::Manifest;
pub use open::Bundle;
pub use proposals::Proposals;
pub use self_test_question::SelfTestQuestion;
pub use stages::{Entail, Ground, Joint, Part, Recognise, Retrieve, Segment};
pub use template::{presets, stage_template, template, templates};
pub use thresholds::{Thresholds, set_made, set_thresholds};
pub use training::TrainingRecord;
pub use write::{write_manifest, write_unfilled};

pub use crate::networks::descriptor::{ImportError, Summary};
pub use crate::networks::weights::{
    BundleError, Fault, FileEntry, Precision, SelfTestError, Weights, load_weights, save_weights,
};
