//! What does a subcommand need of its process? A runtime, and word that it should stop.

use std::fs;
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Ending, Failure};

/// The exit code of a command that was not allowed to finish (128 + SIGINT).
const CUT_SHORT: u8 = 130;

/// How long tasks and threads that a command has left behind may take to let go of what they hold. Decoding a picture
/// takes less; the answers that are kept on disk are closed by the last of them.
const LEFT_BEHIND: Duration = Duration::from_secs(3);

/// A runtime for everything that waits; networks and picture decoding have threads of their own.
fn runtime() -> io::Result<Runtime> {
    // Two: one may be serialising an answer while the other serves probes.
    Builder::new_multi_thread().worker_threads(2).thread_name("riveg-async").enable_all().build()
}

/// Runs a command's asynchronous part to its end, on a runtime that does not outlive it.
///
/// # Errors
/// Where there is no runtime, or the command failed.
pub fn run_to_end<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LEFT_BEHIND);
    outcome
}

/// Cancelled at the first SIGINT, SIGTERM or SIGHUP; the next SIGINT or SIGTERM ends the process there and then. Within
/// the runtime only.
///
/// # Errors
/// Where the signals cannot be listened to.
pub fn stop_signal(ending: &Ending) -> io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Under `nohup` a terminal that is closed is no reason to stop.
    let mut hang_up = if hang_ups_are_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    let stop = CancellationToken::new();
    let (told, ending) = (stop.clone(), ending.clone());
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            Some(_) = async { hang_up.as_mut()?.recv().await } => "SIGHUP",
        };
        info!(signal = name, "finishing what has begun; a second signal cuts it short");
        told.cancel();
        // A terminal that is closed often says so twice, itself and through its shell: that is no second order.
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        warn!(signal = name, "cut short");
        // The thread waits for batches that run, which is no work for this runtime's few.
        let _ = tokio::task::spawn_blocking(move || ending.exit(CUT_SHORT)).await;
    });
    Ok(stop)
}

/// Whether whoever started this process has it ignore SIGHUP.
fn hang_ups_are_ignored() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_ups(&status))
}

/// The same, as `/proc/self/status` says it: a bit for each signal, from 1 on.
fn ignores_hang_ups(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_up_is_ignored_where_its_bit_is_set() {
        let status =
            |mask: &str| format!("Name:\triveg\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0\n");
        assert!(ignores_hang_ups(&status("0000000000001001")));
        assert!(!ignores_hang_ups(&status("0000000000001000")));
        assert!(!ignores_hang_ups("Name:\triveg\n"));
    }
}
