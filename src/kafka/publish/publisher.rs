//! Who writes results? One of two: at least once, one by one, or exactly once, in transactions.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use rdkafka::producer::Producer as _;
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::cut::Cut;
use super::exactly_once::ExactlyOnce;
use super::outbox::Outbox;
use super::producer::Producer;
use super::reports::{Client, Reports};
use super::{Config, Delivery, Outcome, Provenance, PublishError};
use crate::domain::RejectionClass;
use crate::kafka::ingest::{Membership, Ticket};
use crate::telemetry::{Causes, Health, Metrics};

/// Writes outcomes to Kafka.
pub struct Publisher {
    writing: Writing,
    client: Arc<Client>,
    health: Arc<Health>,
}

enum Writing {
    AtLeastOnce(Box<Producer>),
    ExactlyOnce(Box<ExactlyOnce>),
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Annotations.
    pub annotations: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

impl Publisher {
    /// A publisher that returns tickets to `settled` and writes nothing of partitions that `membership` says are gone.
    /// The broker need not be there yet.
    ///
    /// # Errors
    /// Settings that the client refuses.
    pub fn new(
        config: &Config,
        provenance: Provenance,
        (settled, membership): (SyncSender<Ticket>, Membership),
        (metrics, health): (Arc<Metrics>, Arc<Health>),
    ) -> Result<Self, PublishError> {
        // Room for every post in flight: a report never waits.
        let (send, reports) = mpsc::channel(config.max_posts.get());
        let context = Reports::new(send, config.kafka.secrets(), metrics.kafka().clone());
        let client: Client = config.kafka.client(&config.client(), context).map_err(|source| {
            let Config { topic, dead_letter_topic, .. } = config.clone();
            PublishError::SetUp { topic, dead_letter_topic, source: Box::new(source) }
        })?;
        let client = Arc::new(client);
        metrics.know_output_topics(&[&config.topic, &config.dead_letter_topic]);
        metrics.know_dead_letters(&RejectionClass::ALL.map(RejectionClass::as_str), &Cut::words());
        let settled = (settled, membership.fence().clone());
        let outbox = Outbox::new(config, provenance, settled, (metrics, Arc::clone(&health)));
        let writing = match &config.delivery {
            Delivery::AtLeastOnce => {
                Writing::AtLeastOnce(Box::new(Producer::new(Arc::clone(&client), reports, outbox)))
            }
            Delivery::ExactlyOnce { transactional_id, input, interval } => {
                Writing::ExactlyOnce(Box::new(ExactlyOnce {
                    client: Arc::clone(&client),
                    reports,
                    outbox,
                    membership,
                    id: transactional_id.clone(),
                    input: input.clone(),
                    interval: *interval,
                    rebalances: 0,
                }))
            }
        };
        Ok(Self { writing, client, health })
    }

    /// Writes until the channel is closed and all is delivered, or until `abort` is cancelled.
    ///
    /// # Errors
    /// Where nothing more can be written. Tickets of what was not delivered are lost with it.
    pub async fn run(
        self,
        outcomes: Receiver<Outcome>,
        abort: CancellationToken,
    ) -> Result<Published, PublishError> {
        let Self { writing, client, health } = self;
        let written = async {
            match writing {
                Writing::AtLeastOnce(producer) => producer.run(outcomes, abort).await,
                Writing::ExactlyOnce(transactions) => transactions.run(outcomes, abort).await,
            }
        };
        let published = tokio::select! {
            published = written => published,
            () = client.context().pace().watch(health) => unreachable!("it never ends"),
        };
        // Dropping the client joins its thread.
        if let Err(fault) = tokio::task::spawn_blocking(move || drop(client)).await {
            error!(fault = %Causes(&fault), "the producer did not end in order");
        }
        published
    }
}
