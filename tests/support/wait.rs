//! Waiting for conditions, never for a fixed time.

use std::time::{Duration, Instant};

/// Longer than any condition of these tests takes, even on a busy machine.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// Polls until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        // Yields the CPU to the thread or process that makes the condition true.
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
