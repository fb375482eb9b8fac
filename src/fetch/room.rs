//! Is there room for what a post's pictures may weigh? Records are small, what they point to is not.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const UNIT: u64 = 1024; // bytes: a semaphore counts to 2^32 at most, which is 4 TiB of these

/// Bytes of encoded pictures that may be held at one time.
#[derive(Debug)]
pub(super) struct Memory {
    left: Arc<Semaphore>,
    whole: u32,
}

/// The share of a post, given back when it is dropped.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

impl Memory {
    pub(super) fn new(bytes: u64) -> Self {
        let whole = units(bytes);
        Self { left: Arc::new(Semaphore::new(whole as usize)), whole }
    }

    /// Waits until there is room for so many bytes, all at once: posts that each hold a part and wait for more would wait
    /// for ever. What could never fit, waits for all there is.
    pub(super) async fn room(&self, bytes: u64) -> Room {
        match Arc::clone(&self.left).acquire_many_owned(units(bytes).min(self.whole)).await {
            Ok(permit) => Room(permit),
            Err(_) => unreachable!("nobody closes this semaphore"),
        }
    }
}

impl Room {
    /// Gives back what the pictures turned out not to need.
    pub fn shrink(&mut self, bytes: u64) {
        let spare = self.0.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.0.split(spare));
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn room_is_taken_whole_and_what_is_not_needed_is_given_back() {
        let memory = Memory::new(10 * UNIT);
        let mut first = memory.room(8 * UNIT).await;
        let mut second = pin!(memory.room(8 * UNIT));
        assert!(second.as_mut().now_or_never().is_none());
        first.shrink(UNIT + 1);
        let second = second.now_or_never().expect("8 of 10 are free");
        drop((first, second));
        assert!(memory.room(99 * UNIT).now_or_never().is_some(), "all there is will do");
    }
}
