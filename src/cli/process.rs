//! What does a subcommand need of its process? A runtime, and word that it should stop.

use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The exit code of a command that was not allowed to finish (128 + SIGINT).
const CUT_SHORT: i32 = 130;

/// A runtime for everything that waits; networks and picture decoding have threads of their own.
///
/// # Errors
/// Where its threads cannot be started.
pub fn runtime() -> io::Result<Runtime> {
    // Two: one may be serialising an answer while the other serves probes.
    Builder::new_multi_thread().worker_threads(2).thread_name("riveg-async").enable_all().build()
}

/// Cancelled at the first SIGINT or SIGTERM; the second ends the process there and then. Within the runtime only.
///
/// # Errors
/// Where the signals cannot be listened to.
pub fn stop_signal() -> io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            }
        };
        let name = next().await;
        info!(signal = name, "finishing what has begun; a second signal cuts it short");
        told.cancel();
        let name = next().await;
        warn!(signal = name, "cut short");
        std::process::exit(CUT_SHORT);
    });
    Ok(stop)
}
