//! The section `device` of the configuration: where the networks run.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// The device, and what is kept on it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `cpu`, `cuda`, or `cuda:` and an index.
    pub name: String,
    /// Threads of one operator on the CPU; 0: one a core.
    pub threads: usize,
    /// Limit of the device's memory that all networks together use for encodings of pictures.
    pub trunk_cache: ByteSize,
    /// Limit of the memory for pictures at the sizes of the networks.
    pub picture_cache: ByteSize,
}

impl Config {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        hold("name", is_device(&self.name), "must be `cpu`, `cuda` or `cuda:` and an index");
        hold("threads", self.threads <= 1024, "must be 0 (all cores) to 1024");
        faults
    }
}

fn is_device(name: &str) -> bool {
    matches!(name, "cpu" | "cuda")
        || name.strip_prefix("cuda:").is_some_and(|index| index.parse::<u8>().is_ok())
}
