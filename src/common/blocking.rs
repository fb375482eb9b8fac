//! Blocking threads: CPU work away from the async threads. Callers bound the number; [`super::imaging::Workers`] does.

use std::panic::resume_unwind;

/// Runs work on a thread that may block. A panic of the work continues in the caller.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(fault) => match fault.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => unreachable!("the task is never cancelled, and a runtime that ends polls no caller"),
        },
    }
}
