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
    /// A hash of all texts and pictures as the network read them, with their labels; train and dev.
    pub data_hash: String,
    /// Posts of the train and of the dev split.
    pub posts: [usize; 2],
    /// Pairs of picture and phrase of both, of which a gate or a grounder learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<[usize; 2]>,
    /// Regions with a mask of both, of which a segmenter learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<[usize; 2]>,
    /// Steps taken, and those after which the weights were the best.
    pub steps: [i64; 2],
    /// The score on the dev split.
    #[serde(alias = "dev_f1")]
    pub dev_score: f64,
    /// What the score is.
    #[serde(default = "f1")]
    pub measure: String,
    /// When it ended (RFC 3339, UTC).
    pub ended: String,
    /// The revision of the program.
    pub revision: String,
    /// The whole recipe, with its seed.
    pub recipe: toml::Table,
}

/// The score of taggers, which earlier manifests do not name.
fn f1() -> String {
    "F1".to_owned()
}
