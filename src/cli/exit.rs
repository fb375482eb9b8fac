//! Exit of the process: devices stop first, and no destructor runs under threads that still compute.

use std::any::Any;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::low_level;
use tracing::{debug, error};

use super::failure::{Failure, exit_code, stdout_is_closed};
use super::logging::{FAILURE_TARGET, LogFormat, print_message};
use crate::common::panic_message;
use crate::scheduler::Stop;
use crate::telemetry::Causes;

/// The longest wait for running batches, all devices together. A full batch takes less than a second on a GPU and some
/// seconds on two cores; after a second signal nobody wants to wait longer.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The only way out of the process. Clones end the same process.
///
/// Returning from `main`, and `std::process::exit`, would run the destructors of C and C++ libraries, among them libtorch
/// and OpenSSL, while their threads may still compute or talk to a broker: the process would die of SIGSEGV or print
/// errors of those libraries. Owners close what must be closed before; the system frees the memory.
#[derive(Debug, Clone, Default)]
pub struct Exit {
    devices: Arc<Mutex<Vec<Stop>>>,
    /// The format of a failure's message.
    format: LogFormat,
}

impl Exit {
    /// An exit that reports a failure in the format of the log.
    #[must_use]
    pub fn new(format: LogFormat) -> Self {
        Self { devices: Arc::default(), format }
    }

    /// Stops this device before the process ends.
    pub fn add_device(&self, device: Stop) {
        self.devices().push(device);
    }

    /// Ends the process with the documented exit code of a subcommand's outcome, a panic included. A failure is written to
    /// standard error, as a line of the log if the log is JSON.
    pub fn conclude(&self, outcome: thread::Result<Result<(), Failure>>) -> ! {
        // The panic itself is in the log.
        let outcome = outcome.unwrap_or_else(|panic| Err(Panicked(message(&*panic)).into()));
        // Buffered output is written before success is reported.
        let outcome = outcome.and_then(|()| io::stdout().flush().map_err(Failure::from));
        match outcome {
            Ok(()) => self.now(0),
            // The reader, such as `head`, wants no more output.
            Err(failure) if stdout_is_closed(failure.as_ref()) => self.now(0),
            Err(failure) => {
                let code = exit_code(failure.as_ref());
                match self.format {
                    LogFormat::Text => print_message(Causes(failure.as_ref())),
                    LogFormat::Json => {
                        error!(target: FAILURE_TARGET, code, error = %Causes(failure.as_ref()), "riveg has failed");
                    }
                }
                self.now(code)
            }
        }
    }

    /// Ends the process: stops all devices and waits for their batches up to [`MAX_WAIT`].
    pub fn now(&self, code: u8) -> ! {
        let devices = self.devices().clone();
        devices.iter().for_each(Stop::tell);
        let deadline = Instant::now() + MAX_WAIT;
        let ended = |device: &&Stop| device.wait(deadline.saturating_duration_since(Instant::now()));
        if devices.iter().filter(ended).count() < devices.len() {
            debug!(waited_seconds = MAX_WAIT.as_secs_f64(), "a batch still runs and is left");
        }
        low_level::exit(code.into())
    }

    fn devices(&self) -> MutexGuard<'_, Vec<Stop>> {
        // A panic while it is held cannot leave a list half changed that only grows.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread of the command panicked.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}; this is a fault of riveg")]
struct Panicked(String);

fn message(panic: &(dyn Any + Send)) -> String {
    panic_message(panic).unwrap_or("without a message").to_owned()
}
