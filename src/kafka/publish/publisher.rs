//! Publisher: writes outcomes to Kafka, at least once (record by record) or exactly once (in transactions).

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use rdkafka::producer::Producer as _;
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::at_least_once::AtLeastOnce;
use super::config::batch_bytes;
use super::delivery_reports::{DeliveryReports, ProducerClient};
use super::exactly_once::ExactlyOnce;
use super::formats::{Encoder, Names};
use super::pending_records::PendingRecords;
use super::record_builder::{Output, RecordBuilder};
use super::truncation::Truncation;
use super::{Config, Delivery, Outcome, Provenance, PublishError, Published, SchemaIds};
use crate::domain::RejectionClass;
use crate::kafka::client::Connection;
use crate::kafka::ingest::{Membership, Ticket};
use crate::telemetry::{Causes, Health, Metrics};

/// Writes outcomes to Kafka.
pub struct Publisher {
    writer: Writer,
    client: Arc<ProducerClient>,
    health: Arc<Health>,
}

enum Writer {
    AtLeastOnce(Box<AtLeastOnce>),
    ExactlyOnce(Box<ExactlyOnce>),
}

impl Publisher {
    /// A publisher of at most `max_posts` undelivered answers, which returns tickets to `settled` and writes no answers of revoked partitions. The broker may be
    /// unreachable for now.
    ///
    /// # Errors
    /// If librdkafka refuses the settings.
    pub fn new(
        kafka: &Connection,
        config: &Config,
        (delivery, max_posts, (provenance, names, schemas)): (
            &Delivery,
            NonZeroUsize,
            (&Provenance, &Names, &SchemaIds),
        ),
        (settled, membership): (SyncSender<Ticket>, Membership),
        (metrics, health): (Arc<Metrics>, Arc<Health>),
    ) -> Result<Self, PublishError> {
        // The writers have no more records under way than this channel holds: the callback never blocks.
        let (send, reports) = mpsc::channel(max_posts.get());
        let context = DeliveryReports::new(send, kafka.secrets(), metrics.kafka().clone());
        let properties = delivery.client(kafka);
        let client: ProducerClient = kafka.client(&properties, context).map_err(|source| {
            let Config { topic, dead_letter_topic, .. } = config.clone();
            PublishError::SetUp { topic, dead_letter_topic, source: Box::new(source) }
        })?;
        let client = Arc::new(client);
        let outputs = config.all_outputs().map(|(name, output)| Output {
            name: name.into(),
            topic: output.topic.as_str().into(),
            shape: output.shape,
            encoder: Encoder::of_output(config, (&output, schemas.of(name)), provenance, names),
        });
        let outputs: Vec<Output> = outputs.collect();
        metrics.declare_output_topics(&[&config.dead_letter_topic]);
        for Output { name, topic, .. } in &outputs {
            metrics.declare_output_topics(&[topic]);
            metrics.outputs().declare(name);
        }
        metrics.declare_dead_letters(&RejectionClass::ALL.map(RejectionClass::as_str), &Truncation::names());
        let settled = (settled, membership.fence().clone());
        let builder = RecordBuilder::new(config, outputs, batch_bytes(&properties));
        let pending = PendingRecords::new(builder, settled, (metrics, Arc::clone(&health)));
        let writer = match delivery {
            Delivery::AtLeastOnce => {
                Writer::AtLeastOnce(Box::new(AtLeastOnce::new(Arc::clone(&client), reports, pending)))
            }
            Delivery::ExactlyOnce { transactional_id, interval } => {
                Writer::ExactlyOnce(Box::new(ExactlyOnce {
                    client: Arc::clone(&client),
                    reports,
                    pending,
                    membership,
                    id: transactional_id.clone(),
                    interval: *interval,
                    rebalances: 0,
                }))
            }
        };
        Ok(Self { writer, client, health })
    }

    /// Writes until the channel is closed and everything is delivered, or until `abort` is cancelled.
    ///
    /// # Errors
    /// If the producer cannot write any more. Tickets of undelivered answers are not returned.
    pub async fn run(
        self,
        outcomes: Receiver<Outcome>,
        abort: CancellationToken,
    ) -> Result<Published, PublishError> {
        let Self { writer, client, health } = self;
        let written = async {
            match writer {
                Writer::AtLeastOnce(writer) => writer.run(outcomes, abort).await,
                Writer::ExactlyOnce(writer) => writer.run(outcomes, abort).await,
            }
        };
        let published = tokio::select! {
            published = written => published,
            () = client.context().progress().watch(health) => unreachable!("the watcher never ends"),
        };
        // Dropping the client joins its thread.
        if let Err(fault) = tokio::task::spawn_blocking(move || drop(client)).await {
            error!(fault = %Causes(&fault), "the producer did not end in order");
        }
        published
    }
}
