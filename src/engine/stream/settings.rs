//! Settings of one stream: the sections that it uses, and what follows from several of them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::engine::config::{Config, Engine};
use crate::kafka::client::Connection;
use crate::kafka::ingest::{self, OffsetsBy};
use crate::kafka::publish::formats::Names;
use crate::kafka::publish::{self, Delivery, DeliveryMode, Provenance, SchemaIds};
use crate::telemetry;

/// Sections of the configuration, as they are, and what a configuration does not hold.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the sections are documented where they are defined")]
pub struct Settings {
    pub kafka: Connection,
    pub ingest: ingest::Config,
    pub publish: publish::Config,
    pub engine: Engine,
    pub telemetry: telemetry::Config,
    /// What annotations say of their maker.
    pub provenance: Provenance,
    /// The IRIs that graphs have.
    pub names: Names,
    /// The registry's ids of the schemas of outputs.
    pub schemas: SchemaIds,
    /// Folder of the attempts log; none: attempts are not logged.
    pub state: Option<PathBuf>,
}

impl Settings {
    /// The sections of a configuration, with the bundle of that hash.
    #[must_use]
    pub fn new(config: &Config, bundle: &str) -> Self {
        Self {
            kafka: config.kafka.clone(),
            ingest: config.ingest.clone(),
            publish: config.publish.clone(),
            engine: config.engine.clone(),
            telemetry: config.telemetry.clone(),
            provenance: Provenance::of_bundle(bundle),
            names: Names::new(&config.graph),
            schemas: SchemaIds::default(),
            state: Some(config.engine.state_folder()),
        }
    }

    /// Posts worked on at one time.
    pub(super) fn posts_in_flight(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.engine.posts_in_flight).unwrap_or(NonZeroUsize::MIN)
    }

    /// Limit of the records that are read and not settled.
    #[must_use]
    pub fn max_posts(&self) -> NonZeroUsize {
        self.posts_in_flight().saturating_mul(self.ingest.read_ahead)
    }

    /// The committer of offsets: exactly-once delivery commits them in its transactions.
    #[must_use]
    pub fn offsets_by(&self) -> OffsetsBy {
        match self.publish.delivery {
            DeliveryMode::AtLeastOnce => OffsetsBy::Reader,
            DeliveryMode::ExactlyOnce => OffsetsBy::Transaction,
        }
    }

    /// The delivery guarantee, with what transactions need of the input.
    pub(super) fn delivery(&self) -> Delivery {
        match self.publish.delivery {
            DeliveryMode::AtLeastOnce => Delivery::AtLeastOnce,
            DeliveryMode::ExactlyOnce => Delivery::ExactlyOnce {
                transactional_id: self.publish.transactional_id(&self.ingest.group),
                interval: self.ingest.commit_interval,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn settings(sets: &[&str]) -> Settings {
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        let config = Config::load(&Sources { sets, ..Sources::default() }).unwrap().config;
        Settings::new(&config, "none")
    }

    #[test]
    fn unsettled_records_are_limited_by_posts_in_flight_times_read_ahead() {
        assert_eq!(settings(&["engine.posts_in_flight=5", "ingest.read_ahead=3"]).max_posts().get(), 15);
    }

    #[test]
    fn exactly_once_commits_offsets_in_transactions_named_by_group_and_host_unless_a_name_is_set() {
        let plain = settings(&[]);
        assert_eq!((plain.offsets_by(), plain.delivery()), (OffsetsBy::Reader, Delivery::AtLeastOnce));
        let sets = ["publish.delivery=exactly-once", "ingest.commit_interval=2s"];
        let named = settings(&[&sets[..], &["publish.transactional_id=mine"]].concat());
        assert_eq!(named.offsets_by(), OffsetsBy::Transaction);
        let interval = std::time::Duration::from_secs(2);
        let transactional_id = "mine".to_owned();
        assert_eq!(named.delivery(), Delivery::ExactlyOnce { transactional_id, interval });
        let Delivery::ExactlyOnce { transactional_id, .. } =
            settings(&[&sets[..], &["ingest.group=readers"]].concat()).delivery()
        else {
            panic!("it is exactly once")
        };
        assert!(transactional_id.starts_with("riveg-readers-"), "{transactional_id}");
    }
}
