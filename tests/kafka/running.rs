//! Running engine: an engine in the process of the test, with its metrics and health.

use std::sync::Arc;

use riveg::config::{Config, Sources};
use riveg::engine::{self, EngineError, EventAnswer, Settings, Summary};
use riveg::input::formats::InputRecord;
use riveg::kafka::publish::DeliveryMode;
use riveg::telemetry::{Health, Metrics};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::echo::EchoPipeline;
use crate::support::{WITHIN, broker, create_topic, unique};

/// Topics and group of one test, and settings for them.
pub(crate) struct TestTopics {
    pub(crate) bootstrap: String,
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) dead: String,
    pub(crate) group: String,
}

impl TestTopics {
    pub(crate) fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            input: unique("posts"),
            output: unique("annotations"),
            dead: unique("dead-letters"),
            group: unique("group"),
        }
    }

    /// Names of topics that exist on the shared broker. `partitions`: their number of partitions.
    pub(crate) fn with_topics(partitions: i32) -> Self {
        let names = Self::new(broker());
        for topic in [&names.input, &names.output, &names.dead] {
            create_topic(&names.bootstrap, topic, partitions);
        }
        names
    }

    /// Settings with at most `max_posts` unsettled records, half of them in progress if their number is even, and short
    /// intervals.
    pub(crate) fn settings(&self, max_posts: usize) -> Settings {
        let read_ahead = if max_posts.is_multiple_of(2) { 2 } else { 1 };
        let sets = [
            format!("kafka.bootstrap={}", self.bootstrap),
            "kafka.properties.topic.metadata.refresh.interval.ms=300".to_owned(),
            "kafka.properties.reconnect.backoff.max.ms=200".to_owned(),
            format!("ingest.topic={}", self.input),
            format!("ingest.group={}", self.group),
            format!("ingest.read_ahead={read_ahead}"),
            "ingest.commit_interval=50ms".to_owned(),
            format!("publish.topic={}", self.output),
            format!("publish.dead_letter_topic={}", self.dead),
            format!("engine.posts_in_flight={}", max_posts / read_ahead),
            format!("engine.drain_deadline={}s", WITHIN.as_secs()),
            "telemetry.progress=0s".to_owned(),
        ];
        let config = Config::load(&Sources { sets: sets.into(), ..Sources::default() }).unwrap().config;
        // The attempts log of one test is no concern of another.
        Settings { state: None, ..Settings::new(&config, "none") }
    }

    /// The same with exactly-once delivery under that id.
    pub(crate) fn exactly_once(&self, max_posts: usize, id: &str) -> Settings {
        let mut settings = self.settings(max_posts);
        settings.publish.delivery = DeliveryMode::ExactlyOnce;
        settings.publish.transactional_id = format!("{}-{id}", self.group);
        settings
    }
}

/// A running engine.
pub(crate) struct RunningEngine {
    runtime: Runtime,
    engine: JoinHandle<Result<Summary, EngineError>>,
    stop: CancellationToken,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

impl RunningEngine {
    pub(crate) fn start(settings: Settings, echo: &EchoPipeline) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::default()));
        health.models_are_warm();
        let stop = CancellationToken::new();
        let pipeline = {
            let echo = echo.clone();
            move |record: InputRecord| {
                let answer = echo.annotate(record.payload);
                async { vec![EventAnswer::from(answer.await)] }
            }
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
