//! Process of a subcommand: its asynchronous runtime and its stop signal.

use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::exit::Exit;
use super::failure::{EXIT_SECOND_SIGNAL, Failure};

/// How long the tasks and threads of a finished command may take to end. Decoding a picture takes less; the last of them
/// closes the file of cached answers.
const TASK_SHUTDOWN: Duration = Duration::from_secs(3);

/// A runtime for asynchronous work; networks and picture decoding have threads of their own.
pub(super) fn runtime() -> io::Result<Runtime> {
    // Two threads: one may serialise an annotation while the other answers probes.
    Builder::new_multi_thread().worker_threads(2).thread_name("riveg-async").enable_all().build()
}

/// Runs the asynchronous part of a command on a runtime that ends with it.
///
/// # Errors
/// The runtime cannot start, or the command failed.
pub fn run_async<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(TASK_SHUTDOWN);
    outcome
}

/// A token that the first SIGINT, SIGTERM or SIGHUP cancels. The next SIGINT or SIGTERM ends the process at once. Must be
/// called within a runtime.
///
/// # Errors
/// The signal handlers cannot be installed.
pub fn stop_signal(exit: &Exit) -> io::Result<CancellationToken> {
    watch(exit, None)
}

/// As [`stop_signal`], for an engine: SIGHUP is received by itself, to reload settings, unless it says that the terminal of
/// this process was closed.
///
/// # Errors
/// As [`stop_signal`].
pub fn stop_and_hang_up_signals(exit: &Exit) -> io::Result<(CancellationToken, Receiver<()>)> {
    // Hang-ups that come while one is dealt with are one more.
    let (send, hang_ups) = mpsc::channel(1);
    Ok((watch(exit, Some(send))?, hang_ups))
}

fn watch(exit: &Exit, hang_ups: Option<Sender<()>>) -> io::Result<CancellationToken> {
    let had_terminal = has_terminal();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Under `nohup` a closed terminal must not stop the process.
    let mut hang_up = if hang_ups_are_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
    let stop = CancellationToken::new();
    let (cancelled, exit) = (stop.clone(), exit.clone());
    tokio::spawn(async move {
        let name = loop {
            tokio::select! {
                _ = interrupt.recv() => break "SIGINT",
                _ = terminate.recv() => break "SIGTERM",
                Some(_) = async { hang_up.as_mut()?.recv().await } => match &hang_ups {
                    Some(hang_ups) if !had_terminal || has_terminal() => {
                        // A full channel: a reload is about to begin, and reads what is there by then.
                        let _ = hang_ups.try_send(());
                    }
                    _ => break "SIGHUP",
                },
            }
        };
        info!(signal = name, "finishing what has begun; a second signal cuts it short");
        cancelled.cancel();
        // A closed terminal often sends SIGHUP twice, itself and through its shell, so SIGHUP does not count as the second.
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        warn!(signal = name, "cut short");
        // The exit waits for running batches, and must not block a thread of the runtime.
        let _ = tokio::task::spawn_blocking(move || exit.now(EXIT_SECOND_SIGNAL)).await;
    });
    Ok(stop)
}

/// Whether this process has a terminal that is open. After the end of its terminal it has none.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Whether this process was started with SIGHUP ignored.
fn hang_ups_are_ignored() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_ups(&status))
}

/// The same from the text of `/proc/self/status`: one bit for each signal, from 1 on.
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
