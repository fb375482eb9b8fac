//! Descriptors: what a network's folder tells the rest of the engine, one plain struct for each stage that it can serve.
//!
//! Read [`stages`] (a struct for each stage), then [`architecture`] and [`dimensions`] (sizes in a manifest), [`network`] (a
//! described network of a manifest), [`reads`] (what a network reads) [`import`] (published
//! checkpoints) and [`config_json`] (what they say of themselves). The list of
//! all descriptors is [`registry`](super::registry).

mod architecture;
mod config_json;
mod dimensions;
mod import;
mod import_error;
mod network;
mod reads;
mod stages;

pub use architecture::Architecture;
pub use config_json::ConfigJson;
pub use dimensions::Dimensions;
pub(in crate::networks) use import::read_floats;
pub use import::{
    AddDimensions, Answers, Importing, PieceFaults, Pieces, PublishedConfig, RecipeOf, ReplaceTensors,
    Replaced, ShareOfAnswers,
};
pub use import_error::ImportError;
pub use network::{Descriptor, Network, Summary};
pub use reads::{Reads, VocabularyKind};
pub use stages::{
    EntailDescriptor, GroundDescriptor, GroundSettings, JointDescriptor, RecogniseDescriptor,
    RetrieveDescriptor, SegmentDescriptor, ServeBoth, TaggerSettings,
};
