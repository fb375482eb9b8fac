//! What was made once need not be made again: bounded in bytes, the least used leaves first, one maker a key.

mod bounded;
mod shared;

pub use bounded::Bounded;
pub use shared::{Cache, CacheCounts, Way};
