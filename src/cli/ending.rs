//! How does the process end? Always here: devices are stopped, and nothing is torn down under threads that still run.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::low_level;
use tracing::{debug, error};

use super::{FAILURE, Failure, LogFormat, exit_code, reader_has_gone};
use crate::scheduler::Stop;
use crate::telemetry::Causes;

/// How long the batches that run are waited for, all together. A full batch takes less than a second on a GPU and some
/// seconds on two cores; whoever gave a second signal is not kept waiting longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The one way out of the process. Clones end the same process.
///
/// Returning from `main`, and `std::process::exit`, would run the destructors of the C and C++ libraries, libtorch's and
/// OpenSSL's among them, while threads of theirs may still compute or speak to a broker: the process would die of SIGSEGV
/// or print their faults. What must be closed is closed by its owner before; memory goes back with the process.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    devices: Arc<Mutex<Vec<Stop>>>,
    /// How a failure is told.
    format: LogFormat,
}

impl Ending {
    /// An end whose failure is told as the log is.
    #[must_use]
    pub fn told_in(format: LogFormat) -> Self {
        Self { devices: Arc::default(), format }
    }

    /// Has this device stopped before the process ends.
    pub fn stops(&self, device: Stop) {
        self.devices().push(device);
    }

    /// Ends the process as a subcommand's outcome asks, a panic's included: with the documented code and, where it failed,
    /// with a message on standard error, which is a line of the log where that is for programs.
    pub fn conclude(&self, outcome: thread::Result<Result<(), Failure>>) -> ! {
        // The panic itself is in the log.
        let outcome = outcome.unwrap_or_else(|panic| Err(Panicked(message(&*panic)).into()));
        // What was written is on its way before success is claimed.
        let outcome = outcome.and_then(|()| io::stdout().flush().map_err(Failure::from));
        match outcome {
            Ok(()) => self.exit(0),
            // Whoever reads the output has seen enough, as `head` has.
            Err(failure) if reader_has_gone(failure.as_ref()) => self.exit(0),
            Err(failure) => {
                let code = exit_code(failure.as_ref());
                // With all its causes, in one paragraph.
                match self.format {
                    LogFormat::Text => tell(Causes(failure.as_ref())),
                    LogFormat::Json => {
                        error!(target: FAILURE, code, error = %Causes(failure.as_ref()), "riveg has failed");
                    }
                }
                self.exit(code)
            }
        }
    }

    /// Ends the process: devices are told to stop, waited for within [`PATIENCE`], and left where they are past it.
    pub fn exit(&self, code: u8) -> ! {
        let devices = self.devices().clone();
        devices.iter().for_each(Stop::tell);
        let deadline = Instant::now() + PATIENCE;
        let ended = |device: &&Stop| device.wait(deadline.saturating_duration_since(Instant::now()));
        if devices.iter().filter(ended).count() < devices.len() {
            debug!(waited_seconds = PATIENCE.as_secs_f64(), "a batch still runs and is left");
        }
        low_level::exit(code.into())
    }

    fn devices(&self) -> MutexGuard<'_, Vec<Stop>> {
        // A list that is only added to is whole at any time.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a message, such as an error with its causes, to standard error; where nobody reads that, it is no panic.
pub(super) fn tell(message: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "riveg: {message}");
}

/// A fault of ours in the thread that the command runs on.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}; this is a fault of riveg")]
struct Panicked(String);

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
        .to_owned()
}
