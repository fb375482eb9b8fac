//! Stopwatch: wall time, and processor time, which other programs on the machine do not change.

use std::fs;
use std::time::{Duration, Instant};

/// The name that the runtime gives its device's thread, as far as Linux keeps it.
const DEVICE_THREAD: &str = "riveg-device";

/// Measures from its start.
pub(crate) struct Stopwatch {
    thread: String,
    wall: Instant,
    processor: Duration,
}

/// What was spent on something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    /// Of the one thread that runs networks; 0 where the system does not say.
    pub(crate) processor: Duration,
}

impl Stopwatch {
    /// Watches the thread that calls.
    pub(crate) fn this_thread() -> Self {
        Self::start("/proc/thread-self".to_owned())
    }

    /// Watches the device's thread, which must run already.
    pub(crate) fn device_thread() -> Self {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let named = |folder: &String| {
            fs::read_to_string(format!("{folder}/comm")).is_ok_and(|name| name.trim_end() == DEVICE_THREAD)
        };
        // Devices of earlier runs may be on their way out: the youngest thread is the one.
        let number = |folder: &String| folder.rsplit('/').next().and_then(|id| id.parse::<u64>().ok());
        let folders = threads.map(|entry| entry.path().display().to_string()).filter(named);
        Self::start(folders.max_by_key(number).unwrap_or_default())
    }

    /// What has been spent since.
    pub(crate) fn spent(&self) -> Spent {
        let processor = processor_time(&self.thread).saturating_sub(self.processor);
        Spent { wall: self.wall.elapsed(), processor }
    }

    fn start(thread: String) -> Self {
        let processor = processor_time(&thread);
        Self { thread, wall: Instant::now(), processor }
    }
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
