//! Registry of all metrics, with one function for each event.
//!
//! Series with fixed label values start at 0, so that a rate is right from the first event. Series whose label values
//! are known only at run time (partitions, caches, classes of dead letters) start at 0 when they are declared.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus::{IntCounterVec, Opts, TextEncoder};

use super::build_metrics::BuildMetrics;
use super::cache_metrics::CacheMetrics;
use super::dead_letter_metrics::DeadLetterMetrics;
use super::feed_metrics::FeedFamilies;
use super::group_events::GroupMetrics;
use super::http_metrics::HttpMetrics;
use super::llm_metrics::LlmFamilies;
use super::media_metrics::MediaMetrics;
use super::partition_metrics::PartitionMetrics;
use super::post_metrics::PostMetrics;
use super::registration::{Family, Registry, register, register_alone};
use super::reload_metrics::{Reload, ReloadMetrics};
use super::scrape_hooks::{ScrapeHooks, catch_up};
use super::stage_metrics::all_stages;
use super::trace_metrics::TraceMetrics;
use super::traces::EngineTracing;
use super::traffic_metrics::TrafficMetrics;
use super::{
    AnswerMetrics, CacheTally, DeadLetterLog, DeviceMetrics, EntityMetrics, FeedMetrics, FetchMetrics,
    Health, IngestMetrics, KafkaMetrics, LagMetrics, LlmMetrics, MemoryMetrics, OutputMetrics, Rebalance,
    StageMetrics, StageSummary, Transaction, WorkProgress, health_metrics, open_metrics,
};
use crate::domain::Stage;

