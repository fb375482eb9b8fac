//! Waits for a condition, never for a time.

use std::time::{Duration, Instant};

/// No condition of these tests takes so long, on however busy a machine, unless it never comes.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        // Leaves the processor to whoever makes the condition true.
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
