//! Dimensions of networks: their published sizes, by name, and their number of parameters.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Dimensions some of which were published under a name.
pub trait Preset: Serialize + DeserializeOwned {
    /// The names, in the order in which they are shown.
    const NAMES: &'static [&'static str];

    /// The dimensions of that name.
    fn preset(name: &str) -> Option<Self>;

    /// How many numbers such a network learns; what it only remembers (statistics of batch norms, frequencies of
    /// position encodings) is not counted.
    fn parameters(&self) -> u64;

    /// Why there can be no network of these dimensions.
    fn fault(&self) -> Option<String>;
}

/// Parameters of a fully connected layer with its bias.
pub(in crate::networks) fn linear(inputs: i64, outputs: i64) -> i64 {
    (inputs + 1) * outputs
}

/// Parameters of a norm over `width` channels: a factor and a summand each.
pub(in crate::networks) fn norm(width: i64) -> i64 {
    2 * width
}
