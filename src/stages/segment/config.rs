//! Settings of masks.

use serde::{Deserialize, Serialize};

/// The settings of masks.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The least score of a mask that is published; 0: all.
    pub minimum_mask_score: f32,
}

impl Config {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let is_within = (0.0..=1.0).contains(&self.minimum_mask_score);
        if is_within { Vec::new() } else { vec![("minimum_mask_score", "must be 0.0 to 1.0".to_owned())] }
    }
}
