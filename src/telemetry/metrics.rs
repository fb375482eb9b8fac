//! What is counted, under which name? Every metric of the engine, one function an event.
//!
//! Labels whose values are known start at 0, so that a rate is right from the first event. Labels whose values are
//! found out (partitions, caches, classes of dead letters) start at 0 when they are made known.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Counter, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use super::letter_metrics::LetterMetrics;
use super::llm_metrics::LlmFamilies;
use super::stage_metrics::all_stages;
use super::watched::{CacheTally, Watched, catch_up};
use super::{
    AnswerMetrics, FetchMetrics, IngestMetrics, LlmMetrics, MemoryMetrics, Rebalance, StageMetrics,
    StageSummary, Transaction, Underway,
};
use crate::domain::Stage;

/// All metrics of one engine, in a registry of its own.
pub struct Metrics {
    registry: Registry,
    stages: [StageMetrics; Stage::WITH_KNOWLEDGE.len()],
    fetches: FetchMetrics,
    ingest: IngestMetrics,
    llms: LlmFamilies,
    answers: AnswerMetrics,
    consumed: IntCounterVec,
    produced: IntCounterVec,
    dead_letters: LetterMetrics,
    cache_requests: IntCounterVec,
    pictures_read: IntCounterVec,
    memory: MemoryMetrics,
    watched: Watched,
    underway: Underway,
    decode_seconds: Histogram,
    degraded: IntCounter,
    end_to_end_seconds: Histogram,
    device_idle_seconds: Counter,
    posts_in_flight: IntGauge,
    picture_bytes_in_flight: IntGauge,
    watermark: IntGaugeVec,
    outstanding: IntGaugeVec,
    paused_partitions: IntGauge,
    rebalances: IntCounterVec,
    transactions: HistogramVec,
    bundle: IntGaugeVec,
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
        let rebalances =
            counters("riveg_rebalances_total", "Rebalances of the consumer group by kind.", &["kind"]);
        Rebalance::ALL.iter().for_each(|kind| rebalances.with_label_values(&[kind.as_str()]).reset());
        let transactions = register(
            &registry,
            HistogramVec::new(
                HistogramOpts::new(
                    "riveg_transaction_seconds",
                    "Time from the begin of a transaction to its commit or abort.",
                )
                .buckets(seconds_buckets()),
                &["outcome"],
            ),
        );
        Transaction::ALL.iter().for_each(|outcome| drop(transactions.with_label_values(&[outcome.as_str()])));
        let build = gauges("riveg_build_info", "1, labelled with what was built.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let watched = Watched::default();
        Self {
            stages: all_stages(&registry),
            fetches: FetchMetrics::new(&registry),
            ingest: IngestMetrics::new(&registry),
            llms: LlmFamilies::new(&registry),
            answers: AnswerMetrics::new(&registry),
            consumed: counters("riveg_records_consumed_total", "Records read.", &["topic", "partition"]),
            produced: counters(
                "riveg_records_produced_total",
                "Records whose delivery was reported.",
                &["topic"],
            ),
            dead_letters: LetterMetrics::new(&registry),
            cache_requests: counters(
                "riveg_cache_requests_total",
                "Questions to a cache, by kind of cache and outcome.",
                &["kind", "outcome"],
            ),
            pictures_read: counters(
                "riveg_pictures_read_total",
                "Pictures that a stage's network has read; its other requests found theirs remembered.",
                &["stage"],
            ),
            memory: MemoryMetrics::new(&registry, &watched),
            watched,
            underway: Underway::default(),
            decode_seconds: seconds("riveg_decode_seconds", "Time to decode a post with its pictures."),
            degraded: register(
                &registry,
                IntCounter::new("riveg_posts_degraded_total", "Posts that were answered in part."),
            ),
            end_to_end_seconds: seconds(
                "riveg_end_to_end_seconds",
                "Time from the input record's timestamp to the delivery of its output.",
            ),
            device_idle_seconds: register(
                &registry,
                Counter::new(
                    "riveg_device_idle_seconds_total",
                    "Time in which the device waited because nothing was queued.",
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
            rebalances,
            transactions,
            bundle: gauges("riveg_bundle_info", "1, labelled with the bundle in use.", &["hash"]),
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
    pub fn underway(&self) -> &Underway {
        &self.underway
    }

    /// The counters of fetched pictures.
    #[must_use]
    pub fn fetches(&self) -> FetchMetrics {
        self.fetches.clone()
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

    /// All stages in figures, in order.
    #[must_use]
    pub fn stage_summaries(&self) -> Vec<StageSummary> {
        Stage::WITH_KNOWLEDGE.iter().map(|&stage| self.stages[stage as usize].summary(stage)).collect()
    }

    /// A cache of that kind, such as `expansion`, is asked what it has done whenever somebody asks the metrics.
    pub fn watch_cache(&self, kind: &str, tally: impl Fn() -> CacheTally + Send + 'static) {
        let outcome = |outcome: &str| self.cache_requests.with_label_values(&[kind, outcome]);
        let [hits, joins, misses] = ["hit", "join", "miss"].map(outcome);
        self.watched.watch(move || {
            let tally = tally();
            [(&hits, tally.hits), (&joins, tally.joins), (&misses, tally.misses)]
                .into_iter()
                .for_each(catch_up);
        });
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
        topics.iter().for_each(|topic| self.produced.with_label_values(&[topic]).inc_by(0));
    }

    /// The bundle in use, by its hash.
    pub fn bundle(&self, hash: &str) {
        self.bundle.with_label_values(&[hash]).set(1);
    }

    /// A record was read.
    pub fn consumed(&self, topic: &str, partition: i32) {
        self.consumed.with_label_values(&[topic, &partition.to_string()]).inc();
    }

    /// The delivery of a record was reported.
    pub fn produced(&self, topic: &str) {
        self.produced.with_label_values(&[topic]).inc();
    }

    /// A record was rejected.
    pub fn dead_letter(&self, class: &str) {
        self.dead_letters.rejected(class);
    }

    /// A dead letter was written without that part of its record.
    pub fn dead_letter_cut(&self, part: &str) {
        self.dead_letters.cut(part);
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

    /// The device had nothing to do for this long. What is neither this nor a stage's compute time is overhead.
    pub fn device_idle(&self, waited: Duration) {
        self.device_idle_seconds.inc_by(waited.as_secs_f64());
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
        self.consumed.with_label_values(&labels).inc_by(0);
        self.outstanding.with_label_values(&labels).set(0);
        self.ingest.lost(topic, partition, 0);
    }

    /// A partition was taken from this engine: another one reports of it now.
    pub fn partition_revoked(&self, topic: &str, partition: i32) {
        let labels = [topic, &partition.to_string()];
        // A partition without a watermark yet has none to remove.
        let _ = self.outstanding.remove_label_values(&labels);
        let _ = self.watermark.remove_label_values(&labels);
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
        self.rebalances.with_label_values(&[kind.as_str()]).inc();
    }

    /// A transaction ended after this long.
    pub fn transaction(&self, outcome: Transaction, took: Duration) {
        self.transactions.with_label_values(&[outcome.as_str()]).observe(took.as_secs_f64());
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
}

/// Bounds in seconds, from the shortest batch on a GPU to a post that waited out a rebalance: each about double.
pub(super) fn seconds_buckets() -> Vec<f64> {
    vec![
        0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
        60.0,
    ]
}

/// Enters a metric into the registry. Names are written in this folder, once each: neither step can fail.
pub(super) fn register<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<M>,
) -> M {
    match metric.and_then(|metric| registry.register(Box::new(metric.clone())).map(|()| metric)) {
        Ok(metric) => metric,
        Err(error) => unreachable!("a metric's name or labels are wrong or taken: {error}"),
    }
}
