//! Text memory: the bytes that all long texts may take while they are split into words and read by a network.

use std::sync::Arc;
use std::time::Duration;

use super::tokenise::MAX_INLINE_BYTES;
use crate::common::permits::{Permit, PermitPool};

/// Bytes that texts may take beside themselves. Clones share one limit.
#[derive(Debug, Clone)]
pub struct TextMemory {
    pool: Arc<PermitPool>,
    capacity: u64,
}

/// The bytes that one text has, given back when this is dropped.
#[derive(Debug)]
pub struct TextShare(Permit);

/// The limit where no setting gives one: that of `config/default.toml`.
const DEFAULT: u64 = 32 << 20;

/// Bytes for each byte of a text while it is split into words, if each byte is a word, as in `,.,.`: the copy for the other
/// thread, 48 for a grapheme cluster, and 96 for a word's span of 32 bytes, because a list that grows has up to twice the
/// place that it needs, and half of that again while it moves. A tenth more for what the allocator rounds up.
const WHILE_SPLIT: u64 = 160;

/// About how long it takes to split and tokenise a byte: [`MAX_INLINE_BYTES`] has the measurement.
const WORK: Duration = Duration::from_micros(2);

impl TextMemory {
    /// At most so many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self { pool: PermitPool::new(bytes), capacity: bytes }
    }

    /// What a text of so many bytes takes at most.
    #[must_use]
    pub fn of_text(bytes: u64) -> u64 {
        bytes.saturating_mul(WHILE_SPLIT)
    }

    /// Waits until there is memory to split a text, small texts least. A text that needs more than all of it, which the
    /// settings prevent, gets all. A text that is tokenised on the async thread needs none: those threads are few, and what is
    /// kept of it is little.
    pub async fn share(&self, text: &str) -> TextShare {
        let bytes = if text.len() <= MAX_INLINE_BYTES { 0 } else { text.len() };
        let need = Self::of_text(bytes as u64).min(self.capacity);
        let work = WORK.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
        TextShare(self.pool.acquire(need, work).await)
    }

    /// Bytes that no text has.
    #[cfg(test)]
    pub(crate) fn free(&self) -> u64 {
        self.pool.free()
    }

    /// Texts that wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.pool.waiting()
    }
}

impl Default for TextMemory {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

impl TextShare {
    /// Gives back all but so many bytes.
    pub fn shrink_to(&mut self, bytes: u64) {
        self.0.shrink_to(bytes);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::config::{Config, Sources};

    #[test]
    fn long_texts_wait_for_memory_short_ones_do_not_and_none_waits_for_ever() {
        let long = "x".repeat(10_000);
        let memory = TextMemory::new(TextMemory::of_text(15_000));
        let mut held = memory.share(&long).now_or_never().unwrap();
        let mut waiting = Box::pin(memory.share(&long));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(memory.share(&long[..5_000]).now_or_never().is_some(), "a shorter one that fits passes");
        assert!(memory.share(&long[..MAX_INLINE_BYTES]).now_or_never().is_some());
        held.shrink_to(TextMemory::of_text(5_000));
        drop(waiting.now_or_never().unwrap());
        drop(held);
        let all = memory.share(&"x".repeat(20_000)).now_or_never().expect("it gets all there is");
        assert_eq!(memory.free(), 0);
        drop(all);
        assert_eq!(memory.free(), TextMemory::of_text(15_000));
    }

    #[test]
    fn the_limit_without_settings_is_the_default_of_the_settings() {
        let config = Config::load(&Sources::default()).unwrap().config;
        assert_eq!(config.engine.text_memory.as_u64(), DEFAULT);
    }
}
