//! Delivery reports: the producer's callbacks, and handing records to the client.

use std::error::Error;
use std::time::Instant;

use rdkafka::Statistics;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::mpsc;
use tracing::debug;

use super::delivery_progress::DeliveryProgress;
use super::outgoing_record::OutgoingRecord;
use crate::kafka::client::{Secrets, figures, level_name};
use crate::telemetry::{Causes, KafkaClient, KafkaMetrics};

/// The producer. Its own thread calls the callbacks.
pub(super) type ProducerClient = ThreadedProducer<DeliveryReports>;

/// The delivery of one record.
pub(super) struct DeliveryReport {
    pub(super) record: Box<OutgoingRecord>,
    /// Why it was not delivered.
    pub(super) error: Option<KafkaError>,
}

/// The producer's context. It forwards delivery reports to the publisher.
pub(super) struct DeliveryReports {
    to: mpsc::Sender<DeliveryReport>,
    secrets: Secrets,
    metrics: KafkaMetrics,
    progress: DeliveryProgress,
}

impl DeliveryReports {
    pub(super) fn new(to: mpsc::Sender<DeliveryReport>, secrets: Secrets, metrics: KafkaMetrics) -> Self {
        Self { to, secrets, metrics, progress: DeliveryProgress::default() }
    }

    pub(super) fn progress(&self) -> DeliveryProgress {
        self.progress.clone()
    }
}

/// Hands a record to the client. Every record that the client takes is reported once.
///
/// # Errors
/// If the client does not take the record: the record, and why.
pub(super) fn enqueue(
    client: &ProducerClient,
    record: OutgoingRecord,
) -> Result<(), (Box<OutgoingRecord>, KafkaError)> {
    let (topic, key, value) = (record.topic.clone(), record.key.clone(), record.value.clone());
    let (headers, timestamp) = (record.headers.clone(), record.timestamp);
    let mut message: BaseRecord<'_, [u8], [u8], Box<OutgoingRecord>> =
        BaseRecord::with_opaque_to(&topic, Box::new(record)).headers(headers);
    message.key = key.as_deref().map(ToBytes::to_bytes);
    message.payload = value.as_deref().map(ToBytes::to_bytes);
    message.timestamp = timestamp;
    let progress = &client.context().progress;
    // Before the client has it: the report may come before `send` returns.
    progress.enqueued(Instant::now());
    client.send(message).map_err(|(error, BaseRecord { delivery_opaque, .. })| {
        progress.not_enqueued();
        (delivery_opaque, error)
    })
}

impl ClientContext for DeliveryReports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(level = level_name(level), facility, message = self.secrets.redact(message), "librdkafka");
    }

    fn stats(&self, statistics: Statistics) {
        self.metrics.reported(KafkaClient::Producer, &figures(&statistics));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // An error that prevents a delivery comes with its report. Until then the client keeps trying.
        debug!(error = %Causes(&error), reason = self.secrets.redact(reason), "producer");
    }
}

impl ProducerContext for DeliveryReports {
    type DeliveryOpaque = Box<OutgoingRecord>;

    fn delivery(&self, result: &DeliveryResult<'_>, record: Box<OutgoingRecord>) {
        self.progress.reported(Instant::now());
        let error = result.as_ref().err().map(|(error, _)| error.clone());
        if self.to.try_send(DeliveryReport { record, error }).is_err() {
            debug!("the publisher has ended before this delivery");
        }
    }
}
