//! Faults of a configuration.

use std::fmt;

/// One fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key's whole path, or the faulty part of a layer.
    pub key: String,
    /// The layer: a file with its line, the environment variable, or the flag.
    pub layer: String,
    /// The value found, the values expected, and what to do.
    pub message: String,
}

/// All faults of a configuration.
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
