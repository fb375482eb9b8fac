//! Training record: how a network of a bundle was trained, for people and for those who repeat it.

use serde::{Deserialize, Serialize};

/// What decided the weights of a trained network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// What it began with: an encoder's or a bundle's folder, or `nothing`.
    pub from: String,
    /// The folder of the data set.
    pub data: String,
    /// A hash of all texts as the network read them, with their labels; train and dev.
    pub data_hash: String,
    /// Posts of the train and of the dev split.
    pub posts: [usize; 2],
    /// Steps taken, and those after which the weights were the best.
    pub steps: [i64; 2],
    /// F1 on the dev split.
    pub dev_f1: f64,
    /// When it ended (RFC 3339, UTC).
    pub ended: String,
    /// The revision of the program.
    pub revision: String,
    /// The whole recipe, with its seed.
    pub recipe: toml::Table,
}
