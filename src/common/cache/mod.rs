//! Caches: values bounded in bytes. The least recently used leaves first, and each value is made once for all who ask.

mod byte_lru;
mod shared;

pub use byte_lru::ByteLru;
pub use shared::{Cache, CacheCounts, Lookup};
