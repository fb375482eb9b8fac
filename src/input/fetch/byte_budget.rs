//! Byte budget: memory for fetched pictures. A post takes memory as bytes arrive and holds it until its pictures are
//! decoded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::ledger::Ledger;

/// Bytes of encoded pictures that may be held at one time.
#[derive(Debug)]
pub(super) struct ByteBudget {
    ledger: Mutex<Ledger>,
    changed: Notify,
}

/// One post's share of what all posts use: requests at one time, and memory, which is given back when this is dropped.
#[derive(Debug)]
pub struct PostShare {
    budget: Arc<ByteBudget>,
    account: u64,
    requests: Semaphore,
    first: Semaphore,
}

/// The memory of a picture that is arriving: given back when this is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    share: &'a PostShare,
    bytes: u64,
}

/// The budget has no memory for the bytes in time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BudgetExhausted;

impl ByteBudget {
    pub(super) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self { ledger: Mutex::new(Ledger::new(bytes)), changed: Notify::new() })
    }

    /// The share of a post whose pictures have at most `most` bytes, and that has at most `at_once` requests under way.
    pub(super) fn share(self: &Arc<Self>, most: u64, at_once: usize) -> PostShare {
        let account = self.ledger().open(most);
        PostShare {
            budget: Arc::clone(self),
            account,
            requests: Semaphore::new(at_once),
            first: Semaphore::new(1),
        }
    }

    /// Waits while the decoder is behind. Servers cannot prolong this: it ends with the decoder's own posts.
    pub(super) async fn wait_for_decoder(&self) {
        self.until(|ledger| (!ledger.decoder_is_behind()).then_some(())).await;
    }

    /// Waits until the ledger has an answer.
    async fn until<T>(&self, mut asked: impl FnMut(&mut Ledger) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before the question, so that no change in between is missed.
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
        // The ledger is consistent at every point where a panic could leave the lock.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PostShare {
    /// Waits until the post may have one more request under way.
    pub(super) async fn request(&self) -> SemaphorePermit<'_> {
        match self.requests.acquire().await {
            Ok(permit) => permit,
            Err(_) => unreachable!("this semaphore is never closed"),
        }
    }

    /// The permit of the post's first request, taken while that is under way.
    pub(super) fn first(&self) -> &Semaphore {
        &self.first
    }

    /// The reservation of a picture that begins to arrive: nothing yet.
    pub(super) fn begin(&self) -> Reservation<'_> {
        Reservation { share: self, bytes: 0 }
    }

    /// A picture has arrived or failed: `bytes` of what it might have needed are not needed.
    pub(super) fn reduce_claim(&self, bytes: u64) {
        self.budget.change(|ledger| ledger.reduce_claim(self.account, bytes));
    }

    /// All pictures of the post have arrived or failed: what it holds waits for the decoder.
    pub fn is_fetched(&self) {
        self.budget.change(|ledger| ledger.fetched(self.account));
    }
}

impl Drop for PostShare {
    fn drop(&mut self) {
        self.budget.change(|ledger| ledger.close(self.account));
    }
}

impl Reservation<'_> {
    /// Grows to `bytes`; waits for them until `deadline`, or until the decoder is behind.
    pub(super) async fn grow_to(&mut self, bytes: u64, deadline: Instant) -> Result<(), BudgetExhausted> {
        let PostShare { budget, account, .. } = self.share;
        let more = bytes.saturating_sub(self.bytes);
        let taken = budget.until(|ledger| {
            if ledger.take(*account, more) {
                return Some(Ok(()));
            }
            ledger.decoder_is_behind().then_some(Err(BudgetExhausted))
        });
        timeout_at(deadline, taken).await.unwrap_or(Err(BudgetExhausted))?;
        self.bytes += more;
        Ok(())
    }

    /// Leaves the memory to the post.
    pub(super) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.share.budget.change(|ledger| ledger.give_back(self.share.account, self.bytes));
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
    async fn memory_is_taken_as_bytes_arrive_and_given_back_unless_it_is_kept() {
        let budget = ByteBudget::new(10);
        let (first, second) = (budget.share(10, 1), budget.share(10, 1));
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
        assert_eq!(first.begin().grow_to(8, Instant::now()).await, Err(BudgetExhausted), "it is kept");
        drop(second);
        first.begin().grow_to(10, deadline).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_memory_ends_at_its_deadline_or_when_the_decoder_is_behind() {
        let budget = ByteBudget::new(10);
        let (first, second) = (budget.share(10, 1), budget.share(10, 1));
        let begun = Instant::now();
        let mut slow = first.begin();
        slow.grow_to(8, begun + LONG).await.unwrap();
        assert_eq!(second.begin().grow_to(8, begun + LONG).await, Err(BudgetExhausted));
        assert!(begun.elapsed() >= LONG);
        slow.keep();
        let mut reservation = second.begin();
        let mut waiting = pin!(reservation.grow_to(8, Instant::now() + LONG));
        assert!(waiting.as_mut().now_or_never().is_none());
        first.is_fetched();
        assert_eq!(waiting.now_or_never(), Some(Err(BudgetExhausted)), "the decoder is waited for elsewhere");
        let mut wait = pin!(budget.wait_for_decoder());
        assert!(wait.as_mut().now_or_never().is_none());
        drop(first);
        assert!(wait.now_or_never().is_some());
    }
}
