//! What became of a parcel that the client took? Its delivery reports, and the client's own words.

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use tokio::sync::mpsc;
use tracing::debug;

use super::parcel::Parcel;

/// The client that writes, whose thread brings reports.
pub(super) type Client = ThreadedProducer<Reports>;

/// The delivery of one parcel.
pub(super) struct Report {
    pub(super) parcel: Box<Parcel>,
    /// Why it was not delivered.
    pub(super) error: Option<KafkaError>,
}

/// Sends delivery reports on.
pub(super) struct Reports(pub(super) mpsc::Sender<Report>);

/// Hands a parcel to the client. Every parcel that it takes comes back in one report.
///
/// # Errors
/// The parcel, where the client does not take it, and why.
pub(super) fn hand_over(client: &Client, parcel: Parcel) -> Result<(), (Box<Parcel>, KafkaError)> {
    let (topic, key, value) = (parcel.topic.clone(), parcel.key.clone(), parcel.value.clone());
    let headers = parcel.headers.clone();
    let mut record: BaseRecord<'_, [u8], [u8], Box<Parcel>> =
        BaseRecord::with_opaque_to(&topic, Box::new(parcel)).headers(headers);
    record.key = key.as_deref().map(ToBytes::to_bytes);
    record.payload = value.as_deref().map(ToBytes::to_bytes);
    client.send(record).map_err(|(error, BaseRecord { delivery_opaque, .. })| (delivery_opaque, error))
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(?level, facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Whatever hinders a delivery comes with its report; until then the client keeps trying.
        debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Parcel>;

    fn delivery(&self, result: &DeliveryResult<'_>, parcel: Box<Parcel>) {
        let error = result.as_ref().err().map(|(error, _)| error.clone());
        if self.0.try_send(Report { parcel, error }).is_err() {
            debug!("the publisher has ended before this delivery");
        }
    }
}
