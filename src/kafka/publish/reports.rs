//! What became of a parcel that the client took? Its delivery reports, and the client's own words.

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

use super::pace::Pace;
use super::parcel::Parcel;
use crate::kafka::client::{Secrets, figures, level_name};
use crate::telemetry::{Causes, KafkaClient, KafkaMetrics};

/// The client that writes, whose thread brings reports.
pub(super) type Client = ThreadedProducer<Reports>;

/// The delivery of one parcel.
pub(super) struct Report {
    pub(super) parcel: Box<Parcel>,
    /// Why it was not delivered.
    pub(super) error: Option<KafkaError>,
}

/// Sends delivery reports on.
pub(super) struct Reports {
    to: mpsc::Sender<Report>,
    secrets: Secrets,
    metrics: KafkaMetrics,
    pace: Pace,
}

impl Reports {
    pub(super) fn new(to: mpsc::Sender<Report>, secrets: Secrets, metrics: KafkaMetrics) -> Self {
        Self { to, secrets, metrics, pace: Pace::default() }
    }

    /// Whether reports come.
    pub(super) fn pace(&self) -> Pace {
        self.pace.clone()
    }
}

/// Hands a parcel to the client. Every parcel that it takes comes back in one report.
///
/// # Errors
/// The parcel, where the client does not take it, and why.
pub(super) fn hand_over(client: &Client, parcel: Parcel) -> Result<(), (Box<Parcel>, KafkaError)> {
    let (topic, key, value) = (parcel.topic.clone(), parcel.key.clone(), parcel.value.clone());
    let (headers, timestamp) = (parcel.headers.clone(), parcel.timestamp);
    let mut record: BaseRecord<'_, [u8], [u8], Box<Parcel>> =
        BaseRecord::with_opaque_to(&topic, Box::new(parcel)).headers(headers);
    record.key = key.as_deref().map(ToBytes::to_bytes);
    record.payload = value.as_deref().map(ToBytes::to_bytes);
    record.timestamp = timestamp;
    let pace = &client.context().pace;
    // Before the client has it: the report may be quicker than this thread.
    pace.given(Instant::now());
    client.send(record).map_err(|(error, BaseRecord { delivery_opaque, .. })| {
        pace.taken_back();
        (delivery_opaque, error)
    })
}

impl ClientContext for Reports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(
            level = level_name(level),
            facility,
            message = self.secrets.blotted_out(message),
            "librdkafka"
        );
    }

    fn stats(&self, statistics: Statistics) {
        self.metrics.reported(KafkaClient::Producer, &figures(&statistics));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Whatever hinders a delivery comes with its report; until then the client keeps trying.
        debug!(error = %Causes(&error), reason = self.secrets.blotted_out(reason), "producer");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Parcel>;

    fn delivery(&self, result: &DeliveryResult<'_>, parcel: Box<Parcel>) {
        self.pace.reported(Instant::now());
        let error = result.as_ref().err().map(|(error, _)| error.clone());
        if self.to.try_send(Report { parcel, error }).is_err() {
            debug!("the publisher has ended before this delivery");
        }
    }
}
