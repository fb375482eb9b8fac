//! Fuzz targets: invariants for arbitrary bytes, one function for each reader of untrusted input.
//!
//! A target panics if an invariant does not hold. `cargo fuzz` and the short runs among the tests call them.

mod batch;
mod checkpoint;
mod config;
mod encoded;
mod feeds;
mod manifest;
mod mask;
mod picture;
mod record;

pub use batch::batch;
pub use checkpoint::{checkpoint, pickle};
pub use config::config;
pub use encoded::{avro, protobuf};
pub use feeds::{activitypub, html, jetstream, mastodon, x};
pub use manifest::manifest;
pub use mask::mask;
pub use picture::picture;
pub use record::record;

/// Error texts are one paragraph of limited length without control characters.
fn assert_sayable(message: &str) {
    const LONGEST: usize = 2000; // characters: what is expected, what was found, and one quoted thing of each
    assert!(!message.trim().is_empty(), "an error says nothing");
    assert!(message.chars().count() <= LONGEST, "an error has {} characters", message.chars().count());
    assert!(!message.contains(char::is_control), "an error holds control characters: {message:?}");
}