/// All metrics of one engine, in a registry of its own.
pub struct Metrics {
    registry: Registry,
    stages: [StageMetrics; Stage::WITH_RETRIEVAL.len()],
    fetches: FetchMetrics,
    media: MediaMetrics,
    ingest: IngestMetrics,
    http: HttpMetrics,
    llms: LlmFamilies,
    answers: AnswerMetrics,
    traffic: TrafficMetrics,
    lag: LagMetrics,
    kafka: KafkaMetrics,
    entities: EntityMetrics,
    device: DeviceMetrics,
    build: BuildMetrics,
    dead_letters: DeadLetterMetrics,
    outputs: OutputMetrics,
    feeds: FeedFamilies,
    caches: CacheMetrics,
    pictures_read: IntCounterVec,
    memory: MemoryMetrics,
    hooks: ScrapeHooks,
    progress: WorkProgress,
    posts: PostMetrics,
    partitions: PartitionMetrics,
    group: GroupMetrics,
    reloads: ReloadMetrics,
    tracing: EngineTracing,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at 0.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let hooks = ScrapeHooks::default();
        // The seven that every Prometheus knows, such as `process_cpu_seconds_total`.
        #[cfg(target_os = "linux")]
        register_alone(&registry, prometheus::process_collector::ProcessCollector::for_self());
        Self {
            stages: all_stages(&registry),
            fetches: FetchMetrics::new(&registry),
            media: MediaMetrics::new(&registry),
            ingest: IngestMetrics::new(&registry),
            http: HttpMetrics::new(&registry),
            llms: LlmFamilies::new(&registry),
            answers: AnswerMetrics::new(&registry),
            traffic: TrafficMetrics::new(&registry),
            lag: LagMetrics::new(&registry, &hooks),
            kafka: KafkaMetrics::new(&registry),
            entities: EntityMetrics::new(&registry),
            device: DeviceMetrics::new(&registry, &hooks),
            build: BuildMetrics::new(&registry),
            dead_letters: DeadLetterMetrics::new(&registry),
            outputs: OutputMetrics::new(&registry),
            feeds: FeedFamilies::new(&registry),
            caches: CacheMetrics::new(&registry),
            pictures_read: counters(
                "riveg_pictures_read_total",
                "Pictures that a stage's network has read; its other requests found theirs remembered.",
                &["stage"],
            ),
            memory: MemoryMetrics::new(&registry, &hooks),
            hooks,
            progress: WorkProgress::default(),
            posts: PostMetrics::new(&registry),
            partitions: PartitionMetrics::new(&registry),
            group: GroupMetrics::new(&registry),
            reloads: ReloadMetrics::new(&registry),
            tracing: EngineTracing::new(TraceMetrics::new(&registry)),
            registry,
        }
    }

    /// The counters of one stage. Its batches are traced if tracing has started.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> StageMetrics {
        self.stages[stage as usize].traced_by(self.tracing.tracer())
    }

    /// The traces of posts.
    #[must_use]
    pub fn tracing(&self) -> &EngineTracing {
        &self.tracing
    }

    /// Progress of work, for health.
    #[must_use]
    pub fn work_progress(&self) -> &WorkProgress {
        &self.progress
    }

    /// The counters of fetched pictures.
    #[must_use]
    pub fn fetches(&self) -> FetchMetrics {
        self.fetches.clone()
    }

    /// The metrics of a feed that this process reads.
    #[must_use]
    pub fn feed(&self, name: &'static str) -> FeedMetrics {
        self.feeds.of(name)
    }

    /// The counters of each output.
    #[must_use]
    pub fn outputs(&self) -> &OutputMetrics {
        &self.outputs
    }

    /// The counters of media that posts are answered without.
    #[must_use]
    pub fn media(&self) -> &MediaMetrics {
        &self.media
    }

    /// The counters of reading.
    #[must_use]
    pub fn ingest(&self) -> &IngestMetrics {
        &self.ingest
    }

    /// The metrics of posts over HTTP.
    #[must_use]
    pub fn http(&self) -> HttpMetrics {
        self.http.clone()
    }

    /// The counters of the language model that the settings call by that name.
    #[must_use]
    pub fn llm(&self, endpoint: &str) -> LlmMetrics {
        self.llms.endpoint(endpoint)
    }

    /// The counters of the answer cache.
    #[must_use]
    pub fn answers(&self) -> AnswerMetrics {
        self.answers.clone()
    }

    /// The gauges of consumer lag.
    #[must_use]
    pub fn lag(&self) -> &LagMetrics {
        &self.lag
    }

    /// The metrics of the Kafka clients.
    #[must_use]
    pub fn kafka(&self) -> &KafkaMetrics {
        &self.kafka
    }

    /// The counters of entities in answers.
    #[must_use]
    pub fn entities(&self) -> &EntityMetrics {
        &self.entities
    }

    /// The metrics of the device.
    #[must_use]
    pub fn device(&self) -> &DeviceMetrics {
        &self.device
    }

    /// Summaries of all stages, in order.
    #[must_use]
    pub fn stage_summaries(&self) -> Vec<StageSummary> {
        Stage::WITH_RETRIEVAL.iter().map(|&stage| self.stages[stage as usize].summary(stage)).collect()
    }

    /// Reads the tally of a cache of that kind, such as `expansion`, before metrics are rendered.
    pub fn watch_cache(&self, kind: &str, tally: impl Fn() -> CacheTally + Send + 'static) {
        self.caches.watch(&self.hooks, kind, tally);
    }

    /// Reads readiness and liveness before metrics are rendered.
    pub fn watch_health(&self, health: &Arc<Health>) {
        health_metrics::watch(&self.registry, &self.hooks, health);
    }

    /// Reads the bytes that encodings of pictures take on the device before metrics are rendered; `device` is its name
    /// and their limit.
    pub fn watch_device_memory(&self, device: (&str, u64), bytes: impl Fn() -> u64 + Send + 'static) {
        self.device.watch_remembered(&self.hooks, device, bytes);
    }

    /// Reads the number of pictures that a stage's network has encoded before metrics are rendered.
    pub fn watch_pictures_read(&self, stage: Stage, read: impl Fn() -> u64 + Send + 'static) {
        let counter = self.pictures_read.with_label_values(&[stage.as_str()]);
        self.hooks.add(move || catch_up((&counter, read())));
    }

    /// Reads the bytes of a stage's encodings of pictures before metrics are rendered.
    pub fn watch_remembered(&self, stage: Stage, bytes: Arc<AtomicU64>) {
        self.memory.watch_remembered(&self.hooks, stage, bytes);
    }

    /// The metrics of memory.
    pub fn memory(&self) -> &MemoryMetrics {
        &self.memory
    }

    /// Starts the series of these classes of dead letters, and of the parts that may not fit.
    pub fn declare_dead_letters(&self, classes: &[&str], parts: &[&str]) {
        self.dead_letters.know(classes, parts);
    }

    /// Starts the series of these output topics.
    pub fn declare_output_topics(&self, topics: &[&str]) {
        topics.iter().for_each(|topic| self.traffic.produced(topic, 0, 0));
    }

    /// The networks run on that device.
    pub fn runs_on(&self, device: &str) {
        self.build.runs_on(device);
    }

    /// The bundle in use, by its hash.
    pub fn bundle(&self, hash: &str) {
        self.build.bundle(hash);
    }

    /// A record of so many bytes was read.
    pub fn consumed(&self, topic: &str, partition: i32, bytes: usize) {
        self.traffic.consumed(topic, partition, 1, bytes);
    }

    /// The delivery of a record of so many bytes was reported.
    pub fn produced(&self, topic: &str, bytes: usize) {
        self.traffic.produced(topic, 1, bytes);
    }

    /// A record was rejected.
    pub fn dead_letter(&self, class: &str) {
        self.dead_letters.rejected(class);
    }

    /// A dead letter was written without that part of its record.
    pub fn dead_letter_cut(&self, part: &str) {
        self.dead_letters.cut(part);
    }

    /// The log limit of dead letters.
    #[must_use]
    pub fn dead_letter_log(&self) -> &DeadLetterLog {
        self.dead_letters.log()
    }

    /// The number of delivered records of that topic.
    #[must_use]
    pub fn produced_so_far(&self, topic: &str) -> u64 {
        self.traffic.produced_so_far(topic)
    }

    /// The number of posts in flight.
    #[must_use]
    pub fn posts_in_flight_now(&self) -> u64 {
        self.posts.in_flight()
    }

    /// A post was answered in part, as its provenance says.
    pub fn degraded(&self) {
        self.posts.degraded();
    }

    /// A post was decoded in this time.
    pub fn decoded(&self, took: Duration) {
        self.posts.decoded(took);
    }

    /// An output was delivered this long after its input's timestamp. `trace`: the id of its trace, if that is recorded.
    pub fn delivered(&self, end_to_end: Duration, trace: Option<String>) {
        self.posts.delivered(end_to_end, trace);
    }

    /// So many posts are in flight now.
    pub fn posts_in_flight(&self, posts: usize) {
        self.posts.set_in_flight(posts);
    }

    /// So many bytes of decoded pictures are held now.
    pub fn picture_bytes_in_flight(&self, bytes: u64) {
        self.posts.set_picture_bytes(bytes);
    }

    /// A partition was assigned to this engine: its series start.
    pub fn partition_assigned(&self, topic: &str, partition: i32) {
        self.traffic.consumed(topic, partition, 0, 0);
        self.partitions.outstanding(topic, partition, 0);
        self.ingest.lost(topic, partition, 0);
    }

    /// A partition was revoked from this engine: its series end.
    pub fn partition_revoked(&self, topic: &str, partition: i32) {
        self.partitions.revoked(topic, partition);
        self.lag.revoked(topic, partition);
    }

    /// All records of a partition below this offset are settled.
    pub fn watermark(&self, topic: &str, partition: i32, offset: i64) {
        self.partitions.watermark(topic, partition, offset);
    }

    /// So many records of a partition are read and not settled.
    pub fn outstanding(&self, topic: &str, partition: i32, records: usize) {
        self.partitions.outstanding(topic, partition, records);
    }

    /// So many partitions are paused now.
    pub fn paused_partitions(&self, partitions: usize) {
        self.partitions.paused(partitions);
    }

    /// The consumer group was rebalanced.
    pub fn rebalanced(&self, kind: Rebalance) {
        self.group.rebalanced(kind);
    }

    /// A transaction ended after this long.
    pub fn transaction(&self, outcome: Transaction, took: Duration) {
        self.group.transaction(outcome, took);
    }

    /// The settings were to be reloaded.
    pub fn reloaded(&self, outcome: Reload) {
        self.reloads.ended(outcome);
    }

    /// What is measured, by name: also families without series so far.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        self.registry.families()
    }

    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.hooks.run();
        let mut text = String::new();
        match TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            Ok(()) => text,
            Err(error) => {
                unreachable!("the encoder refuses only families without a name or a metric: {error}")
            }
        }
    }

    /// All metrics as OpenMetrics.
    #[must_use]
    pub fn render_open_metrics(&self) -> String {
        self.hooks.run();
        open_metrics::encode(&self.registry.gather(), self.posts.exemplars())
    }
}
