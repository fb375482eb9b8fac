//! Reader: connections to Jetstream one after another, each from some seconds before the last event on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::event::{Change, Event};
use super::producer::TopicWriter;
use super::progress::Counts;
use super::repeats::Repeats;
use super::socket::{End, OpenError, Received, Socket};
use super::subscription::Subscription;
use super::{Failure, position, progress};
use crate::cli::quoted::shown;
use crate::common::http_util::backoff;
use crate::telemetry::{Causes, FeedEvent, FeedMetrics, Health, LogThrottle};

/// The wait after the first failure: a connection that was cut is often back at once.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest wait between two connections: Jetstream keeps a day, so that a minute loses nothing.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Microseconds before the last event from which a connection begins: events of one moment may come in another order,
/// and the clocks of servers differ.
const REWIND: u64 = 5_000_000;

/// Microseconds without events after the beginning that are told: the whole network is never silent for so long.
const GAP: u64 = 60_000_000;

/// Microseconds that are left out after an event that cannot be read into memory, more with each such event in a row.
const STEP: u64 = 1_000_000;

/// Characters of a faulty event that the log shows.
const SHOWN: usize = 200;

/// Between two lines about faulty events.
const MALFORMED_LOG: Duration = Duration::from_secs(10);

/// Between two writes of the cursor's file.
const CURSOR_FILE: Duration = Duration::from_secs(1);

/// Some seconds before a time.
pub(super) fn rewound(time: u64) -> u64 {
    time.saturating_sub(REWIND)
}

/// Reads a subscription until a signal, a limit or a permanent fault.
pub(super) struct Reader<'a> {
    pub(super) subscription: Subscription,
    pub(super) writer: &'a TopicWriter,
    pub(super) metrics: FeedMetrics,
    pub(super) health: Arc<Health>,
    pub(super) silence: Duration,
    /// Records to be sent.
    pub(super) limit: u64,
    /// Between two lines of progress; zero: none.
    pub(super) report_every: Duration,
    pub(super) cursor_file: Option<&'a Path>,
    pub(super) state: State,
}

/// What is known over all connections.
#[derive(Debug)]
pub(super) struct State {
    /// Where the first connection begins.
    begin: Option<u64>,
    /// The latest time that was read.
    latest: Option<u64>,
    /// Connections in a row that ended with an event that is too long for the memory.
    too_long: u32,
    repeats: Repeats,
    counts: Counts,
    reported: (Counts, Instant),
    malformed: LogThrottle,
}

impl State {
    /// Before the first connection.
    pub(super) fn beginning(begin: Option<u64>) -> Self {
        Self {
            begin,
            latest: None,
            too_long: 0,
            repeats: Repeats::default(),
            counts: Counts::default(),
            reported: (Counts::default(), Instant::now()),
            malformed: LogThrottle::new(MALFORMED_LOG),
        }
    }

    /// From which time on the next connection reads; none: new events alone.
    fn cursor(&self) -> Option<u64> {
        match (self.latest, u64::from(self.too_long)) {
            (None, 0) => self.begin,
            (None, steps) => self.begin.map(|begin| begin + steps * STEP),
            (Some(latest), 0) => Some(rewound(latest)),
            (Some(latest), steps) => Some(latest + steps * STEP),
        }
    }
}

