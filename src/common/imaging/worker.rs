//! Who scales pictures and folds masks? Threads that may be busy for milliseconds, away from those that must stay quick.

use std::panic::resume_unwind;

/// Runs work on a thread for work that blocks; a panic goes on where it is waited for.
pub async fn on_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(fault) => match fault.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => {
                unreachable!("nobody cancels it, and a runtime that ends polls nothing that waits for it")
            }
        },
    }
}
