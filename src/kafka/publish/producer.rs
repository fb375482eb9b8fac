//! How do results get into Kafka at least once? In order, idempotently; a ticket returns only when the broker has the
//! record.
//!
//! A record that the broker refuses for a passing reason (a topic that is missing, a broker that is away) is sent again
//! until it is taken: nothing is given up, and back-pressure stops the reading. What is too large becomes a dead letter,
//! which gives up what it must. A broker refuses whole batches, so a record that was refused is sent by itself once more
//! before it is found too large.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::outbox::Outbox;
use super::parcel::{Amended, Parcel};
use super::reports::{Client, Report, hand_over};
use super::{Outcome, PublishError, Published};
use crate::kafka::client::in_words;

/// Between attempts to hand over what the client has no room for, or what the broker refused.
const QUEUE_FULL: Duration = Duration::from_millis(20);
const REFUSED: Duration = Duration::from_millis(500);

/// Writes outcomes to Kafka, one by one.
pub(super) struct Producer {
    client: Arc<Client>,
    reports: Receiver<Report>,
    outbox: Outbox,
    /// Nothing is sent before that moment: the broker refused something a moment ago.
    not_before: Option<Instant>,
    in_client: usize,
    /// What is sent next must not share a batch with what the client has: it waits until that is delivered.
    waits_for_reports: bool,
    /// The client has a parcel that must not share its batch.
    is_alone: bool,
}

impl Producer {
    pub(super) fn new(client: Arc<Client>, reports: Receiver<Report>, outbox: Outbox) -> Self {
        Self {
            client,
            reports,
            outbox,
            not_before: None,
            in_client: 0,
            waits_for_reports: false,
            is_alone: false,
        }
    }

    /// Writes until the channel is closed and all is delivered, or until `abort` is cancelled.
    pub(super) async fn run(
        mut self,
        mut outcomes: Receiver<Outcome>,
        abort: CancellationToken,
    ) -> Result<Published, PublishError> {
        let mut open = true;
        while open || self.in_client > 0 || !self.outbox.is_empty() {
            let next_attempt = tokio::time::sleep(self.until_next_attempt());
            tokio::select! {
                () = abort.cancelled() => break,
                Some(report) = self.reports.recv() => self.reported(report)?,
                () = next_attempt, if !self.outbox.is_empty() && !self.waits() => {}
                outcome = outcomes.recv(), if open && self.outbox.is_empty() => match outcome {
                    Some(outcome) => self.outbox.accept(outcome),
                    None => open = false,
                },
            }
            self.send()?;
        }
        let (undelivered, waiting) = (self.in_client + self.outbox.len(), self.outbox.waiting());
        let published = self.outbox.published();
        let Published { annotations, dead_letters } = published;
        info!(annotations, dead_letters, undelivered, waiting, "writing has ended");
        Ok(published)
    }

    /// Hands over to the client what it has room for.
    fn send(&mut self) -> Result<(), PublishError> {
        if self.not_before.is_some_and(|moment| Instant::now() < moment) {
            return Ok(());
        }
        self.not_before = None;
        self.waits_for_reports = false;
        while self.not_before.is_none()
            && let Some(parcel) = self.outbox.take()
        {
            if !parcel.is_written() {
                self.outbox.delivered(parcel);
                continue;
            }
            if self.in_client > 0 && (self.is_alone || parcel.alone) {
                self.outbox.put_back(parcel);
                self.waits_for_reports = true;
                break;
            }
            self.is_alone = parcel.alone;
            match hand_over(&self.client, parcel) {
                Ok(()) => self.in_client += 1,
                Err((parcel, error)) => self.refused(*parcel, &error, false)?,
            }
        }
        Ok(())
    }

    fn reported(&mut self, Report { parcel, error }: Report) -> Result<(), PublishError> {
        self.in_client -= 1;
        match error {
            None => {
                self.outbox.delivered(*parcel);
                Ok(())
            }
            Some(error) => self.refused(*parcel, &error, true),
        }
    }

    /// The client or the broker does not take the parcel: it takes its place again, smaller if it was too large.
    fn refused(&mut self, parcel: Parcel, error: &KafkaError, by_broker: bool) -> Result<(), PublishError> {
        if let Some((code, reason)) = self.client.client().fatal_error() {
            self.outbox.is_lost(&format!("the producer is broken for good: {reason}"));
            return Err(PublishError::Fatal {
                reason,
                source: Box::new(KafkaError::MessageProduction(code)),
            });
        }
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::QueueFull) {
            self.not_before = Some(Instant::now() + QUEUE_FULL);
            self.outbox.put_back(parcel);
            return Ok(());
        }
        let parcel = match self.outbox.amended(parcel, code, by_broker) {
            Amended::Changed(parcel) => parcel,
            Amended::Same(parcel) => {
                self.outbox.is_hindered(format!(
                    "topic `{}` takes no records: {}",
                    parcel.topic,
                    in_words(error)
                ));
                self.not_before = Some(Instant::now() + REFUSED);
                parcel
            }
        };
        self.outbox.put_back(parcel);
        Ok(())
    }

    /// Whether nothing can be sent before a report comes.
    fn waits(&self) -> bool {
        self.waits_for_reports && self.in_client > 0
    }

    fn until_next_attempt(&self) -> Duration {
        self.not_before.map_or(Duration::ZERO, |moment| moment.saturating_duration_since(Instant::now()))
    }
}
