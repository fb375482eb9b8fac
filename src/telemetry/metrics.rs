//! What is counted, under which name? Every metric of the engine, one function an event.
//!
//! Labels whose values are known start at 0, so that a rate is right from the first event. Labels whose values are
//! found out (partitions, caches, classes of dead letters) start at 0 when they are made known.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::build_metrics::BuildMetrics;
use super::cache_metrics::CacheMetrics;
use super::families::{end_to_end_buckets, register_alone};
use super::group_events::GroupMetrics;
use super::letter_metrics::LetterMetrics;
use super::llm_metrics::LlmFamilies;
use super::media_metrics::MediaMetrics;
use super::stage_metrics::all_stages;
use super::traffic_metrics::TrafficMetrics;
use super::watched::{Watched, catch_up};
use super::{
    AnswerMetrics, CacheTally, DeviceMetrics, EntityMetrics, FetchMetrics, Health, IngestMetrics,
    KafkaMetrics, LagMetrics, LetterLog, LlmMetrics, MemoryMetrics, Rebalance, StageMetrics, StageSummary,
    Transaction, WorkProgress, health_metrics, open_metrics,
};
use crate::domain::Stage;

pub(super) use super::families::{register, seconds_buckets};

/// All metrics of one engine, in a registry of its own.
pub struct Metrics {
    registry: Registry,
    stages: [StageMetrics; Stage::WITH_RETRIEVAL.len()],
    fetches: FetchMetrics,
    media: MediaMetrics,
    ingest: IngestMetrics,
    llms: LlmFamilies,
    answers: AnswerMetrics,
    traffic: TrafficMetrics,
    lag: LagMetrics,
    kafka: KafkaMetrics,
    entities: EntityMetrics,
    device: DeviceMetrics,
    build: BuildMetrics,
    dead_letters: LetterMetrics,
    caches: CacheMetrics,
    pictures_read: IntCounterVec,
    memory: MemoryMetrics,
    watched: Watched,
    underway: WorkProgress,
    decode_seconds: Histogram,
    degraded: IntCounter,
    end_to_end_seconds: Histogram,
    posts_in_flight: IntGauge,
    picture_bytes_in_flight: IntGauge,
    watermark: IntGaugeVec,
    outstanding: IntGaugeVec,
    paused_partitions: IntGauge,
    group: GroupMetrics,
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
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        let gauge = |name: &str, help: &str| register(&registry, IntGauge::new(name, help));
        let seconds = |name: &str, help: &str| {
            let options = HistogramOpts::new(name, help).buckets(seconds_buckets());
            register(&registry, Histogram::with_opts(options))
        };
        let watched = Watched::default();
        // The seven that every Prometheus knows, such as `process_cpu_seconds_total`.
        #[cfg(target_os = "linux")]
        register_alone(&registry, prometheus::process_collector::ProcessCollector::for_self());
        Self {
            stages: all_stages(&registry),
            fetches: FetchMetrics::new(&registry),
            media: MediaMetrics::new(&registry),
            ingest: IngestMetrics::new(&registry),
            llms: LlmFamilies::new(&registry),
            answers: AnswerMetrics::new(&registry),
            traffic: TrafficMetrics::new(&registry),
            lag: LagMetrics::new(&registry, &watched),
            kafka: KafkaMetrics::new(&registry),
            entities: EntityMetrics::new(&registry),
            device: DeviceMetrics::new(&registry, &watched),
            build: BuildMetrics::new(&registry),
            dead_letters: LetterMetrics::new(&registry),
            caches: CacheMetrics::new(&registry),
            pictures_read: counters(
                "riveg_pictures_read_total",
                "Pictures that a stage's network has read; its other requests found theirs remembered.",
                &["stage"],
            ),
            memory: MemoryMetrics::new(&registry, &watched),
            watched,
            underway: WorkProgress::default(),
            decode_seconds: seconds("riveg_decode_seconds", "Time to decode a post with its pictures."),
            degraded: register(
                &registry,
                IntCounter::new("riveg_posts_degraded_total", "Posts that were answered in part."),
            ),
            end_to_end_seconds: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "riveg_end_to_end_seconds",
                        "Time from the input record's timestamp to the delivery of its output.",
                    )
                    .buckets(end_to_end_buckets()),
                ),
            ),
            posts_in_flight: gauge("riveg_posts_in_flight", "Posts read and not yet settled."),
            picture_bytes_in_flight: gauge(
                "riveg_picture_bytes_in_flight",
                "Bytes of decoded pictures of the posts in flight.",
            ),
            watermark: gauges(
                "riveg_commit_watermark_offset",
                "The offset up to which all records of a partition are settled.",
                &["topic", "partition"],
            ),
            outstanding: gauges(
                "riveg_outstanding_records",
                "Records of a partition that are read and not yet settled.",
                &["topic", "partition"],
            ),
            paused_partitions: gauge("riveg_paused_partitions", "Partitions not read from for want of room."),
            group: GroupMetrics::new(&registry),
            registry,
        }
    }

    /// The counters of one stage.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> StageMetrics {
        self.stages[stage as usize].clone()
    }

    /// What is under way, for whoever watches whether it gets on.
    #[must_use]
    pub fn work_progress(&self) -> &WorkProgress {
        &self.underway
    }

    /// The counters of fetched pictures.
    #[must_use]
    pub fn fetches(&self) -> FetchMetrics {
        self.fetches.clone()
    }

    /// The counters of media that posts are answered without.
    #[must_use]
    pub fn media(&self) -> &MediaMetrics {
        &self.media
    }

    /// The counters of what is read and is no post.
    #[must_use]
    pub fn ingest(&self) -> &IngestMetrics {
        &self.ingest
    }

    /// The counters of the language model that the settings call by that name.
    #[must_use]
    pub fn llm(&self, endpoint: &str) -> LlmMetrics {
        self.llms.endpoint(endpoint)
    }

    /// The counters of answers that are kept.
    #[must_use]
    pub fn answers(&self) -> AnswerMetrics {
        self.answers.clone()
    }

    /// How far behind the engine is.
    #[must_use]
    pub fn lag(&self) -> &LagMetrics {
        &self.lag
    }

    /// What clients of Kafka say of themselves.
    #[must_use]
    pub fn kafka(&self) -> &KafkaMetrics {
        &self.kafka
    }

    /// The counters of entities in answers.
    #[must_use]
    pub fn entities(&self) -> &EntityMetrics {
        &self.entities
    }

    /// What is told of the device.
    #[must_use]
    pub fn device(&self) -> &DeviceMetrics {
        &self.device
    }

    /// All stages in figures, in order.
    #[must_use]
    pub fn stage_summaries(&self) -> Vec<StageSummary> {
        Stage::WITH_RETRIEVAL.iter().map(|&stage| self.stages[stage as usize].summary(stage)).collect()
    }

    /// A cache of that kind, such as `expansion`, is asked what it has done whenever somebody asks the metrics.
    pub fn watch_cache(&self, kind: &str, tally: impl Fn() -> CacheTally + Send + 'static) {
        self.caches.watch(&self.watched, kind, tally);
    }

    /// Whether the engine is ready and alive is looked up whenever somebody asks the metrics.
    pub fn watch_health(&self, health: &Arc<Health>) {
        health_metrics::watch(&self.registry, &self.watched, health);
    }

    /// How much of its memory the device spends on what networks remember of pictures is looked up whenever somebody asks
    /// the metrics; `device` is its name and the most that it may spend.
    pub fn watch_device_memory(&self, device: (&str, u64), bytes: impl Fn() -> u64 + Send + 'static) {
        self.device.watch_remembered(&self.watched, device, bytes);
    }

    /// How many pictures a stage's network has read is looked up whenever somebody asks the metrics.
    pub fn watch_pictures_read(&self, stage: Stage, read: Arc<AtomicU64>) {
        let counter = self.pictures_read.with_label_values(&[stage.as_str()]);
        self.watched.watch(move || catch_up((&counter, read.load(Ordering::Relaxed))));
    }

    /// How much a stage's network remembers of pictures is looked up whenever somebody asks the metrics.
    pub fn watch_remembered(&self, stage: Stage, bytes: Arc<AtomicU64>) {
        self.memory.watch_remembered(&self.watched, stage, bytes);
    }

    /// What is told of memory.
    pub fn memory(&self) -> &MemoryMetrics {
        &self.memory
    }

    /// Makes the classes of dead letters known, and the parts that they may have to do without.
    pub fn know_dead_letters(&self, classes: &[&str], parts: &[&str]) {
        self.dead_letters.know(classes, parts);
    }

    /// Makes the topics known that are written to.
    pub fn know_output_topics(&self, topics: &[&str]) {
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

    /// Which dead letters the log names.
    #[must_use]
    pub fn letter_log(&self) -> &LetterLog {
        self.dead_letters.log()
    }

    /// Records of that topic whose delivery was reported.
    #[must_use]
    pub fn produced_so_far(&self, topic: &str) -> u64 {
        self.traffic.produced_so_far(topic)
    }

    /// Posts that are in flight now.
    #[must_use]
    pub fn posts_in_flight_now(&self) -> u64 {
        u64::try_from(self.posts_in_flight.get()).unwrap_or(0)
    }

    /// A post was answered in part, as its provenance says.
    pub fn degraded(&self) {
        self.degraded.inc();
    }

    /// A post was decoded in this time.
    pub fn decoded(&self, took: Duration) {
        self.decode_seconds.observe(took.as_secs_f64());
    }

    /// An output was delivered this long after its input's timestamp.
    pub fn delivered(&self, end_to_end: Duration) {
        self.end_to_end_seconds.observe(end_to_end.as_secs_f64());
    }

    /// So many posts are in flight now.
    pub fn posts_in_flight(&self, posts: usize) {
        self.posts_in_flight.set(posts as i64);
    }

    /// So many bytes of decoded pictures are held now.
    pub fn picture_bytes_in_flight(&self, bytes: u64) {
        self.picture_bytes_in_flight.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// A partition was given to this engine: its counters start.
    pub fn partition_assigned(&self, topic: &str, partition: i32) {
        let labels = [topic, &partition.to_string()];
        self.traffic.consumed(topic, partition, 0, 0);
        self.outstanding.with_label_values(&labels).set(0);
        self.ingest.lost(topic, partition, 0);
    }

    /// A partition was taken from this engine: another one reports of it now.
    pub fn partition_revoked(&self, topic: &str, partition: i32) {
        let labels = [topic, &partition.to_string()];
        // A partition without a watermark yet has none to remove.
        let _ = self.outstanding.remove_label_values(&labels);
        let _ = self.watermark.remove_label_values(&labels);
        self.lag.revoked(topic, partition);
    }

    /// All records of a partition below this offset are settled.
    pub fn watermark(&self, topic: &str, partition: i32, offset: i64) {
        self.watermark.with_label_values(&[topic, &partition.to_string()]).set(offset);
    }

    /// So many records of a partition are read and not settled.
    pub fn outstanding(&self, topic: &str, partition: i32, records: usize) {
        self.outstanding.with_label_values(&[topic, &partition.to_string()]).set(records as i64);
    }

    /// So many partitions are paused now.
    pub fn paused_partitions(&self, partitions: usize) {
        self.paused_partitions.set(partitions as i64);
    }

    /// The consumer group was rebalanced.
    pub fn rebalanced(&self, kind: Rebalance) {
        self.group.rebalanced(kind);
    }

    /// A transaction ended after this long.
    pub fn transaction(&self, outcome: Transaction, took: Duration) {
        self.group.transaction(outcome, took);
    }

    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.watched.look();
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
        self.watched.look();
        open_metrics::encode(&self.registry.gather())
    }
}
