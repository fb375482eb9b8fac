//! How much may the engine do at one time, and for one post, and how does it end?

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much is done at one time, and how it ends.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Posts worked on at one time.
    pub posts_in_flight: usize,
    /// Entities of one post that are answered.
    pub max_entities: usize,
    /// Distinct pairs of entity and picture of one post that are asked about.
    pub max_looks: usize,
    /// Pixels of all masks that the segmenter draws for one post.
    pub max_mask_pixels: u64,
    /// How long after it was written a post is still worth working on; nothing: for ever.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// How long the engine may finish what it has begun.
    #[serde(with = "humantime_serde")]
    pub drain_deadline: Duration,
    /// The folder where what is worked on is written down; empty: one in the user's home.
    pub state: PathBuf,
    /// How long work may stand still before the engine is not ready.
    #[serde(with = "humantime_serde")]
    pub stall_unready: Duration,
    /// How long it may stand still before the engine is not alive.
    #[serde(with = "humantime_serde")]
    pub stall_dead: Duration,
}

impl Engine {
    /// The folder where what is worked on is written down.
    #[must_use]
    pub fn state_folder(&self) -> PathBuf {
        if !self.state.as_os_str().is_empty() {
            return self.state.clone();
        }
        let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || named("HOME").map(|home| home.join(".local/state"));
        named("XDG_STATE_HOME").or_else(home).unwrap_or_else(std::env::temp_dir).join("riveg")
    }

    /// Tells of each setting whether it holds.
    pub(super) fn check(&self, hold: &mut impl FnMut(&str, bool, &str)) {
        let in_flight = self.posts_in_flight;
        hold("engine.posts_in_flight", (1..=100_000).contains(&in_flight), "must be 1 to 100000");
        let entities = self.max_entities;
        hold("engine.max_entities", (1..=100_000).contains(&entities), "must be 1 to 100000");
        let looks = self.max_looks;
        hold("engine.max_looks", (1..=1_000_000).contains(&looks), "must be 1 to 1000000");
        let pixels = self.max_mask_pixels;
        hold("engine.max_mask_pixels", pixels > 0, "must be at least 1");
        let stands = self.stall_dead >= self.stall_unready;
        hold("engine.stall_dead", stands, "must not be shorter than engine.stall_unready");
    }
}
