//! Progress: what was read since the last line of the log.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::info;

/// Counts since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) sent: u64,
    pub(super) connections: u64,
    pub(super) repeated: u64,
    pub(super) malformed: u64,
    pub(super) too_large: u64,
}

/// Writes a line for what happened since an earlier count. `time`: of the latest event, in microseconds since 1970.
pub(super) fn log(now: &Counts, before: &Counts, passed: Duration, time: Option<u64>) {
    let seconds = passed.as_secs_f64().max(0.001);
    let per_second = |now: u64, before: u64| format!("{:.1}", (now - before) as f64 / seconds);
    info!(
        events_per_second = per_second(now.events, before.events),
        records_per_second = per_second(now.sent, before.sent),
        records = now.sent,
        behind_seconds = time.map(|time| behind(time).as_secs()),
        connections = now.connections,
        repeated = now.repeated,
        malformed = now.malformed,
        too_large = now.too_large,
        "reading Bluesky"
    );
}

/// How long ago an event of this time was; nothing where the server's clock is ahead.
pub(super) fn behind(time: u64) -> Duration {
    let at = UNIX_EPOCH + Duration::from_micros(time);
    SystemTime::now().duration_since(at).unwrap_or_default()
}
