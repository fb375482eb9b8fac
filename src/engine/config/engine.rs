//! The section `engine` of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::stages::prompt::TextMemory;

/// How much the engine does at one time and for one post, and how it ends.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Posts worked on at one time.
    pub posts_in_flight: usize,
    /// Limit of the entities of one post that are answered.
    pub max_entities: usize,
    /// Limit of the distinct pairs of entity and picture of one post.
    pub max_looks: usize,
    /// Limit of the pixels of all masks of one post.
    pub max_mask_pixels: u64,
    /// Memory of all texts while they are split into words and read by the tagger, in bytes.
    pub text_memory: ByteSize,
    /// Limit of a post's age; zero: none.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// Time that unfinished posts have after the stop signal.
    #[serde(with = "humantime_serde")]
    pub drain_deadline: Duration,
    /// Folder of the attempts log; empty: [`Engine::state_folder`] takes one in the user's home.
    pub state: PathBuf,
    /// Time without progress after which the engine is not ready.
    #[serde(with = "humantime_serde")]
    pub stall_unready: Duration,
    /// Time without progress after which the engine is not alive.
    #[serde(with = "humantime_serde")]
    pub stall_dead: Duration,
}

impl Engine {
    /// Range faults: the key within the section, and the bound that it breaks. The longest text has `max_text` bytes.
    #[must_use]
    pub fn faults(&self, max_text: ByteSize) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        let in_flight = self.posts_in_flight;
        hold("posts_in_flight", (1..=100_000).contains(&in_flight), "must be 1 to 100000");
        hold("max_entities", (1..=100_000).contains(&self.max_entities), "must be 1 to 100000");
        hold("max_looks", (1..=1_000_000).contains(&self.max_looks), "must be 1 to 1000000");
        hold("max_mask_pixels", self.max_mask_pixels > 0, "must be at least 1");
        let one = ByteSize(TextMemory::of_text(max_text.as_u64()));
        let message =
            format!("must be at least {one}, which one text of decode.max_text ({max_text}) can take");
        hold("text_memory", self.text_memory >= one, &message);
        let is_later = self.stall_dead >= self.stall_unready;
        hold("stall_dead", is_later, "must not be shorter than engine.stall_unready");
        faults
    }

    /// The folder of the attempts log: `state`, or else `riveg` in the user's folder for state.
    #[must_use]
    pub fn state_folder(&self) -> PathBuf {
        if !self.state.as_os_str().is_empty() {
            return self.state.clone();
        }
        let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || named("HOME").map(|home| home.join(".local/state"));
        named("XDG_STATE_HOME").or_else(home).unwrap_or_else(std::env::temp_dir).join("riveg")
    }
}
