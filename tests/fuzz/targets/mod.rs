//! What must hold of any bytes whatsoever? One function for each place where the engine reads what others wrote.
//!
//! A function panics where something does not hold. `cargo fuzz` calls them, and so does the short run among the tests.

mod checkpoint;
mod config;
mod manifest;
mod mask;
mod picture;
mod record;

pub use checkpoint::{checkpoint, pickle};
pub use config::config;
pub use manifest::manifest;
pub use mask::mask;
pub use picture::picture;
pub use record::record;

/// What people are shown of a fault: one paragraph of ordinary length that cannot steer the terminal that shows it.
fn assert_sayable(message: &str) {
    const LONGEST: usize = 2000; // characters: what is expected, what was found, and one quoted thing of each
    assert!(!message.trim().is_empty(), "an error says nothing");
    assert!(message.chars().count() <= LONGEST, "an error has {} characters", message.chars().count());
    assert!(!message.contains(char::is_control), "an error holds control characters: {message:?}");
}
