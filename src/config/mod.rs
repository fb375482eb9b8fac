//! Configuration: reads the settings of the engine from layers, and reports all faults at once.
//!
//! To add a key, touch two files: `config/default.toml` (default, unit, reason) and the `config.rs` of the module that
//! uses it (type, range). Everything else is derived from these: what `riveg check` prints, suggestions for misspelt
//! keys, variables of the environment, and the tests of every key and kind of fault. `engine::Config` composes the
//! modules' structs; only a new section touches it.
//!
//! Read [`sources`] (where values come from), [`layers`] (which of them holds, and what is wrong), then [`effective`]
//! (how the result is shown); [`explanation`] and [`difference`] serve `riveg config`.

mod defaults;
mod difference;
mod effective;
mod explanation;
mod fault;
mod layers;
mod lines;
mod references;
mod sources;
mod userinfo;
mod words;

pub use crate::engine::{Config, MemoryPlan, Warm};
pub use defaults::DEFAULTS;
pub use difference::Difference;
pub use effective::{Effective, Entry};
pub use explanation::{Explanation, UnknownKey, explain};
pub use fault::{Fault, Faults};
pub use references::secret_reference;
pub use sources::Sources;

impl Config {
    /// Layers the sources over the defaults and checks everything.
    ///
    /// # Errors
    /// All faults of all layers at once.
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
