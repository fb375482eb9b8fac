//! Configuration: reads the settings of the engine from layers, and reports all faults at once.
//!
//! To add a key, touch two files: `config/default.toml` (default, unit, reason) and the `config.rs` of the module that
//! uses it (type, range). Everything else is derived from these: what `riveg check` prints, suggestions for misspelt
//! keys, variables of the environment, and the tests of every key and kind of fault. `engine::Config` composes the
//! modules' structs; only a new section touches it.
//!
//! Read [`sources`] (where values come from), [`layers`] (which of them holds, and what is wrong), then [`effective`]
//! (how the result is shown).

use std::fmt;

mod effective;
mod layers;
mod lines;
mod references;
mod sources;
mod words;

pub use crate::engine::{Config, MemoryPlan, Warm};
pub use effective::Effective;
pub use sources::Sources;

/// All keys with their defaults: the file `config/default.toml`, compiled in.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key's whole path, or what else of a layer is wrong.
    pub key: String,
    /// Which layer says so: a file with its line, the environment variable, the flag.
    pub layer: String,
    /// What was expected, what was found, what to do.
    pub message: String,
}

/// All that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(formatter, "the configuration has {count} {}:", if count == 1 { "fault" } else { "faults" })?;
        self.0
            .iter()
            .try_for_each(|fault| write!(formatter, "\n  {}: {}: {}", fault.layer, fault.key, fault.message))
    }
}

impl Config {
    /// Layers the sources over the defaults and checks everything.
    ///
    /// # Errors
    /// All that is wrong, in all layers, at once.
    pub fn load(sources: &Sources) -> Result<Effective, Faults> {
        layers::load(sources)
    }
}

#[cfg(test)]
mod extra_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