impl Reader<'_> {
    /// Reads until the end.
    ///
    /// # Errors
    /// All servers refuse the subscription, or the topic does not take events.
    pub(super) async fn run(&mut self, stop: &CancellationToken) -> Result<(), Failure> {
        let (mut turn, mut failures, mut refusals) = (0, 0, 0);
        loop {
            let cursor = self.state.cursor();
            let address = self.subscription.address(turn, cursor);
            let opened = tokio::select! {
                opened = Socket::open(&address) => opened,
                () = stop.cancelled() => return Ok(()),
            };
            let host = address.host_str().unwrap_or_default();
            let sent = self.state.counts.sent;
            match opened {
                Ok(socket) => {
                    refusals = 0;
                    self.state.counts.connections += 1;
                    self.metrics.connected();
                    self.health.models_are_warm();
                    self.health.partitions_are_assigned();
                    info!(host, cursor, "connected");
                    let Some(end) = self.read(socket, cursor, stop).await? else { return Ok(()) };
                    warn!(host, reason = %Causes(&end), "connects again");
                    self.skip_too_long(&end);
                }
                Err(error @ OpenError::Refused { .. }) => {
                    refusals += 1;
                    if refusals >= self.subscription.servers() {
                        return Err(format!("`{host}`: {}", Causes(&error)).into());
                    }
                    warn!(host, error = %Causes(&error), "asks the next server");
                }
                Err(error) => warn!(host, error = %Causes(&error), "tries again"),
            }
            // A connection that brought something new was a good one.
            failures = if self.state.counts.sent > sent { 1 } else { failures + 1 };
            turn += 1;
            let wait = backoff((FIRST_WAIT, LONGEST_WAIT), failures, rand::random());
            tokio::select! {
                () = sleep(wait) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// After an event that is too long for the memory the next connection begins behind it.
    fn skip_too_long(&mut self, end: &End) {
        if !matches!(end, End::TooLong) {
            return;
        }
        self.state.too_long += 1;
        self.state.counts.too_large += 1;
        self.metrics.event(FeedEvent::TooLarge);
        let (from, to) = (self.state.latest, self.state.cursor());
        error!(from, to, "an event is too long to be read: events between these microseconds are left out");
    }

    /// Reads one connection. Returns why it ended; none if all is done.
    async fn read(
        &mut self,
        mut socket: Socket,
        cursor: Option<u64>,
        stop: &CancellationToken,
    ) -> Result<Option<End>, Failure> {
        let mut pings = interval(self.silence / 3);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = interval(CURSOR_FILE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut alive = Instant::now();
        let mut expected = cursor;
        loop {
            if self.state.counts.sent >= self.limit {
                socket.close().await;
                return Ok(None);
            }
            let (writer, silence) = (self.writer, self.silence);
            let next = async {
                // While the broker is slow the server is not silent, it is not read.
                if writer.room().await? {
                    alive = Instant::now();
                }
                Ok::<_, Failure>(socket.next(alive + silence, silence).await)
            };
            let received = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    socket.close().await;
                    return Ok(None);
                }
                _ = ticks.tick() => {
                    self.tick()?;
                    continue;
                }
                _ = pings.tick() => {
                    if let Err(end) = socket.ping().await {
                        return Ok(Some(end));
                    }
                    continue;
                }
                received = next => received?,
            };
            match received {
                Received::Text(text) => {
                    alive = Instant::now();
                    if let Some(time) = self.take(&text).await? {
                        tell_gap(expected.take(), time);
                    }
                }
                Received::Binary => {
                    alive = Instant::now();
                    self.malformed("a binary frame", "");
                }
                // Few accounts may be silent for long: it is enough that the server answers.
                Received::Sign if self.subscription.is_of_few => alive = Instant::now(),
                Received::Sign => {}
                Received::Ended(end) => return Ok(Some(end)),
            }
        }
    }

    /// Takes an event. Returns its time, if it has one.
    async fn take(&mut self, text: &str) -> Result<Option<u64>, Failure> {
        self.state.counts.events += 1;
        let Event { time, change } = match Event::read(text) {
            Ok(event) => event,
            Err(reason) => {
                self.malformed(&reason, text);
                return Ok(None);
            }
        };
        self.state.too_long = 0;
        self.state.latest = self.state.latest.max(Some(time));
        self.metrics.behind(progress::behind(time));
        match change {
            _ if text.len() > self.subscription.max_event => {
                self.state.counts.too_large += 1;
                self.passed(FeedEvent::TooLarge, time);
            }
            None => self.passed(FeedEvent::Skipped, time),
            Some(Change { fingerprint, .. }) if !self.state.repeats.is_new(fingerprint) => {
                self.state.counts.repeated += 1;
                self.passed(FeedEvent::Repeated, time);
            }
            Some(Change { key, .. }) => {
                self.writer.send(time, &key, text).await?;
                self.state.counts.sent += 1;
            }
        }
        Ok(Some(time))
    }

    fn passed(&self, as_what: FeedEvent, time: u64) {
        self.metrics.event(as_what);
        self.writer.passed(time);
    }

    fn malformed(&mut self, reason: &str, text: &str) {
        self.state.counts.malformed += 1;
        self.metrics.event(FeedEvent::Malformed);
        if self.state.malformed.is_due(Instant::now().into_std()) {
            let begins = shown(text, SHOWN);
            warn!(reason, begins, "a message is no event of Jetstream and is left out");
        }
    }

    /// Writes what is due: the file of the cursor and the line of progress.
    fn tick(&mut self) -> Result<(), Failure> {
        if let (Some(file), Some(cursor)) = (self.cursor_file, self.writer.cursor()) {
            position::write_file(file, cursor)?;
        }
        let (before, at) = self.state.reported;
        if !self.report_every.is_zero() && at.elapsed() >= self.report_every {
            progress::log(&self.state.counts, &before, at.elapsed(), self.state.latest);
            self.state.reported = (self.state.counts, Instant::now());
        }
        Ok(())
    }
}

/// Tells that a server does not begin where it was asked to: it keeps events for about a day.
fn tell_gap(asked: Option<u64>, first: u64) {
    if let Some(asked) = asked.filter(|asked| first.saturating_sub(*asked) > GAP) {
        let seconds = (first - asked) / 1_000_000;
        warn!(
            asked,
            first, seconds, "the server begins later than it was asked to: what it no longer keeps is lost"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_begins_before_the_last_event_and_behind_one_that_cannot_be_read() {
        let begin = 1_700_000_000_000_000;
        let mut state = State::beginning(Some(begin));
        assert_eq!(state.cursor(), Some(begin));
        assert_eq!(State::beginning(None).cursor(), None);
        state.too_long = 1;
        assert_eq!(state.cursor(), Some(begin + STEP));
        state.latest = Some(begin + 60 * STEP);
        state.too_long = 0;
        assert_eq!(state.cursor(), Some(begin + 55 * STEP));
        state.too_long = 3;
        assert_eq!(state.cursor(), Some(begin + 63 * STEP));
    }
}
