//! Is there room for the bytes that come? Records are small, what they point to is not: room is taken as bytes come, by
//! the post whose picture they are, and kept until its pictures are decoded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::ledger::Ledger;

/// Bytes of encoded pictures that may be held at one time.
#[derive(Debug)]
pub(super) struct Memory {
    ledger: Mutex<Ledger>,
    changed: Notify,
}

/// What the pictures of one post may take of what all share: requests at one time, and room. Its room is given back when
/// it is dropped.
#[derive(Debug)]
pub struct Share {
    memory: Arc<Memory>,
    account: u64,
    turns: Semaphore,
    first: Semaphore,
}

/// The room of a picture on its way: given back when it is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct Room<'a> {
    share: &'a Share,
    bytes: u64,
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Memory {
    pub(super) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self { ledger: Mutex::new(Ledger::new(bytes)), changed: Notify::new() })
    }

    /// A post whose pictures have `most` bytes at the most, and of which so many are asked for at one time.
    pub(super) fn share(self: &Arc<Self>, most: u64, at_once: usize) -> Share {
        let account = self.ledger().open(most);
        Share { memory: Arc::clone(self), account, turns: Semaphore::new(at_once), first: Semaphore::new(1) }
    }

    /// Waits while what is fetched waits for the decoder. No server can make this last: the decoder's own posts end it.
    pub(super) async fn decoder_keeps_up(&self) {
        self.until(|ledger| (!ledger.decoder_is_behind()).then_some(())).await;
    }

    /// Waits until the ledger says something.
    async fn until<T>(&self, mut asked: impl FnMut(&mut Ledger) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Listens before it asks: what changes in between is heard.
            changed.as_mut().enable();
            if let Some(said) = asked(&mut self.ledger()) {
                return said;
            }
            changed.await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut Ledger)) {
        change(&mut self.ledger());
        self.changed.notify_waiters();
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // The ledger is whole at every moment at which a panic could leave it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Waits for the post's turn to have one more request under way.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        match self.turns.acquire().await {
            Ok(turn) => turn,
            Err(_) => unreachable!("nobody closes this semaphore"),
        }
    }

    /// The place of the post's first request, as long as that is under way.
    pub(super) fn first(&self) -> &Semaphore {
        &self.first
    }

    /// The room of a picture that begins to come: none yet.
    pub(super) fn begin(&self) -> Room<'_> {
        Room { share: self, bytes: 0 }
    }

    /// A picture has come, or never will, and does not need so much of what it might have needed.
    pub(super) fn renounce(&self, bytes: u64) {
        self.memory.change(|ledger| ledger.renounce(self.account, bytes));
    }

    /// All pictures of the post have come, or never will: what it holds waits for the decoder.
    pub fn is_fetched(&self) {
        self.memory.change(|ledger| ledger.fetched(self.account));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.change(|ledger| ledger.close(self.account));
    }
}

impl Room<'_> {
    /// Makes it so many bytes; waits for them until `deadline`, or until it turns out that the decoder is behind.
    pub(super) async fn grow_to(&mut self, bytes: u64, deadline: Instant) -> Result<(), NoRoom> {
        let Share { memory, account, .. } = self.share;
        let more = bytes.saturating_sub(self.bytes);
        let taken = memory.until(|ledger| {
            if ledger.take(*account, more) {
                return Some(Ok(()));
            }
            ledger.decoder_is_behind().then_some(Err(NoRoom))
        });
        timeout_at(deadline, taken).await.unwrap_or(Err(NoRoom))?;
        self.bytes += more;
        Ok(())
    }

    /// Leaves it to the post.
    pub(super) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.share.memory.change(|ledger| ledger.give_back(self.share.account, self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn room_is_taken_as_bytes_come_and_what_is_not_kept_is_given_back() {
        let memory = Memory::new(10);
        let (first, second) = (memory.share(10, 1), memory.share(10, 1));
        let deadline = Instant::now() + LONG;
        let mut attempt = first.begin();
        attempt.grow_to(4, deadline).await.unwrap();
        attempt.grow_to(8, deadline).await.unwrap();
        let mut other = second.begin();
        let mut waiting = Box::pin(other.grow_to(3, deadline));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(attempt);
        waiting.await.unwrap();
        other.keep();
        assert_eq!(first.begin().grow_to(8, Instant::now()).await, Err(NoRoom), "it is kept");
        drop(second);
        first.begin().grow_to(10, deadline).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_room_ends_at_its_deadline_or_when_the_decoder_is_behind() {
        let memory = Memory::new(10);
        let (first, second) = (memory.share(10, 1), memory.share(10, 1));
        let begun = Instant::now();
        let mut slow = first.begin();
        slow.grow_to(8, begun + LONG).await.unwrap();
        assert_eq!(second.begin().grow_to(8, begun + LONG).await, Err(NoRoom));
        assert!(begun.elapsed() >= LONG);
        slow.keep();
        let mut room = second.begin();
        let mut waiting = pin!(room.grow_to(8, Instant::now() + LONG));
        assert!(waiting.as_mut().now_or_never().is_none());
        first.is_fetched();
        assert_eq!(waiting.now_or_never(), Some(Err(NoRoom)), "the decoder is waited for elsewhere");
        let mut keeps_up = pin!(memory.decoder_keeps_up());
        assert!(keeps_up.as_mut().now_or_never().is_none());
        drop(first);
        assert!(keeps_up.now_or_never().is_some());
    }
}
