//! Stopwatch: wall time, and processor time, which other programs on the machine do not change.

use std::fs;
use std::time::{Duration, Instant};

/// The name that the runtime gives its device's only thread; of several executors, a number follows it.
const DEVICE_THREAD: &str = "riveg-device";

/// Measures from its start.
pub(crate) struct Stopwatch {
    /// Each with the time that it had spent then.
    threads: Vec<(String, Duration)>,
    wall: Instant,
}

/// What was spent on something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    /// Of the threads that run networks, together; 0 where the system does not say.
    pub(crate) processor: Duration,
}

impl Stopwatch {
    /// Watches the thread that calls.
    pub(crate) fn this_thread() -> Self {
        Self::start(["/proc/thread-self".to_owned()])
    }

    /// Watches the threads of the device's executors, which must run already. Those of earlier runs that are on their way
    /// out compute nothing more.
    pub(crate) fn device_threads() -> Self {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let computes = |folder: &String| {
            fs::read_to_string(format!("{folder}/comm")).is_ok_and(|name| is_executor(name.trim_end()))
        };
        Self::start(threads.map(|entry| entry.path().display().to_string()).filter(computes))
    }

    /// What has been spent since.
    pub(crate) fn spent(&self) -> Spent {
        let since = |(thread, before): &(String, Duration)| processor_time(thread).saturating_sub(*before);
        Spent { wall: self.wall.elapsed(), processor: self.threads.iter().map(since).sum() }
    }

    fn start(threads: impl IntoIterator<Item = String>) -> Self {
        let threads = threads.into_iter().map(|thread| {
            let before = processor_time(&thread);
            (thread, before)
        });
        Self { threads: threads.collect(), wall: Instant::now() }
    }
}

/// Whether a thread of this name runs networks.
fn is_executor(name: &str) -> bool {
    name.strip_prefix(DEVICE_THREAD).is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('-')
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

impl Spent {
    /// Time on the processor where the system says it, else on the wall.
    pub(crate) fn processor_or_wall(self) -> Duration {
        if self.processor.is_zero() { self.wall } else { self.processor }
    }

    /// The lesser of two tries, each clock for itself: another program on the machine only ever takes away.
    pub(crate) fn or_less(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), processor: self.processor.min(other.processor) }
    }
}

/// Linux counts a thread's time on a processor in nanoseconds.
fn processor_time(thread: &str) -> Duration {
    let schedstat = fs::read_to_string(format!("{thread}/schedstat")).unwrap_or_default();
    let nanos = schedstat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
