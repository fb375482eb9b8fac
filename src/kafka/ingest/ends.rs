//! Where does a partition end, behind its last record? Markers of transactions, and records of those that were given up,
//! have offsets too, which nobody delivers: without them a group never seems to have read everything.
//!
//! When the client is at an end it says at which offset, and has delivered all before. Offsets between the last record and
//! that end go through the engine as a delivery without a record, in their place in the order, so that they are committed
//! as those of posts are, in either way of delivering.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::Message;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use tracing::debug;

use super::consumer::{Reader, TICKET};
use super::probe::{Answer, Question};
use super::{IngestError, SourceRecord};
use crate::kafka::client::RecordHeaders;
use crate::telemetry::Causes;

/// How long the ends are looked for when reading ends. The client is at one within half a second, for which it waits for
/// further records.
const CLOSING: Duration = Duration::from_secs(2);

/// The offset in the client's words for the end of a partition, such as "reached end of partition at offset 8 (...)".
pub(super) fn end_in(words: &str) -> Option<i64> {
    let (_, rest) = words.split_once("end of partition at offset ")?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

impl Reader {
    /// The client is at an end of the partition.
    pub(super) fn end_reached(&mut self, partition: i32) {
        match self.consumer.context().end() {
            Some(end) => {
                self.ends.insert(partition, end);
            }
            // The group seems to lag behind by some markers until a record comes: no reason to do anything else.
            None => debug!(partition, "the client does not say where the partition ends"),
        }
    }

    /// Sends on what lies between the last records and the ends, where there is room for it.
    pub(super) fn pass_to_ends(&mut self) -> Result<(), IngestError> {
        while self.budget.has_room()
            && let Some((partition, end)) = self.ends.pop_first()
        {
            // Where the position is not known, nothing was read since the partition was taken.
            if end < 1 || self.positions.of(partition).is_some_and(|position| position >= end) {
                continue;
            }
            debug!(partition, end, "nothing but markers before the end");
            self.positions.set(partition, end);
            let source = SourceRecord {
                topic: self.topic.clone(),
                partition,
                offset: end - 1,
                timestamp: None,
                key: None,
                value: None,
                headers: RecordHeaders::default(),
                received: SystemTime::now(),
            };
            self.deliver(Arc::new(source), true)?;
        }
        Ok(())
    }

    /// Before reading ends: where the brokers say that a partition goes on behind its last record, waits for the client to
    /// be at that end. A record that comes instead is left to the next reader.
    pub(super) fn close_ends(&mut self) -> Result<(), IngestError> {
        let deadline = Instant::now() + CLOSING;
        let partitions = self.positions.partitions();
        // Where reading is paused there is more to be read.
        if self.paused || self.trouble.is_there() || partitions.is_empty() {
            return Ok(());
        }
        let mut awaited: Option<BTreeMap<i32, i64>> = None;
        if !self.probe.ask(Question::Ends(partitions)) {
            return Ok(());
        }
        while Instant::now() < deadline && !self.watch.abort.is_cancelled() {
            self.settle_returned(Duration::ZERO)?;
            match self.probe.answer() {
                Some(Answer::Ends(ends)) => awaited = Some(ends),
                Some(Answer::LogEnds(ends)) => self.lag.answered(ends, SystemTime::now()),
                Some(Answer::Topic(_)) | None => {}
            }
            match self.consumer.poll(TICKET) {
                // It comes again, and no end behind it counts.
                Some(Ok(message)) => self.positions.set(message.partition(), i64::MAX),
                Some(Err(KafkaError::PartitionEOF(partition))) => self.end_reached(partition),
                Some(Err(error)) => debug!(error = %Causes(&error), "poll"),
                None => {}
            }
            self.handle_events()?;
            self.pass_to_ends()?;
            let is_behind = |(partition, end): (&i32, &i64)| {
                self.positions.of(*partition).is_some_and(|position| position < *end)
            };
            if awaited.as_ref().is_some_and(|ends| !ends.iter().any(is_behind)) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_of_an_end_is_read_out_of_the_words_for_it() {
        let words = "Fetch from broker 1 reached end of partition at offset 1742 (HighwaterMark 1800)";
        assert_eq!(end_in(words), Some(1742));
        for other in
            ["", "reached end of partition at offset ", "at offset 5", "end of partition at offset -1"]
        {
            assert_eq!(end_in(other), None, "{other}");
        }
    }
}
