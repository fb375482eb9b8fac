//! Running engine: an engine in the process of the test, with its metrics and health.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use riveg::engine::{self, EngineError, Settings, Summary};
use riveg::kafka::ingest;
use riveg::kafka::ingest::OffsetsBy;
use riveg::kafka::publish;
use riveg::kafka::publish::{Delivery, Provenance};
use riveg::telemetry::{Health, Metrics};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::echo::Echo;
use crate::support::{WITHIN, broker, create_topic, unique};

/// Topics and group of one test, and settings for them.
pub(crate) struct Names {
    pub(crate) bootstrap: String,
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) dead: String,
    pub(crate) group: String,
}

impl Names {
    pub(crate) fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            input: unique("posts"),
            output: unique("annotations"),
            dead: unique("dead-letters"),
            group: unique("group"),
        }
    }

    /// Names with topics on the shared broker. `partitions`: their number of partitions.
    pub(crate) fn with_topics(partitions: i32) -> Self {
        let names = Self::new(broker());
        for topic in [&names.input, &names.output, &names.dead] {
            create_topic(&names.bootstrap, topic, partitions);
        }
        names
    }

    /// Settings with at most `max_posts` in flight, half of them in progress, and short intervals.
    pub(crate) fn settings(&self, max_posts: usize) -> Settings {
        let max_posts = NonZeroUsize::new(max_posts).unwrap();
        let mut ingest = ingest::Config::new(&self.bootstrap, &self.input, &self.group, max_posts);
        ingest.commit_interval = Duration::from_millis(50);
        let mut publish = publish::Config::new(&self.bootstrap, &self.output, &self.dead, max_posts);
        let quick = [("topic.metadata.refresh.interval.ms", "300"), ("reconnect.backoff.max.ms", "200")];
        for properties in [&mut ingest.kafka.properties, &mut publish.kafka.properties] {
            properties.extend(quick.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Settings {
            ingest,
            publish,
            provenance: Provenance::of_bundle("none"),
            posts_in_flight: NonZeroUsize::new(max_posts.get().div_ceil(2)).unwrap(),
            max_age: None,
            drain_deadline: WITHIN,
            state: None,
            progress: None,
        }
    }

    /// The same with exactly-once delivery under that id.
    pub(crate) fn exactly_once(&self, max_posts: usize, id: &str) -> Settings {
        let mut settings = self.settings(max_posts);
        settings.ingest.offsets_by = OffsetsBy::Transaction;
        settings.publish.delivery = Delivery::ExactlyOnce {
            transactional_id: format!("{}-{id}", self.group),
            input: self.input.clone(),
            interval: settings.ingest.commit_interval,
        };
        settings
    }
}

/// A running engine.
pub(crate) struct Running {
    runtime: Runtime,
    engine: JoinHandle<Result<Summary, EngineError>>,
    stop: CancellationToken,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

impl Running {
    pub(crate) fn start(settings: Settings, echo: &Echo) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::default()));
        health.models_are_warm();
        let stop = CancellationToken::new();
        let pipeline = {
            let echo = echo.clone();
            move |value| echo.annotate(value)
        };
        let observers = (metrics.clone(), health.clone());
        let engine = runtime.spawn(engine::run(settings, observers, pipeline, stop.clone()));
        Self { runtime, engine, stop, metrics, health }
    }

    /// Sends the stop signal without waiting.
    pub(crate) fn signal_stop(&self) {
        self.stop.cancel();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.engine.is_finished()
    }

    /// Stops it and waits for its end.
    pub(crate) fn stop(self) -> Result<Summary, EngineError> {
        self.stop.cancel();
        let Self { runtime, engine, .. } = self;
        runtime
            .block_on(async { tokio::time::timeout(WITHIN, engine).await })
            .expect("the engine ends in time")
            .expect("the engine does not panic")
    }

    /// The value of a metric without labels.
    pub(crate) fn gauge(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    }
}
